"""Digests that stand for what records say, where only sameness matters: none is written.

Of a lane they are all kept, since any record may repeat what any other one said. So one takes eight
bytes, and not the hundreds that a name, a tuple and a set of Python take.
"""

from __future__ import annotations

import hashlib
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Container, Sequence, Sized
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
    """A set of such numbers, of hardly more than eight bytes each, also while it grows."""

    def __init__(self) -> None:
        self._sorted = array("Q")
        self._new: set[int] = set()
        """Few beside the others, so that these are sorted seldom."""

    def add(self, number: int) -> None:
        """Take one in."""
        self._new.add(number)
        if _are_many(self._new, self._sorted):
            kept, new = self._sorted, sorted(self._new)
            places = _places(kept, new)
            self._sorted = _put_between(kept, places, new, held=_held(kept, places, new))
            self._new = set()

    def __contains__(self, number: int) -> bool:
        return _place(self._sorted, number) is not None or number in self._new


class FormValues:
    """What belongs to such numbers, a number of 64 bits itself: sixteen bytes for both."""

    def __init__(self, *, signed: bool = False) -> None:
        self._sorted = array("Q")
        self._values = array("q" if signed else "Q")
        self._new: dict[int, int] = {}
        """As in `FormNumbers`; none of them is among the sorted ones."""

    def __setitem__(self, number: int, value: int) -> None:
        if (at := _place(self._sorted, number)) is not None:
            self._values[at] = value
            return
        self._new[number] = value
        if _are_many(self._new, self._sorted):
            new = sorted(self._new)
            places = _places(self._sorted, new)
            self._values = _put_between(self._values, places, [self._new[one] for one in new])
            self._sorted = _put_between(self._sorted, places, new)
            self._new = {}

    def get(self, number: int) -> int | None:
        """Return what belongs to a number; None for one that was never set."""
        if (at := _place(self._sorted, number)) is not None:
            return self._values[at]
        return self._new.get(number)


def _are_many(new: Sized, kept: Sized) -> bool:
    return len(new) > NEW_MIN + len(kept) // NEW_SHARE


def _place(kept: array[int], number: int) -> int | None:
    """Return where a number stands among sorted ones; None where it does not."""
    at = bisect_left(kept, number)
    return at if at < len(kept) and kept[at] == number else None


def _places(kept: array[int], new: Sequence[int]) -> list[int]:
    """Return before which of some sorted numbers others belong, which are sorted too."""
    places, at = [], 0
    for number in new:
        at = bisect_left(kept, number, at)
        places.append(at)
    return places


def _held(kept: array[int], places: Sequence[int], new: Sequence[int]) -> set[int]:
    """Return which of the new numbers are among the others already."""
    return {
        number
        for at, number in zip(places, new, strict=True)
        if at < len(kept) and kept[at] == number
    }


def _put_between(
    kept: array[int], places: Sequence[int], new: Sequence[int], held: Container[int] = ()
) -> array[int]:
    """Put new entries before others, but for what is held; no object is made of those others."""
    merged = array(kept.typecode)
    before = 0
    for at, one in zip(places, new, strict=True):
        merged += kept[before:at]
        before = at
        if one not in held:
            merged.append(one)
    return merged + kept[before:]
