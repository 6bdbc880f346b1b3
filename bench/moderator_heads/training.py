"""Train one head: what it sees of its texts, how much each of them counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.moderator_heads.logistic import FeatureTable, Vector, fit
from bench.moderator_heads.model_code import module
from bench.moderator_heads.texts import TrainingText

IMPORTANCE = {"openai": 3.0, "deepset": 2.0, "hatecheck": 0.1, "xstest": 0.3}
"""How much a text of a set counts; 1 elsewhere. HateCheck is many variants of few sentences, of
which a third is read."""
STRENGTH = 0.5
ORDER_STRENGTH = 3.0
PLAIN_SENTENCES = 0.3
"""How much a sentence of an ordinary document counts beside one of a context of attacks."""

Encode = Callable[[str], NDArray[np.float32]]


@dataclass(frozen=True)
class Sight:
    """What a head sees beside n-grams."""

    vector: bool = False
    profanity: bool = False


SIGHTS = {
    "harm": Sight(vector=True, profanity=True),
    "injection": Sight(vector=True),
    "order": Sight(),
}


class Looking:
    """Turns texts into tables, by the model's own code."""

    def __init__(self, encode: Encode, profane: dict[str, NDArray[Any]]) -> None:
        self.encode = encode
        self.features, self.heads = module("moderator", "features"), module("moderator", "heads")
        steps = profane["profanity.steps"]
        self._profanity = self.heads.Profanity(
            profane["profanity.weights"] * steps[0],
            profane["profanity.idf"] * steps[1],
            float(profane["profanity.bias"]),
        )

    def table(self, texts: Sequence[str], sight: Sight) -> FeatureTable:
        """Return what a head of this sight sees of some texts."""
        grams = [self.features.ngrams(text) for text in texts]
        lengths = [len(buckets) for buckets, _ in grams]
        columns = [np.empty(0, np.int64), *(buckets for buckets, _ in grams)]
        values = [np.empty(0), *(self.heads.GRAM_SCALE * values for _, values in grams)]
        return FeatureTable(
            dense=self._dense(texts, sight),
            rows=np.repeat(np.arange(len(texts)), lengths),
            columns=np.concatenate(columns),
            values=np.concatenate(values).astype(float),
            width=self.features.DIMENSIONS,
        )

    def _dense(self, texts: Sequence[str], sight: Sight) -> Vector:
        parts: list[Vector] = [np.empty((len(texts), 0))]
        if sight.vector:
            vectors = np.stack([self.encode(text) for text in texts]).astype(float)
            parts.append(self.heads.VECTOR_SCALE * vectors)
        if sight.profanity:
            parts.append(np.array([self._profane(text) for text in texts]))
        return np.hstack(parts)

    def _profane(self, text: str) -> tuple[float, float]:
        units = self.features.units(text)
        worst = max((self._profanity.of(unit) for unit in units), default=-1.0)
        return self._profanity.of(text), worst


def importance_of(rows: Sequence[TrainingText]) -> Vector:
    """Say how much each text counts."""
    return np.array([IMPORTANCE.get(row.data, 1.0) for row in rows])


def trained(table: FeatureTable, rows: Sequence[TrainingText], chosen: NDArray[np.bool_]) -> Vector:
    """Train on the chosen ones of some texts."""
    labels = np.array([row.label for row in rows], float)
    return fit(table.take(chosen), labels[chosen], importance_of(rows)[chosen], STRENGTH)


def packed(name: str, weights: Vector, sight: Sight, shift: float) -> dict[str, NDArray[Any]]:
    """Return a head's arrays as they stand in the file: weights of n-grams in a byte each."""
    features = module("moderator", "features")
    grams, dense = weights[: features.DIMENSIONS], weights[features.DIMENSIONS : -1]
    step = np.float32(np.abs(grams).max() / 127)
    arrays: dict[str, NDArray[Any]] = {
        f"{name}.grams": np.round(grams / step).astype(np.int8),
        f"{name}.step": np.array(step, np.float32),
        f"{name}.bias": np.array(weights[-1] - shift, np.float32),
    }
    if sight.vector:
        arrays[f"{name}.vector"], dense = dense[:384].astype(np.float16), dense[384:]
    if sight.profanity:
        arrays[f"{name}.profanity"] = dense.astype(np.float32)
    return arrays
