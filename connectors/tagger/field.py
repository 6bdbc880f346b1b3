"""The field: the likeliest labels of a text's words, all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from connectors.tagger.weights import LabelScores, Weights
from connectors.tagger.word_features import EDGE, TOKEN

NEVER = np.float32(-1e4)
OUTSIDE = "O"


class Tagged(NamedTuple):
    """A value that the field sees in a text."""

    start: int
    end: int
    label: str


class Field:
    """A linear-chain conditional random field: each label depends on five words and one label."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._labels = weights.labels
        self._outside = self._labels.index(OUTSIDE)
        self._follows = weights.transitions.copy()
        for row, before in enumerate(self._labels):
            for column, label in enumerate(self._labels):
                if label[0] == "I" and before[1:] != label[1:]:
                    self._follows[row, column] = NEVER
        self._first = np.array([NEVER if label[0] == "I" else 0 for label in self._labels])

    def tags(self, text: str, *biases: float) -> list[list[Tagged]]:
        """Find values, once for each bias: so much is taken off the score of lying outside.

        The higher it is, the more is found.
        """
        tokens = [(match.start(), match.end(), match[0]) for match in TOKEN.finditer(text)]
        if not tokens:
            return [[] for _ in biases]
        scores = self._scores([word for _, _, word in tokens])
        paths = self._paths(scores, np.array(biases, np.float32))
        return [list(self._values(tokens, path)) for path in paths]

    def listed(self, word: str) -> bool:
        """Say whether any list has a word."""
        return self._weights.listed(word)

    def named(self, word: str) -> bool:
        """Say whether a list of first or last names has a word."""
        return self._weights.named(word)

    def kin_is_named(self, word: str) -> bool:
        """Say whether people may be called so, by other words of its kind."""
        return self._weights.kin_is_named(word)

    def _scores(self, words: list[str]) -> LabelScores:
        """Score each word's labels by what it and its neighbours say, (words, labels)."""
        of_word = self._weights.of_word
        edge = of_word(EDGE)
        table = np.stack([edge, edge, *map(of_word, words), edge, edge])
        count = len(words)
        scores: LabelScores = (
            table[2 : count + 2, 0]
            + table[1 : count + 1, 1]
            + table[3 : count + 3, 2]
            + table[0:count, 3]
            + table[4 : count + 4, 4]
        )
        return scores

    def _paths(self, scores: LabelScores, biases: LabelScores) -> list[list[int]]:
        """Return the likeliest labels for each bias (Viterbi), the biases side by side."""
        count = len(scores)
        by_bias = np.repeat(scores[:, None, :], len(biases), axis=1)
        by_bias[:, :, self._outside] -= biases
        best = by_bias[0] + self._first
        came_from = []
        transposed = self._follows.T[None]
        for at in range(1, count):
            ways = best[:, None, :] + transposed
            came_from.append(ways.argmax(axis=2))
            best = ways.max(axis=2) + by_bias[at]
        paths = []
        for row in range(len(biases)):
            label = int(best[row].argmax())
            path = [label]
            for origin in reversed(came_from):
                label = int(origin[row, label])
                path.append(label)
            paths.append(path[::-1])
        return paths

    def _values(self, tokens: list[tuple[int, int, str]], path: list[int]) -> Iterator[Tagged]:
        """Join the words that belong to one value."""
        value: Tagged | None = None
        for (start, end, _), number in zip(tokens, path, strict=True):
            label = self._labels[number]
            if label[0] == "I" and value is not None:
                value = value._replace(end=end)
                continue
            if value is not None:
                yield value
            value = None if label == OUTSIDE else Tagged(start, end, label[2:])
        if value is not None:
            yield value
