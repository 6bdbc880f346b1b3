"""Avro's binary encoding of primitive values, as the generated records use it.

Why it is so: a record is written and read three to four times at every hop, and a general Avro
library looks each field up in a schema while it does so. The generated records spell out their own
fields instead, over what stands here. The bytes are the same; tests compare the two.

What reads raises ValueError (UnicodeDecodeError too), IndexError or struct.error for bytes that do
not follow the encoding. Where the data ends too early, a position beyond its end may be returned
instead: who reads a whole record compares the last position with the number of bytes.

Source: Apache Avro 1.12 specification, "Binary Encoding".
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterable, Mapping

LONG_BYTES_MAX = 10  # of a 64-bit integer in groups of seven bits
KEPT = 1 << 14  # integers below it, lengths above all, are encoded once
BOOLEANS = (False, True)
FLOAT = struct.Struct("<f")
DOUBLE = struct.Struct("<d")


class _Integers(dict[int, bytes]):
    """Zigzag varints by integer; raises ValueError for too many bits, TypeError for no integer."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self._bits = bits

    def __missing__(self, value: int) -> bytes:
        value = operator.index(value)
        if (value if value >= 0 else ~value) >> self._bits - 1:
            raise ValueError(f"{value} does not fit {self._bits} bits")
        encoded = _varint(value)
        if 0 <= value < KEPT:
            self[value] = encoded
        return encoded


INT, LONG = _Integers(32), _Integers(64)
"""An integer's bytes: LONG[number]."""


def _varint(value: int) -> bytes:
    """Encode an integer.

    Times are today, and for the next thousand years, numbers of 50 to 56 bits, hence eight groups:
    those are spread over the bytes of one integer in three steps, not eight.
    """
    rest = value << 1 ^ value >> 63
    if 1 << 49 <= rest < 1 << 56:
        rest = rest & 0x0000000FFFFFFF | (rest & 0xFFFFFFF0000000) << 4
        rest = rest & 0x00003FFF00003FFF | (rest & 0x0FFFC0000FFFC000) << 2
        rest = rest & 0x007F007F007F007F | (rest & 0x3F803F803F803F80) << 1
        return (rest | 0x0080808080808080).to_bytes(8, "little")
    groups = bytearray()
    while rest > 0x7F:
        groups.append(rest & 0x7F | 0x80)
        rest >>= 7
    groups.append(rest)
    return bytes(groups)


def long_at(data: bytes, here: int) -> tuple[int, int]:
    """Read an integer; return it and the position after it."""
    first = data[here]
    if first < 0x80:
        return first >> 1 ^ -(first & 1), here + 1
    second = data[here + 1]
    if second < 0x80:
        value = first & 0x7F | second << 7
        return value >> 1 ^ -(value & 1), here + 2
    word = int.from_bytes(data[here : here + 8], "little")
    if word & 0x8080808080808080 == 0x0080808080808080:  # eight groups: see _varint
        word = word & 0x007F007F007F007F | (word & 0x7F007F007F007F00) >> 1
        word = word & 0x00003FFF00003FFF | (word & 0x3FFF00003FFF0000) >> 2
        word = word & 0x000000000FFFFFFF | (word & 0x0FFFFFFF00000000) >> 4
        return word >> 1 ^ -(word & 1), here + 8
    value = shift = 0
    for at in range(here, here + LONG_BYTES_MAX):
        group = data[at]
        value |= (group & 0x7F) << shift
        if group < 0x80:
            if value >> 64:
                break
            return value >> 1 ^ -(value & 1), at + 1
        shift += 7
    raise ValueError("an integer of more than 64 bits")


def span_at(data: bytes, here: int) -> tuple[int, int]:
    """Read the length of a string; return where it starts and where it ends.

    An end beyond the data counts as one byte beyond, however far away it is said to be: no
    position is larger than an index can be.
    """
    size, start = long_at(data, here)
    if size < 0:
        raise ValueError("a string of negative length")
    end = start + size
    return (start, end) if end <= len(data) else (start, len(data) + 1)


def count_at(data: bytes, here: int) -> tuple[int, int]:
    """Read the head of a block of items; return how many there are and where the first one is.

    A writer may state the block's size in bytes after a negated count; readers need it to skip.
    """
    count, here = long_at(data, here)
    if count < 0:
        _, here = long_at(data, here)
        return -count, here
    if count == 0:
        raise ValueError("a block of no items, not spelt as the end")
    return count, here


def text(value: str) -> bytes:
    """Encode a string."""
    data = value.encode()
    return LONG[len(data)] + data


def strings(values: Iterable[str]) -> bytes:
    """Encode strings one after the other, without the block's head and end."""
    parts: list[bytes] = []
    for value in values:
        text = value.encode()
        parts += (LONG[len(text)], text)
    return b"".join(parts)


def blobs(values: Iterable[bytes]) -> bytes:
    """Encode byte strings one after the other, without the block's head and end."""
    parts: list[bytes] = []
    for value in values:
        parts += (LONG[len(value)], value)
    return b"".join(parts)


def pairs(values: Mapping[str, str]) -> bytes:
    """Encode the entries of a map in their order, without the block's head and end."""
    parts: list[bytes] = []
    for name, value in values.items():
        key, text = name.encode(), value.encode()
        parts += (LONG[len(key)], key, LONG[len(text)], text)
    return b"".join(parts)


def string_at(data: bytes, here: int) -> tuple[str, int]:
    """Read a string; return it and the position after it."""
    start, end = span_at(data, here)
    return data[start:end].decode(), end


def blob_at(data: bytes, here: int) -> tuple[bytes, int]:
    """Read a byte string; return it and the position after it."""
    start, end = span_at(data, here)
    return data[start:end], end
