"""Compare with a run that was stored: the same rows, pair by pair.

What a stored document says of each row is held against what this run says of it. A difference is
of the rows that both have, and its interval comes from drawing pairs, so that what is hard for both
runs does not blur what changed.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.bootstrap import Statistic, statistic_of
from evals.data_sets import BadData
from evals.outcome import SetOutcome

CHANGE = "change"
"""The system under which differences stand: this run less the stored one."""
STORED_BYTES_MAX = 1_000_000_000
Columns = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class StoredRun:
    """What a run wrote by `--json`."""

    path: Path
    code: str
    sets: Mapping[str, Columns]
    """Of each set, by name: columns of rows' values."""
    unlike: tuple[str, ...] = ()
    """What was asked for otherwise there than here."""

    def add_changes(
        self,
        outcome: SetOutcome,
        figures: Mapping[str, tuple[Statistic, tuple[str, ...]]],
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Add how each figure changed, for the rows that both runs have.

        `figures` says how a figure is computed, and of which columns; `groups` which rows are
        drawn together.
        """
        before = self.sets.get(outcome.name)
        if before is None:
            outcome.notes.append(f"{self.path.name} has no set {outcome.name}: nothing to compare")
            return
        if self.unlike:
            outcome.notes.append(
                f"{self.path.name} was asked otherwise, so a change may be due to that: "
                + "; ".join(self.unlike)
            )
        shared: set[str] = set()
        for name, (statistic, columns) in figures.items():
            if not all(column in before and column in outcome.by_row for column in columns):
                outcome.notes.append(f"{self.path.name} tells no rows of {name}")
                continue
            tables = [table[column] for table in (outcome.by_row, before) for column in columns]
            rows = sorted(set.intersection(*map(set, tables)))
            if not rows:
                outcome.notes.append(f"{self.path.name} shares no row of {name}")
                continue
            shared.update(rows)
            values = [[table[row] for row in rows] for table in tables]
            difference = _difference(statistic, len(columns))
            together = None if groups is None else [groups.get(row, row) for row in rows]
            change = statistic_of(difference, *values, groups=together, seed=outcome.seed)
            outcome.add(name, CHANGE, change)
        outcome.notes.append(
            f"{CHANGE}: this run less {self.path.name} (code {self.code}), {len(shared):,} rows "
            f"that both have of {outcome.rows:,} here"
        )


def _difference(statistic: Statistic, count: int) -> Statistic:
    def difference(*columns: Any) -> float:
        return statistic(*columns[:count]) - statistic(*columns[count:])

    return difference


def stored_run(path: Path, kind: str, about: Mapping[str, Any] | None = None) -> StoredRun:
    """Read what `playhead eval <kind> --json` wrote; raises BadData.

    `about` is what decides figures beside the rows, by its names in the document.
    """
    do = f"name what `playhead eval {kind} --json` wrote"
    try:
        if path.stat().st_size > STORED_BYTES_MAX:
            raise BadData(f"{path}: larger than {STORED_BYTES_MAX:,} bytes; {do}")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}; {do}") from None
    except (ValueError, RecursionError):
        raise BadData(f"{path}: no JSON; {do}") from None
    if not isinstance(document, dict) or document.get("eval") != kind:
        raise BadData(f"{path}: no document of `playhead eval {kind}`; {do}")
    try:
        sets = {one["set"]: _columns(one["by_row"]) for one in document["sets"]}
        if len(sets) < len(document["sets"]):
            raise BadData(f"{path}: two of its sets have one name; {do} of sets of several names")
        return StoredRun(path, str(document["code"]), sets, _unlike(document, about or {}))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadData(f"{path}: it tells nothing of single rows; {do}, of this release") from None


def _unlike(document: Mapping[str, Any], about: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{name} {_spelt(document.get(name))} there, {_spelt(value)} here"
        for name, value in about.items()
        if document.get(name) != value
    )


def _spelt(value: Any) -> str:
    return "none" if value is None else f"{value}"[:40]


def _columns(table: Any) -> Columns:
    columns = {
        str(name): {str(row): float(value) for row, value in column.items()}
        for name, column in table.items()
    }
    if not all(math.isfinite(value) for column in columns.values() for value in column.values()):
        raise ValueError("a value is no number")
    return columns
