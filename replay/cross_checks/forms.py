"""Digests that stand for what records say, where only sameness matters: none is written.

Of a lane they are all kept, since any record may repeat what any other one said. So one takes eight
bytes, and not the hundreds that a name, a tuple and a set of Python take.
"""

from __future__ import annotations

import hashlib
import secrets
from array import array
from bisect import bisect_left
from typing import Any

import msgspec

FORM_BYTES = 8
NEW_MIN, NEW_SHARE = 1_024, 16
_KEY = secrets.token_bytes(16)
"""Of this process: else one could look beforehand for a forgery that one of all forms fits."""
_encode = msgspec.msgpack.Encoder().encode


def form_number(*told: Any) -> int:
    """Digest what is told, records or fields of them, to a number of 64 bits."""
    digest = hashlib.blake2b(_encode(told), digest_size=FORM_BYTES, key=_KEY).digest()
    return int.from_bytes(digest)


class FormNumbers:
    """A set of such numbers, of hardly more than eight bytes each."""

    def __init__(self) -> None:
        self._sorted = array("Q")
        self._new: set[int] = set()
        """Few beside the others, so that these are sorted seldom."""

    def add(self, number: int) -> None:
        """Take one in."""
        self._new.add(number)
        if len(self._new) > NEW_MIN + len(self._sorted) // NEW_SHARE:
            self._sorted = array("Q", sorted(self._new.union(self._sorted)))
            self._new = set()

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._sorted, number)
        held = at < len(self._sorted) and self._sorted[at] == number
        return held or number in self._new
