"""Lexicon: phrases that are known already, found wherever they stand among other words.

A stretch of words is cut at the longest known phrase in it, the first of several, and so on in what
lies before and behind. A stretch that is known as a whole is no place to cut.

Why it is so: a conversation chooses how many words it has and how many phrases are known, and this
runs on the event loop. Looking each window up took a minute for 8,000 characters. One pass finds
the longest known phrase that ends at each word, and each acceptance can only shorten those that
reach into it, of which there are no more than it has words.

Source: Aho and Corasick, "Efficient string matching", 1975.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush

ROOT = 0
"""The node of no words."""


class Lexicon:
    """Phrases, their words parted by one space each, arranged so that all are sought at once."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._following: list[dict[str, int]] = [{}]
        """Node -> what follows it in some phrase: word -> node."""
        self._depth = [0]
        """Node -> the words on the way to it."""
        self._longest = [ROOT]
        """Node -> the longest phrase that ends there: its own, or a shorter one's node."""
        for phrase in phrases:
            self._add(phrase.split(" "))
        self._back = [ROOT] * len(self._following)
        """Node -> the longest other one that its last words lead to."""
        self._link()

    def cuts(self, words: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield, in order, the windows [start, end) of known phrases at which words are cut."""
        known = self._ending(words)
        # the longest first, then the first
        waiting = [(-self._depth[node], end - self._depth[node]) for end, node in known.items()]
        heapify(waiting)
        starts: list[int] = []
        ends: list[int] = []
        while waiting:
            size, start = heappop(waiting)
            end = start - size
            after = bisect_left(starts, end)  # the first window that begins behind this one
            left = ends[after - 1] if after else 0
            right = starts[after] if after < len(starts) else len(words)
            if left >= end:
                continue  # within what was cut out already
            if left <= start and (start, end) != (left, right):
                starts.insert(after, start)
                ends.insert(after, end)
                continue
            known[end] = self._shorter(known[end], min(end - left, -size - 1))
            if known[end] != ROOT:
                depth = self._depth[known[end]]
                heappush(waiting, (-depth, end - depth))
        yield from zip(starts, ends, strict=True)

    def _add(self, words: Sequence[str]) -> None:
        node = ROOT
        for word in words:
            following = self._following[node]
            if word not in following:
                following[word] = len(self._following)
                self._following.append({})
                self._depth.append(self._depth[node] + 1)
                self._longest.append(ROOT)
            node = following[word]
        self._longest[node] = node

    def _link(self) -> None:
        """Lead each node back, the nearest to the root first."""
        level = list(self._following[ROOT].values())
        while level:
            deeper = []
            for node in level:
                back = self._back[node]
                if self._longest[node] == ROOT:
                    self._longest[node] = self._longest[back]
                for word, follower in self._following[node].items():
                    self._back[follower] = self._step(back, word)
                    deeper.append(follower)
            level = deeper

    def _step(self, node: int, word: str) -> int:
        """Go on from a node with a word, or from the nearest one behind it that has it."""
        while word not in self._following[node]:
            if node == ROOT:
                return ROOT
            node = self._back[node]
        return self._following[node][word]

    def _ending(self, words: Sequence[str]) -> dict[int, int]:
        """Find, by the word behind it, the node of the longest phrase that ends there."""
        found: dict[int, int] = {}
        node = ROOT
        for end, word in enumerate(words, start=1):
            node = self._step(node, word)
            if self._longest[node] != ROOT:
                found[end] = self._longest[node]
        return found

    def _shorter(self, phrase: int, words_max: int) -> int:
        """Return the longest phrase of at most so many words that ends as another one does."""
        while self._depth[phrase] > words_max:
            phrase = self._longest[self._back[phrase]]
        return phrase
