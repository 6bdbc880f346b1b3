"""English words: what the model takes for a name and is a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

_NAMES_AND_WORDS = """
abby art baker bill black blue bob bobby brown bush carol chase chuck cliff curt dale dean drew
earnest ernest frank french gates gene german grace grant gray green grey guy harry hunter jack jay
josh joy june king lance long mark may mick mike miles nick noble norm pat peter pierce randy ray
rich rob rocky rod roman rose sandy savage sharp short spike stark sterling stone strong sue swift
teddy todd tony wade ward white will wise young
"""
NAMES_AND_WORDS = frozenset(_NAMES_AND_WORDS.split())
"""Words that are names more often when the model takes them for a person."""


class WordSet:
    """A set of words by their hashes of 64 bits: 8 bytes a word, where a set of them has 75.

    A word that is none of them has the hash of one once in some 10^14 looks.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._hashes = np.unique(np.fromiter(map(hash, words), np.int64))

    def __contains__(self, word: str) -> bool:
        at = int(np.searchsorted(self._hashes, hash(word)))
        return at < len(self._hashes) and int(self._hashes[at]) == hash(word)


class Words:
    """English words, out of the tables of the model's lemmatizer (WordNet's)."""

    def __init__(self, model: Any) -> None:
        _, lemmatizer = model.remove_pipe("lemmatizer")
        index = lemmatizer.lookups.get_table("lemma_index")
        # its nouns hold the names of many people
        self._common = WordSet(word for kind in ("verb", "adj", "adv") for word in index[kind])
        self._known = WordSet(
            word for kind in ("verb", "adj", "adv", "noun") for word in index[kind]
        )

    def common(self, word: str) -> bool:
        """Whether it is a verb, adjective or adverb, inflected perhaps, and hardly ever a name."""
        word = word.strip(".,'’").lower()
        return word not in NAMES_AND_WORDS and any(stem in self._common for stem in _stems(word))

    def known(self, word: str) -> bool:
        """Whether it is any word at all."""
        return any(stem in self._known for stem in _stems(word.strip(".,'’").lower()))


def _stems(word: str) -> Iterator[str]:
    """List what a word may be an inflection of; itself first."""
    yield word
    for ending, base in (("s", ""), ("es", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e")):
        if word.endswith(ending):
            yield word[: -len(ending)] + base
