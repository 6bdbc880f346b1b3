"""Support weights: fit the head of agents/checking on half of labelled claims, report the rest.

    python -m bench.groundedness.support_weights DATA/grounded/scifact_train.jsonl.gz

A row has `id`, `context`, `claim` and `label` (supported, contradicted, not_supported). Its half is
a bit of the digest of its id. Written to agents/configuration/checking-1.json are the weights of
the first half; printed are average precision and area under the ROC curve of both halves.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import agents
from agents.checking.clauses import claim_of
from agents.checking.support_head import probability
from agents.checking.supporting import SUPPORTED, check, read, support_features
from agents.statements import statements

WEIGHTS = Path(agents.__file__).parent / "configuration" / "checking-1.json"
RIDGE = 1.0  # weight of the penalty; cross-validated within the first half, 0.3 to 10 differ little
STEPS = 30  # of Newton's method, which settles in fewer than ten
DECIMALS = 4
RESAMPLED = 1_000

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelledClaim:
    """A claim with its context, and whether that supports it."""

    id: str
    context: str
    claim: str
    label: str

    @property
    def half(self) -> int:
        """Which half of the set it belongs to: 0 is fitted, 1 is reported."""
        return half_of(self.id)


def half_of(name: str) -> int:
    """Return the half that a name falls into."""
    return hashlib.sha256(name.encode()).digest()[0] & 1


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read one JSON object a line."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_claims(path: Path) -> list[LabelledClaim]:
    """Read labelled claims."""
    keys = "id", "context", "claim", "label"
    return [LabelledClaim(*(row[key] for key in keys)) for row in read_lines(path)]


def weighed(row: LabelledClaim) -> dict[str, float]:
    """Return the features of a claim."""
    sources = [part.text for part in statements(row.context)]
    return support_features(claim_of(row.claim), read(sources))


def fit(named: Sequence[dict[str, float]], supported: Sequence[bool]) -> dict[str, float]:
    """Return the weights of a logistic regression with a ridge penalty, by Newton's method."""
    names = sorted(named[0])
    x = np.array([[1.0, *(one[name] for name in names)] for one in named])
    y = np.array(supported, dtype=float)
    penalty = np.diag([0.0] + [RIDGE] * len(names))
    weights = np.zeros(len(names) + 1)
    for _ in range(STEPS):
        guess = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (guess - y) + penalty @ weights
        curve = (x * (guess * (1 - guess))[:, None]).T @ x + penalty
        weights -= np.linalg.solve(curve, slope)
    return dict(zip(("bias", *names), (round(float(w), DECIMALS) for w in weights), strict=True))


def average_precision(scores: FloatVector, positive: FloatVector) -> float:
    """Return the area under the curve of precision over recall; equal scores are one step."""
    order = np.argsort(-scores, kind="stable")
    hits, ends = np.cumsum(positive[order]), np.flatnonzero(np.diff(scores[order], append=np.inf))
    at_ends = hits[ends]
    gained = np.diff(at_ends, prepend=0.0)
    return float(np.sum(gained * at_ends / (ends + 1)) / positive.sum())


def area_under_roc(scores: FloatVector, positive: FloatVector) -> float:
    """Return how often a positive scores above a negative; equal scores count half."""
    above, below = scores[positive == 1], np.sort(scores[positive == 0])
    less = np.searchsorted(below, above, "left")
    same = np.searchsorted(below, above, "right") - less
    return float((less + same / 2).sum() / (len(above) * len(below)))


def told(rows: Sequence[LabelledClaim], scores: FloatVector) -> str:
    """Say how well scores tell supported claims from others, with intervals of 95 %."""
    positive = np.array([float(row.label == SUPPORTED) for row in rows])
    related = np.array([row.label != "not_supported" for row in rows])
    draw = np.random.default_rng(0)
    chosen = [draw.integers(0, len(rows), len(rows)) for _ in range(RESAMPLED)]
    resampled = [average_precision(scores[one], positive[one]) for one in chosen]
    among = area_under_roc(scores[related], positive[related])
    pairs = [one[related[one]] for one in chosen]
    resampled_among = [area_under_roc(scores[one], positive[one]) for one in pairs]
    return (
        f"average precision {average_precision(scores, positive):.3f} {interval(resampled)}, "
        f"AUC {area_under_roc(scores, positive):.3f}, "
        f"supported against contradicted AUC {among:.3f} {interval(resampled_among)}"
    )


def interval(values: Sequence[float]) -> str:
    """Return the interval of 95 % of resampled values, as text."""
    low, high = np.percentile(values, [2.5, 97.5])
    return f"[{low:.3f}, {high:.3f}]"


def main(path: Path, written: Path = WEIGHTS) -> None:
    """Fit, write and report."""
    rows = read_claims(path)
    named = {row.id: weighed(row) for row in rows}
    halves = [[row for row in rows if row.half == half] for half in (0, 1)]
    fitted = halves[0]
    weights = fit([named[row.id] for row in fitted], [row.label == SUPPORTED for row in fitted])
    written.write_text(json.dumps(weights, indent=1, sort_keys=True) + "\n")
    for half, name in zip(halves, ("fitted half", "other half"), strict=True):
        scores = np.array([probability(named[row.id], weights) for row in half])
        print(f"{name}, {len(half)} claims, head: {told(half, scores)}")  # noqa: T201 - a report
        checks = [check(row.claim, [p.text for p in statements(row.context)]) for row in half]
        rules = np.array(
            [
                one.share - 0.5 * (one.outcome == "contradicted") - 0.1 * len(one.reasons)
                for one in checks
            ]
        )
        print(f"{name}, rules alone: {told(half, rules)}")  # noqa: T201 - likewise
        shares = np.array([one.share for one in checks])
        print(f"{name}, share of words alone: {told(half, shares)}")  # noqa: T201 - likewise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
