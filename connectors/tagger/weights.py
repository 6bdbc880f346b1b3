"""The tagger's weights: what each word adds to the scores of its own label and its neighbours'."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.tagger.packed_words import Arrays, PackedWords, digest
from connectors.tagger.word_features import OFFSETS, WORD_CHARACTERS_MAX, features

FILE = Path(__file__).with_name("tagger.npz")
KEPT_WORDS_MAX = 40_000
"""Words whose scores are kept: 30 MB at most. Then they are forgotten, and worked out anew."""

NAMES = frozenset({"first", "last"})
"""Flags of words that people are called by."""
KIN_NAMED_MAX = 0.1
"""Share of names among the words of a cluster, from which more of them may be some that no list
has: those that the sets of `docs/tagger.md` call persons lie above (Mendelssohn .48, Lessing .12),
ordinary words below .05."""

LabelScores = NDArray[np.float32]


class Weights:
    """Weights by feature, and the scores of the words seen lately."""

    def __init__(self, arrays: Arrays) -> None:
        self.labels: tuple[str, ...] = tuple(str(label) for label in arrays["labels"])
        self.transitions: LabelScores = arrays["transitions"].astype(np.float32)
        self._features = arrays["features"]
        self._weights = arrays["weights"]
        self._scales = arrays["scales"].astype(np.float32)
        self._lexicon = PackedWords(arrays)
        self._kept: dict[str, LabelScores] = {}
        self._kin_named = self._lexicon.shares(NAMES)

    def of_word(self, word: str) -> LabelScores:
        """Return a word's scores, (offset, label) float32, offsets in the order of OFFSETS."""
        scores = self._kept.get(word)
        if scores is None:
            scores = self._worked_out(word)
            if len(word) <= WORD_CHARACTERS_MAX:
                if len(self._kept) >= KEPT_WORDS_MAX:
                    self._kept.clear()
                self._kept[word] = scores
        return scores

    def listed(self, word: str) -> bool:
        """Say whether a list of names has a word, or it is among those with a vector."""
        return bool(self._lexicon.flags(word.lower())) or self._lexicon.cluster(word) is not None

    def named(self, word: str) -> bool:
        """Say whether a list of first or last names has a word."""
        return not NAMES.isdisjoint(self._lexicon.flags(word.lower()))

    def kin_is_named(self, word: str) -> bool:
        """Say whether people may be called so, by other words of its kind; yes of unknown kinds."""
        cluster = self._lexicon.cluster(word)
        return cluster is None or bool(self._kin_named[cluster[-1]] >= KIN_NAMED_MAX)

    def _worked_out(self, word: str) -> LabelScores:
        of_word = features(word, self._lexicon)
        seen = [
            (row, digest(f"{offset}:{name}"))
            for row, offset in enumerate(OFFSETS)
            for name in of_word[abs(offset)]
        ]
        rows, wanted = np.array(seen, np.uint32).T
        at = np.searchsorted(self._features, wanted)
        at[at == len(self._features)] = 0
        known = self._features[at] == wanted
        weighed = self._weights[at[known]] * self._scales[at[known], None]
        scores = np.zeros((len(OFFSETS), len(self.labels)), np.float32)
        np.add.at(scores, rows[known], weighed)
        return scores


def read(file: Path = FILE) -> Weights:
    """Read the weights; they come with Playhead."""
    with np.load(file, allow_pickle=False) as arrays:
        return Weights({name: arrays[name] for name in arrays.files})


def version(file: Path = FILE) -> str:
    """Return what names the weights: the beginning of the file's digest."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
