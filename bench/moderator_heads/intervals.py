"""How well scores tell texts apart, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.moderator_heads.logistic import Vector

RESAMPLED = 400
FALSE_ALARMS = 0.01


@dataclass(frozen=True)
class ResampledFigure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


def average_precision(labels: Vector, scores: Vector) -> float:
    """Area under precision and recall; equal scores are one step."""
    order = np.argsort(-scores, kind="stable")
    labels, scores = labels[order], scores[order]
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    hits = np.cumsum(labels)[ends]
    gained = np.diff(hits, prepend=0.0)
    return float((gained / max(labels.sum(), 1) * hits / (ends + 1)).sum())


def recall_at(positive: Vector, negative: Vector, alarms: float = FALSE_ALARMS) -> float:
    """Share of the positives above all but a share of the negatives."""
    bound = np.sort(negative)[::-1][int(alarms * len(negative))]
    return float((positive > bound).mean())


def resampled(
    function: Callable[..., float], *samples: Sequence[float] | Vector
) -> ResampledFigure:
    """Give a figure over samples its interval, by drawing from each with replacement."""
    generator = np.random.Generator(np.random.PCG64(1))
    held = [np.asarray(sample, float) for sample in samples]
    drawn = [
        function(*(sample[generator.integers(0, len(sample), len(sample))] for sample in held))
        for _ in range(RESAMPLED)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return ResampledFigure(function(*held), float(low), float(high))


def precision_figure(positive: Vector, negative: Vector) -> ResampledFigure:
    """Area under precision and recall of two samples."""

    def area(above: Vector, below: Vector) -> float:
        labels = np.concatenate([np.ones(len(above)), np.zeros(len(below))])
        return average_precision(labels, np.concatenate([above, below]))

    return resampled(area, positive, negative)
