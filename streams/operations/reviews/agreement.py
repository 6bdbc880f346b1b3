"""How far two reviewers agree, beyond what chance would have them agree.

Source: Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
Measurement 20(1), 1960; the standard error is his.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Z_95 = 1.959964
"""Standard errors to either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True)
class Agreement:
    """How far pairs of grades agree."""

    answers: int
    raw: float | None
    """Share of answers with one grade; None where there are none."""
    kappa: float | None
    """Cohen's kappa; None where chance alone would have all agree, or there are none."""
    low: float | None
    """Where its 95 % interval begins."""
    high: float | None

    def as_json(self) -> dict[str, Any]:
        """Return it as a part of a document."""
        return {
            "answers": self.answers,
            "raw": _rounded(self.raw),
            "kappa": _rounded(self.kappa),
            "kappa_low": _rounded(self.low),
            "kappa_high": _rounded(self.high),
        }


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Compare what the first of each pair said with what the second said.

    Of more than two reviewers, the pairs are taken together as if there were two.
    """
    count = len(pairs)
    if not count:
        return Agreement(0, None, None, None, None)
    raw = sum(one == other for one, other in pairs) / count
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(first[grade] * second[grade] for grade in sorted(first)) / count**2
    if chance == 1:
        return Agreement(count, raw, None, None, None)
    kappa = (raw - chance) / (1 - chance)
    error = math.sqrt(raw * (1 - raw) / count) / (1 - chance)
    low, high = max(-1.0, kappa - Z_95 * error), min(1.0, kappa + Z_95 * error)
    return Agreement(count, raw, kappa, low, high)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
