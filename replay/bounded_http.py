"""Asking a server that nobody here believes: bounded time, bounded bytes, and no redirect.

A body is taken as it comes, never unpacked: a few bytes may unpack to gigabytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self

import httpx

ANSWER_S = 10.0
"""For the whole of an answer, however slowly its bytes come."""
ANSWER_BYTES_MAX = 256 * 1024
"""A checkpoint with a hundred cosignatures has fewer."""
REASON_CHARACTERS_MAX = 200
ASK_AGAIN = frozenset({408, 425, 429})


class NoHttpAnswer(ConnectionError):
    """A server does not answer now: another try may do better."""


class UselessAnswer(ValueError):
    """An answer that is none, whatever else it says."""


class BoundedHttp:
    """A client for one server; an asynchronous context manager."""

    def __init__(self, answer_s: float = ANSWER_S) -> None:
        self._answer_s = answer_s

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(
            follow_redirects=False,
            timeout=self._answer_s,
            headers={"Accept-Encoding": "identity", "User-Agent": "playhead"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Return status and body; raises NoHttpAnswer, or UselessAnswer for one without end."""
        try:
            async with (
                asyncio.timeout(self._answer_s),
                self._http.stream(method, url, content=body, headers=headers) as answer,
            ):
                content = bytearray()
                async for part in answer.aiter_raw():
                    content += part
                    if len(content) > ANSWER_BYTES_MAX:
                        raise UselessAnswer(f"its answer has more than {ANSWER_BYTES_MAX} bytes")
        except TimeoutError:
            raise NoHttpAnswer(f"it did not answer within {self._answer_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise NoHttpAnswer(f"it does not answer: {cut_short(why.encode())}") from None
        if answer.status_code >= 500 or answer.status_code in ASK_AGAIN:
            raise NoHttpAnswer(f"it answered {answer.status_code}: {cut_short(bytes(content))}")
        return answer.status_code, bytes(content)


def refused(status: int, body: bytes, meanings: Mapping[int, str]) -> str:
    """Say that a server refused, what that means, and what it says itself."""
    meaning = meanings.get(status, "")
    if 300 <= status < 400:
        meaning = "it points elsewhere, and no redirect is followed: name the address itself"
    return f"it answered {status}{f' ({meaning})' if meaning else ''}: {cut_short(body)}"


def cut_short(said: bytes) -> str:
    """Cut short what somebody else says, on one line, for a terminal."""
    text = said[: 4 * REASON_CHARACTERS_MAX].decode(errors="replace")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line[:REASON_CHARACTERS_MAX] or "nothing"
