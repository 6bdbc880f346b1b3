"""Leaves: the bytes of a record that its tree is built over.

All that lies on the broker and means something: where it lies, when it was written, key, value and
headers. Each part says how long it is, so no two records have the same bytes. Numbers are
big-endian; an absent key or value has the length -1.

    byte    1               version of this form
    int64   offset
    int64   timestamp       milliseconds since the Unix epoch, as the broker tells it
    int32   length, bytes   key
    int32   length, bytes   value
    int32                   number of headers, then of each: length and bytes of name and of content
"""

from __future__ import annotations

import struct

from replay.log import Stored

VERSION = b"\1"
_PLACE = struct.Struct(">qq")
_LENGTH = struct.Struct(">i")
ABSENT = _LENGTH.pack(-1)


def leaf_of(stored: Stored) -> bytes:
    """Return the bytes of a record's leaf."""
    parts = [
        VERSION,
        _PLACE.pack(stored.offset, stored.timestamp_ms),
        *_sized(stored.key),
        *_sized(stored.value),
        _LENGTH.pack(len(stored.headers)),
    ]
    for name, content in stored.headers:
        parts += (*_sized(name.encode()), *_sized(content))
    return b"".join(parts)


def _sized(data: bytes | None) -> tuple[bytes, ...]:
    return (ABSENT,) if data is None else (_LENGTH.pack(len(data)), data)
