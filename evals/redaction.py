"""Redaction: is all personal data of a text replaced, and nothing else?

Characters are counted, letters and digits alone, whatever kind a span is given: what matters is
whether anything stays readable. Beside the policy in force stand the detector with all its kinds,
forms alone, and the analyzer that has spaCy look at every text, as it comes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evals.bootstrap import Floats, Statistic, mean_of, statistic_of
from evals.data_sets import Choice, EvalRow, name_of, rows_of
from evals.outcome import OURS, SetOutcome
from evals.redactors import (
    ALL_KINDS,
    FORMS,
    STOCK,
    Redactions,
    Stretches,
    all_kinds,
    forms,
    redacted,
    stock,
    timed,
)
from evals.stored_runs import StoredRun

BETA2 = 4.0
"""F2: what leaks weighs more than what is replaced for nothing."""
LEAKS = "texts that leak"
COUNTED = ("characters right", "characters wrong", "characters missed")
HARMLESS_TEXTS, HARMLESS_CHARACTERS = 100, 3_000
"""Of texts without personal data: so many, and so much of each."""
SYSTEMS = 4


@dataclass(frozen=True)
class SpannedText:
    """A text and where its personal data stands."""

    id: str
    text: str
    spans: tuple[tuple[int, int, str], ...]
    group: str


def spanned_text(row: EvalRow) -> SpannedText:
    """Read a row; raises BadData."""
    text, listed = row.text("text"), row.values.get("spans")
    if not isinstance(listed, list):
        raise row.bad('\'spans\' must be a list of {"start", "end", "type"}')
    spans = []
    for one in listed:
        start, end = (one.get(key) if isinstance(one, dict) else None for key in ("start", "end"))
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise row.bad(
                f"a span from {start} to {end}: 0 <= start < end <= {len(text)} must hold"
            )
        spans.append((start, end, str(one.get("type"))))
    group = row.values.get("template_id", row.text("id"))
    return SpannedText(row.text("id"), text, tuple(spans), str(group))


def evaluate_redaction(
    path: Path,
    choice: Choice,
    advance: Callable[[int], Callable[[], None]],
    harmless: Path | None = None,
    against: StoredRun | None = None,
) -> SetOutcome:
    """Evaluate one file, and compare it with a stored run.

    `harmless` has texts in which nothing is to be replaced.
    """
    rows = choice.of([spanned_text(row) for row in rows_of(path)], lambda one: one.group, path)
    texts = [row.text for row in rows]
    plain = [] if harmless is None else harmless_texts(harmless)
    done = advance(SYSTEMS * (len(rows) + len(plain)))
    outcome = SetOutcome(name_of(path), len(rows), seed=choice.seed)
    outcome.counts["spans"] = sum(len(row.spans) for row in rows)
    replaced = asyncio.run(redacted([*texts, *plain], done))
    add_found(outcome, OURS, rows, replaced[: len(rows)], choice.seed)
    add_harmless(outcome, OURS, plain, replaced[len(rows) :])
    times = {}
    for system, redactor in ((ALL_KINDS, all_kinds()), (FORMS, forms), (STOCK, stock())):
        found = timed(redactor, texts, done)
        add_found(outcome, system, rows, found.found, choice.seed)
        if plain:
            add_harmless(outcome, system, plain, timed(redactor, plain, done).found)
        times[system] = found
    add_times(outcome, times, choice.seed)
    if against is not None:
        against.add_changes(outcome, COMPARED, {row.id: row.group for row in rows})
    return outcome


def harmless_texts(path: Path) -> list[str]:
    """Read texts without personal data; raises BadData."""
    rows = islice(rows_of(path), HARMLESS_TEXTS)
    return [row.text("text")[:HARMLESS_CHARACTERS] for row in rows]


def add_harmless(
    outcome: SetOutcome, system: str, texts: Sequence[str], found: Sequence[Stretches]
) -> None:
    """Take in how much of harmless texts a system would replace."""
    if texts:
        hidden = [float(len(letters_in(*one))) for one in zip(texts, found, strict=True)]
        letters = [float(sum(map(str.isalnum, text))) for text in texts]
        outcome.add("harmless text replaced", system, statistic_of(_share, hidden, letters))


def add_times(outcome: SetOutcome, times: dict[str, Redactions], seed: int) -> None:
    """Take in the CPU time of a text, and how often it goes into that of the stock analyzer."""
    for system, found in times.items():
        outcome.add("CPU ms a text", system, mean_of(found.cpu_ms, seed=seed))
        faster = statistic_of(_times, times[STOCK].cpu_ms, found.cpu_ms, seed=seed)
        outcome.add("texts a second, times stock", system, faster)


def letters_in(text: str, stretches: Sequence[tuple[int, int]]) -> frozenset[int]:
    """List the places of the letters and digits within stretches."""
    return frozenset(
        place for start, end in stretches for place in range(start, end) if text[place].isalnum()
    )


def add_found(
    outcome: SetOutcome,
    system: str,
    rows: Sequence[SpannedText],
    found: Sequence[Stretches],
    seed: int,
) -> None:
    """Take in what a system found."""
    right, wrong, missed, leaks = [], [], [], []
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    for row, stretches in zip(rows, found, strict=True):
        gold = letters_in(row.text, [span[:2] for span in row.spans])
        hidden = letters_in(row.text, stretches)
        right.append(float(len(gold & hidden)))
        wrong.append(float(len(hidden - gold)))
        missed.append(float(len(gold - hidden)))
        leaks.append(float(bool(gold - hidden)))
        for start, end, kind in row.spans:
            by_kind[kind].append(float(letters_in(row.text, [(start, end)]) <= hidden))
    groups = [row.group for row in rows]
    if system == OURS:
        ids = [row.id for row in rows]
        columns = zip((*COUNTED, LEAKS), (right, wrong, missed, leaks), strict=True)
        outcome.by_row = {name: dict(zip(ids, column, strict=True)) for name, column in columns}
    for name, figure in (("F2", _f2), ("precision", _precision), ("recall", _recall)):
        estimate = statistic_of(figure, right, wrong, missed, groups=groups, seed=seed)
        outcome.add(f"characters, {name}", system, estimate)
    outcome.add(LEAKS, system, mean_of(leaks, groups, seed))
    for kind in sorted(by_kind):
        outcome.add(f"whole, {kind}", system, mean_of(by_kind[kind], seed=seed))


def _ratio(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


def _precision(right: Floats, wrong: Floats, _missed: Floats) -> float:
    return _ratio(float(right.sum()), float(wrong.sum()))


def _recall(right: Floats, _wrong: Floats, missed: Floats) -> float:
    return _ratio(float(right.sum()), float(missed.sum()))


def _f2(right: Floats, wrong: Floats, missed: Floats) -> float:
    weighed = (1 + BETA2) * float(right.sum())
    return _ratio(weighed, BETA2 * float(missed.sum()) + float(wrong.sum()))


def _mean(column: Floats) -> float:
    return float(column.mean())


COMPARED: dict[str, tuple[Statistic, tuple[str, ...]]] = {
    "characters, F2": (_f2, COUNTED),
    "characters, precision": (_precision, COUNTED),
    "characters, recall": (_recall, COUNTED),
    LEAKS: (_mean, (LEAKS,)),
}
"""What is compared with a stored run, and the columns of rows that it is computed from."""


def _share(part: Floats, whole: Floats) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else 0.0


def _times(one: Floats, other: Floats) -> float:
    return float(one.sum() / other.sum()) if other.sum() else 0.0
