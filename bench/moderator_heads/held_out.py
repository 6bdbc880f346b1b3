"""What texts show that a head was not trained on: held out by fold, and by whole set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.moderator_heads.intervals import precision_figure, recall_at, resampled
from bench.moderator_heads.logistic import FeatureTable, Vector
from bench.moderator_heads.texts import FOLDS, Context, TrainingText
from bench.moderator_heads.training import SIGHTS, Looking, trained


@dataclass(frozen=True)
class HeldOutSets:
    """Texts with their scores."""

    rows: Sequence[TrainingText]
    scores: Vector


def of_rows(
    name: str, rows: Sequence[TrainingText], table: FeatureTable, spare: HeldOutSets
) -> None:
    """Print the figures of a head over whole texts."""
    by_fold, by_set = np.zeros(len(rows)), np.zeros(len(rows))
    folds, data = np.array([row.fold for row in rows]), np.array([row.data for row in rows])
    labels = np.array([row.label for row in rows])
    for fold in range(FOLDS):
        by_fold[folds == fold] = table.scores(trained(table, rows, folds != fold))[folds == fold]
    judged = sorted({str(one) for one in data[labels == 1]})
    for one in judged:
        by_set[data == one] = table.scores(trained(table, rows, data != one))[data == one]
    for how, scores in (("held out by fold", by_fold), ("whole set left out", by_set)):
        for one in judged:
            show(f"{name}, {how}, {one}", scores, data == one, labels, by_fold[data == "benign"])
    quiet = by_fold[(labels == 0) & ~np.isin(data, judged)]
    bound = float(np.quantile(spare.scores, 0.995))
    say(f"{name}: above 0.5 lie {(quiet > bound).mean():.4f} of {len(quiet)} harmless ones")
    for score, row in sorted(zip(spare.scores, spare.rows, strict=True), key=lambda at: -at[0])[
        :12
    ]:
        say(f"  {score - bound:+.2f} {row.data}: {row.text[:110]!r}")


def show(what: str, scores: Vector, chosen: Any, labels: Any, benign: Vector) -> None:
    """Print one line: area among the set's own texts, recall at 1 % of the benign ones."""
    positive, negative = scores[chosen & (labels == 1)], scores[chosen & (labels == 0)]
    area = precision_figure(positive, negative) if len(negative) else "-"
    say(f"{what}: AUPRC {area}, recall at 1 % {resampled(recall_at, positive, benign)}")


def of_orders(
    read: Sequence[Context],
    train: Callable[[Sequence[Context]], Vector],
    looking: Looking,
    plain: Sequence[str],
) -> None:
    """Print the figures of the head for orders: contexts and kinds of attack held out at once."""
    attacked: list[float] = []
    clean: list[float] = []
    spared: list[float] = []
    tasks: list[str] = []
    for fold in range(FOLDS):
        weights = train([c for c in read if fold not in {c.context_fold, c.attack_fold}])
        spared += looking.table(plain, SIGHTS["order"]).scores(weights).tolist()
        for one in read:
            if one.context_fold != fold or one.attack_fold not in {-1, fold}:
                continue
            worst = float(looking.table(one.units, SIGHTS["order"]).scores(weights).max())
            (attacked if one.orders else clean).append(worst)
            tasks += [one.task] if one.orders else []
    positive, negative = np.array(attacked), np.array(clean)
    say(f"order, kind of attack left out: {len(positive)} attacked, {len(negative)} clean")
    say(f"  AUPRC {precision_figure(positive, negative)}")
    for alarms in (0.01, 0.02, 0.05):
        figure = resampled(lambda a, b, at=alarms: recall_at(a, b, at), positive, negative)
        say(f"  recall at {alarms:.0%} of clean contexts {figure}")
    for task in sorted(set(tasks)):
        part = positive[np.array(tasks) == task]
        say(f"  {task}: recall at 1 % {recall_at(part, negative):.3f} of {len(part)}")
    bound = float(np.quantile(spared, 0.995))
    say(f"  at 0.5 % of {len(plain)} plain sentences: recall {(positive > bound).mean():.3f}, ")
    say(f"    false {(negative > bound).mean():.3f} of clean contexts")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201 - a program's output
