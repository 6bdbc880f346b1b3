"""Tuning: from judged answers to thresholds of the configuration, and what these would change.

    abstention    generate, answerable.abstain: below, no answer is given. One that was right, or
                  partly, should have been given, one that was wrong or useless should not; an
                  abstention that was right should have been one.
    groundedness  generate, share_min: below, a sentence of a model does not stand. Answers that
                  were right, or partly, should; wrong ones, and those of wrong citations, not.
    moderation    redact, classifier.heads: from there on, a question is refused. A refusal that
                  was right should be one, others not; nor should what was answered well.

Only where both reviewers say the same of a row does it count. What is not released (answers that
moderation withdrew) no reviewer sees, so its thresholds are not tuned here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from agents.answering.abstaining import OPEN_KINDS, likely
from agents.answering.question_kinds import asked_for
from evals.groundedness import passage_of, standing
from evals.judged_rows import JudgedRow
from evals.thresholds import LabelledScore, TunedThreshold, tuned
from streams.log.configuration import Configuration, configuration

LEAST = 30
"""Rows of either kind: with fewer, the interval of a share is wider than a third."""
GOOD, BAD = frozenset({"right", "partly"}), frozenset({"wrong", "useless"})
HEADS = ("injection", "harm")
Values = dict[str, Any]


class TooFewJudgements(click.ClickException):
    """There is too little to go by; says how much more it takes."""

    exit_code = 2


@dataclass(frozen=True)
class TunableThreshold:
    """A threshold of the configuration, and how a row speaks to it."""

    name: str
    step: str
    path: tuple[str, ...]
    above: str
    """What should be at or above it."""
    below: str
    read: Callable[[JudgedRow, Values], tuple[float, bool] | None]
    """Returns score and label of a row, given the step's configuration; None where it has none."""

    def present(self, values: Mapping[str, Any]) -> float | None:
        """Return the threshold in force; None where the configuration has none."""
        found: Any = values
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return None if found is None else float(found)

    def changed(self, values: Mapping[str, Any], value: float) -> Values:
        """Return the top-level value of the configuration that holds the threshold, changed."""
        return {self.path[0]: _with(values[self.path[0]], self.path[1:], value)}


def _with(found: Any, path: Sequence[str], value: float) -> Any:
    return {**found, path[0]: _with(found[path[0]], path[1:], value)} if path else value


def verdict_of(row: JudgedRow) -> bool | None:
    """Tell whether both reviewers hold an outcome for good, or for bad; None where they differ."""
    said = set(row.grades)
    return True if said <= GOOD else False if said <= BAD else None


def _abstention(row: JudgedRow, values: Values) -> tuple[float, bool] | None:
    good = verdict_of(row)
    if good is None or row.finish_reason == "refused" or not row.passages:
        return None
    if asked_for(row.question).kind in OPEN_KINDS:
        return None  # answered in any case
    passages = [passage_of(one.text, one.title, one.id) for one in row.passages]
    score = likely(row.question, passages, values["answerable"]["weights"])
    return score, good != row.abstained


def _groundedness(row: JudgedRow, _values: Values) -> tuple[float, bool] | None:
    if row.abstained or not row.passages:
        return None
    context = "\n\n".join(one.text for one in row.passages)
    if set(row.grades) == {"wrong"} or row.citations_wrong == len(row.grades):
        return standing(context, row.answer), False
    return (standing(context, row.answer), True) if verdict_of(row) else None


def _moderation(head: str) -> Callable[[JudgedRow, Values], tuple[float, bool] | None]:
    def read(row: JudgedRow, _values: Values) -> tuple[float, bool] | None:
        good = verdict_of(row)
        if good is None or head not in row.question_scores:
            return None
        refused = row.finish_reason == "refused"
        if not refused and not good:
            return None  # wrong for whatever reason
        return row.question_scores[head], refused and good

    return read


