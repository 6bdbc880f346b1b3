"""Logistic regression over dense and sparse features, by L-BFGS: numpy alone, the same every time.

Source: Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithms 7.4 and 3.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
STEPS = 60
MEMORY = 10
FLAT = 1e-4  # gradient, as a share of its first one, at which it is done


@dataclass(frozen=True)
class FeatureTable:
    """Features of some texts: dense ones, and sparse ones by row and column."""

    dense: Vector
    """(texts, dense features)."""
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Vector
    width: int
    """Number of sparse columns."""

    def take(self, chosen: NDArray[np.bool_]) -> FeatureTable:
        """Return the table of some of the texts."""
        numbers = np.cumsum(chosen) - 1
        kept = chosen[self.rows]
        rows = numbers[self.rows[kept]]
        return FeatureTable(
            self.dense[chosen], rows, self.columns[kept], self.values[kept], self.width
        )

    def scores(self, weights: Vector) -> Vector:
        """Return each text's sum: sparse weights first, then dense ones, then the bias."""
        spread = self.values * weights[: self.width][self.columns]
        sparse = np.bincount(self.rows, spread, minlength=len(self.dense)).astype(float)
        total: Vector = sparse + self.dense @ weights[self.width : -1] + weights[-1]
        return total

    def back(self, errors: Vector) -> Vector:
        """Return what errors of the texts say of each weight."""
        sparse = np.bincount(self.columns, self.values * errors[self.rows], minlength=self.width)
        return np.concatenate([sparse, self.dense.T @ errors, [errors.sum()]])


def fit(table: FeatureTable, labels: Vector, importance: Vector, strength: float) -> Vector:
    """Return the weights that least miss the labels; `strength` is the inverse of the penalty."""
    signs = 2 * labels - 1

    def missed(weights: Vector) -> tuple[float, Vector]:
        margins = signs * table.scores(weights)
        losses = np.logaddexp(0, -margins)
        errors = -signs * importance / (1 + np.exp(np.clip(margins, -500, 500)))
        kept = weights.copy()
        kept[-1] = 0  # the bias is free
        loss = float(importance @ losses + 0.5 / strength * (kept @ kept))
        return loss, table.back(errors) + kept / strength

    return minimised(missed, np.zeros(table.width + table.dense.shape[1] + 1))


def minimised(function: Callable[[Vector], tuple[float, Vector]], start: Vector) -> Vector:
    """Walk down a smooth function from a place on."""
    at, (value, slope) = start, function(start)
    first, past = float(np.linalg.norm(slope)), deque[tuple[Vector, Vector]](maxlen=MEMORY)
    for _ in range(STEPS):
        way = -_scaled(slope, past)
        downhill = float(way @ slope)
        length = 1.0 if past else min(1.0, 1 / max(first, 1e-12))
        for _ in range(30):
            there = at + length * way
            new_value, new_slope = function(there)
            if new_value <= value + 1e-4 * length * downhill:
                break
            length /= 2
        else:
            return at
        moved, turned = there - at, new_slope - slope
        if float(moved @ turned) > 1e-12:
            past.append((moved, turned))
        at, value, slope = there, new_value, new_slope
        if float(np.linalg.norm(slope)) <= FLAT * first:
            break
    return at


def _scaled(slope: Vector, past: Any) -> Vector:
    """Return the slope as a Newton step would take it, from the last moves."""
    way, kept = slope.copy(), []
    for moved, turned in reversed(past):
        share = float(moved @ way) / float(moved @ turned)
        way -= share * turned
        kept.append((moved, turned, share))
    if past:
        moved, turned = past[-1]
        way *= float(moved @ turned) / float(turned @ turned)
    for moved, turned, share in reversed(kept):
        way += (share - float(turned @ way) / float(moved @ turned)) * moved
    return way
