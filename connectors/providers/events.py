"""Events: read server-sent events of a peer that is not trusted; all that it sends is bounded.

Source: the WHATWG's HTML standard, 9.2.6, of which `data` fields alone are of interest here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from agents.errors import Transient

LINE_BYTES_MAX = 1 << 20  # a message holds a token or a few; what is asked for comes back in some
BYTES_A_TOKEN = 2_048  # of an answer: what surrounds a token is some 300 bytes


async def events(chunks: AsyncIterator[bytes], tokens_max: int) -> AsyncGenerator[str, None]:
    """Yield the data of each event of an answer of so many tokens.

    Raises Transient for a line or a body without end, and for bytes that are no UTF-8. A last event
    that no blank line ends is none.
    """
    data: list[str] = []
    size = 0
    async for line in _lines(chunks, 2 * LINE_BYTES_MAX + BYTES_A_TOKEN * tokens_max):
        if not line:
            if data:
                yield "\n".join(data)
            data, size = [], 0
            continue
        name, _, value = line.partition(b":")
        if name != b"data":
            continue
        size += len(value)
        if size > LINE_BYTES_MAX:
            raise Transient("a provider sent an event of more than 1 MiB")
        try:
            data.append(value.removeprefix(b" ").decode())
        except UnicodeDecodeError:
            raise Transient("a provider sent bytes that are no UTF-8") from None


async def _lines(chunks: AsyncIterator[bytes], bytes_max: int) -> AsyncGenerator[bytes, None]:
    """Cut a body into lines, without their ends."""
    rest: list[bytes] = []
    held = total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > bytes_max:
            raise Transient(f"a provider sent more than {bytes_max:,} bytes")
        first, *others = chunk.split(b"\n")
        rest.append(first)
        held += len(first)
        if held > LINE_BYTES_MAX:
            raise Transient("a provider sent a line of more than 1 MiB")
        for following in others:
            yield b"".join(rest).removesuffix(b"\r")
            rest, held = [following], len(following)
