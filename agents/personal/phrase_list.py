"""Phrase list: many terms of a few words, of which those that a text holds are found.

Terms are kept whole, and beside each first word how long the terms are that begin with it. So a
word of the text costs one look for each such length, TERM_WORDS_MAX at most, however many terms
there are. (A tree of words would do the same; of 50,000 terms it takes four times the memory.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.personal.folding import words_of

TERM_WORDS_MAX = 16
"""Words and marks of a term."""
_JOINT = "\x1f"


class PhraseList:
    """Terms and what each of them stands for."""

    def __init__(self, terms: Iterable[tuple[str, str]]) -> None:
        """`terms` are pairs of a text and its kind; of equal texts the first one counts."""
        self._kinds: dict[str, str] = {}
        lengths: dict[str, set[int]] = {}
        for text, kind in terms:
            words = words_of(text).words
            if not words:
                continue
            self._kinds.setdefault(_JOINT.join(words), kind)
            lengths.setdefault(words[0], set()).add(len(words))
        self._lengths = {word: tuple(sorted(some)[::-1]) for word, some in lengths.items()}

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield, for each word at which a term begins, the longest one and its kind."""
        if not self._kinds:  # most tenants list nothing: no text is taken apart for them
            return
        taken_apart = words_of(text)
        words, places = taken_apart.words, taken_apart.places
        for first, word in enumerate(words):
            for length in self._lengths.get(word, ()):
                kind = self._kinds.get(_JOINT.join(words[first : first + length]))
                if kind is not None and first + length <= len(words):
                    yield places[first][0], places[first + length - 1][1], kind
                    break
