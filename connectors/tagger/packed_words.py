"""The lexicon: what names and kinds of words are known, by digests of 32 bits.

It knows some 10^5 words. A word that it doesn't know has the digest of one that it does once in
some ten thousand times; then it is taken for that one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLAGS = ("first", "last", "city", "country")
"""Bits of a word's flags."""

Arrays = Mapping[str, NDArray[Any]]


def digest(text: str) -> int:
    """Return the digest of a word or feature, 32 bits."""
    return zlib.crc32(text.encode("utf-8", errors="replace"))


def place_of(value: int, among: NDArray[np.uint32]) -> int:
    """Return where a digest stands among sorted ones; -1 if it doesn't."""
    at = int(np.searchsorted(among, np.uint32(value)))
    return at if at < len(among) and int(among[at]) == value else -1


class PackedWords:
    """Known words, out of arrays."""

    def __init__(self, arrays: Arrays) -> None:
        self._words = arrays["words"]
        self._flags = arrays["word_flags"]
        self._clusters = arrays["word_clusters"]
        self._middle, self._coarse = arrays["middle_clusters"], arrays["coarse_clusters"]

    def flags(self, word: str) -> tuple[str, ...]:
        """Return what a word in small letters may be."""
        at = place_of(digest(word), self._words)
        bits = int(self._flags[at]) if at >= 0 else 0
        return tuple(name for bit, name in enumerate(FLAGS) if bits >> bit & 1)

    def cluster(self, word: str) -> tuple[int, int, int] | None:
        """Return a word's clusters, as it is spelt or else in small letters."""
        for spelling in dict.fromkeys((word, word.lower())):
            at = place_of(digest(spelling), self._words)
            fine = int(self._clusters[at]) - 1 if at >= 0 else -1
            if fine >= 0:
                return int(self._coarse[fine]), int(self._middle[fine]), fine
        return None

    def shares(self, flags: Collection[str]) -> NDArray[np.float64]:
        """Return for each fine cluster the share of its words that have one of these flags."""
        bits = sum(1 << bit for bit, name in enumerate(FLAGS) if name in flags)
        fine = self._clusters.astype(np.int64)  # 0: in none
        every = np.bincount(fine, minlength=len(self._middle) + 1)
        flagged = np.bincount(fine[(self._flags & bits) > 0], minlength=len(every))
        shares: NDArray[np.float64] = flagged[1:] / np.maximum(every[1:], 1)
        return shares
