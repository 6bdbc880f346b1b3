"""Drift as figures: a window of now beside a reference window before it.

    psi       population stability index of how values fall into bins: the sum over the bins of
              (now - before) * ln(now / before), half a question added to each bin, so that an empty
              one has no infinite weight. By custom, 0.1 is worth a look and 0.25 is another
              population.
    distance  of the mean vectors of the questions: 1 less their cosine, 0 to 2

Source: Siddiqi, "Credit Risk Scorecards", 2006, chapter 8, for the index and its bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streams.operations.drift.drift_sums import DriftSums, HourlySums

LEAST = 50
"""Questions of either window: with fewer, the index of two samples of one population passes .1."""
HALF = 0.5
FEATURES = ("languages", "lengths", "relevances", "supports")


@dataclass(frozen=True)
class DriftWindows:
    """How long the two windows are."""

    current_us: int
    reference_us: int
    """Before the current one."""


@dataclass(frozen=True)
class WindowFigures:
    """How one window is; None where there is nothing to say it of."""

    questions: int
    unanswered: float | None
    characters: float | None
    relevance: float | None
    support: float | None


@dataclass(frozen=True)
class TenantDrift:
    """How a tenant's window of now differs from the one before."""

    tenant: str
    current: WindowFigures
    reference: WindowFigures
    psi: Mapping[str, float] = field(default_factory=dict)
    """By feature; nothing where a window has too few questions."""
    distance: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return a part of a document."""
        return {
            "tenant": self.tenant,
            "current": _figures_json(self.current),
            "reference": _figures_json(self.reference),
            "psi": {name: round(value, 4) for name, value in self.psi.items()},
            "embedding_distance": None if self.distance is None else round(self.distance, 6),
        }


def _figures_json(one: WindowFigures) -> dict[str, Any]:
    return {
        "questions": one.questions,
        "unanswered": one.unanswered,
        "characters": one.characters,
        "relevance": one.relevance,
        "support": one.support,
    }


def drift_of(hourly: HourlySums, windows: DriftWindows, now_us: int) -> list[TenantDrift]:
    """Compare the two windows of each tenant, by name."""
    begin = now_us - windows.current_us
    return [
        compared(
            tenant,
            hourly.window(tenant, begin, now_us + 1),
            hourly.window(tenant, begin - windows.reference_us, begin),
        )
        for tenant in hourly.tenants
    ]


def compared(tenant: str, current: DriftSums, reference: DriftSums) -> TenantDrift:
    """Compare two windows."""
    told: dict[str, float] = {}
    for name in FEATURES:
        now, before = getattr(current, name), getattr(reference, name)
        if min(now.total(), before.total()) >= LEAST:
            told[name] = psi(before, now)
    return TenantDrift(
        tenant, figures(current), figures(reference), told, distance(current, reference)
    )


def figures(sums: DriftSums) -> WindowFigures:
    """Return the shares and means of a window."""
    return WindowFigures(
        questions=sums.questions,
        unanswered=_mean(sums.unanswered, sums.answers),
        characters=_mean(sums.characters, sums.questions),
        relevance=_mean(sums.relevance, sums.questions),
        support=_mean(sums.support, sums.supported),
    )


def _mean(total: float, count: int) -> float | None:
    return total / count if count else None


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Return the population stability index of two counts by bin."""
    bins = sorted({*before, *now})
    before_total = sum(before.values()) + HALF * len(bins)
    now_total = sum(now.values()) + HALF * len(bins)
    total = 0.0
    for one in bins:
        share_before = (before.get(one, 0) + HALF) / before_total
        share_now = (now.get(one, 0) + HALF) / now_total
        total += (share_now - share_before) * math.log(share_now / share_before)
    return total


def distance(current: DriftSums, reference: DriftSums) -> float | None:
    """Return 1 less the cosine of two windows' mean vectors; None where these can't be compared."""
    one, other = current.vector, reference.vector
    if one is None or other is None or one.shape != other.shape:
        return None
    if min(current.vectors, reference.vectors) < LEAST:
        return None
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    return None if norm == 0 else max(0.0, 1 - float(one @ other) / norm)