TUNABLE = (
    TunableThreshold(
        "abstention",
        "generate",
        ("answerable", "abstain"),
        "answers that should be given",
        "that should not",
        _abstention,
    ),
    TunableThreshold(
        "groundedness",
        "generate",
        ("share_min",),
        "answers that should stand",
        "that should not",
        _groundedness,
    ),
    *(
        TunableThreshold(
            f"moderation, {head}",
            "redact",
            ("classifier", "heads", head),
            "questions that should be refused",
            "that should not",
            _moderation(head),
        )
        for head in HEADS
    ),
)


@dataclass(frozen=True)
class Proposal:
    """What judgements say of one threshold."""

    threshold: TunableThreshold
    present: float
    found: TunedThreshold
    rows: tuple[LabelledScore, ...]

    @property
    def value(self) -> float:
        """The threshold that is proposed: the present one, unless another is better for sure."""
        return self.found.value.value if self.found.is_better else self.present

    def changes(self) -> dict[str, int]:
        """Count the judged answers that would be decided otherwise, and how rightly."""
        counts = dict.fromkeys(("above, rightly", "above, wrongly", "below, rightly"), 0)
        counts["below, wrongly"] = 0
        for row in self.rows:
            now, then = row.score >= self.present, row.score >= self.value
            if now != then:
                rightly = "rightly" if then == row.above else "wrongly"
                counts[f"{'above' if then else 'below'}, {rightly}"] += 1
        return counts

    def as_json(self) -> dict[str, Any]:
        """Return a part of the document."""
        return {
            "threshold": self.threshold.name,
            "step": self.threshold.step,
            "value": ".".join(self.threshold.path),
            "present": self.present,
            "proposed": self.value,
            "is_better": self.found.is_better,
            "best": self.found.value.as_json(),
            "balanced_accuracy_present": self.found.present.as_json(),
            "balanced_accuracy_held_out": self.found.held_out.as_json(),
            "gain_held_out": self.found.gain.as_json(),
            "changes": self.changes(),
        }


@dataclass(frozen=True)
class Tuning:
    """What judgements say of all thresholds."""

    proposals: tuple[Proposal, ...]
    lacking: tuple[str, ...]
    """Thresholds for which there are too few judgements, and how many it takes."""

    def changed(self, configured: Mapping[str, Configuration]) -> dict[str, Values]:
        """Return the values that would be others, by step; nothing where all stays."""
        steps: dict[str, Values] = {}
        for one in self.proposals:
            if one.value != one.present:
                step = one.threshold.step
                values = {**configured[step].values, **steps.get(step, {})}
                steps.setdefault(step, {}).update(one.threshold.changed(values, one.value))
        return steps

    def configurations(self, configured: Mapping[str, Configuration]) -> dict[str, Configuration]:
        """Return the new configuration of each step that has one."""
        return {
            step: configuration(step, {**configured[step].values, **values})
            for step, values in self.changed(configured).items()
        }


def tune_thresholds(
    judged: Sequence[JudgedRow], configured: Mapping[str, Configuration], seed: int = 0
) -> Tuning:
    """Tune each threshold for which there is enough; raises TooFewJudgements where for none."""
    proposals, lacking = [], []
    for threshold in TUNABLE:
        values = configured[threshold.step].values
        present = threshold.present(values)
        if present is None:
            continue  # this configuration has no such threshold
        rows = [
            LabelledScore(read[0], read[1], row.group)
            for row in judged
            if (read := threshold.read(row, values)) is not None
        ]
        above = sum(row.above for row in rows)
        if min(above, len(rows) - above) < LEAST:
            lacking.append(_lack(threshold, above, len(rows) - above))
        else:
            found = tuned(rows, present, seed)
            proposals.append(Proposal(threshold, present, found, tuple(rows)))
    if not proposals:
        raise TooFewJudgements(
            f"too few judgements, by two reviewers who agree: {'; '.join(lacking)}"
        )
    return Tuning(tuple(proposals), tuple(lacking))


def _lack(threshold: TunableThreshold, above: int, below: int) -> str:
    more = [
        f"{LEAST - count} more {what}"
        for count, what in ((above, threshold.above), (below, threshold.below))
        if count < LEAST
    ]
    return (
        f"{threshold.name} has {above} {threshold.above} and {below} {threshold.below}, and needs "
        f"{LEAST} of either: {', '.join(more)}"
    )
