"""Evaluation sets as they lie in files: rows of JSON, one a line, packed or not.

Nothing is guessed: a row that can't be used is an error that names its file and line. A set may be
read by halves, chosen by a hash of what its rows belong to (a conversation, a passage), so that
what is tuned on one half is reported on the other.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

RowT = TypeVar("RowT")
ENDINGS = (".jsonl", ".jsonl.gz")
HALVES = ("first", "second")
LINE_CHARS_MAX = 10_000_000
"""A longer line is no row: a packed file may unpack to anything."""


class BadData(click.ClickException):
    """A file of an evaluation set can't be used; says which, where, and what to do."""


class NoRows(BadData):
    """There is nothing to evaluate."""

    exit_code = 2


@dataclass(frozen=True)
class EvalRow:
    """One row of a file, and where it stands."""

    path: Path
    line: int
    values: Mapping[str, Any]

    def bad(self, what: str) -> BadData:
        """Make an error that says where it is."""
        return BadData(f"{self.path}:{self.line}: {what}")

    def text(self, name: str) -> str:
        """Return a text; raises BadData where it is missing or something else."""
        value = self.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)  # ids are numbers in some sets
        if not isinstance(value, str):
            raise self.bad(f"{name!r} must be a text; mend the row, or leave it out")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; raises BadData where it is missing or something else."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.bad(f"{name!r} must be a list of texts; mend the row, or leave it out")
        return tuple(value)

    def one_of(self, name: str, allowed: Sequence[Any]) -> Any:
        """Return one of the values that are allowed; raises BadData for any other."""
        value = self.values.get(name)
        if value not in allowed or type(value) not in {type(one) for one in allowed}:
            choices = ", ".join(map(str, allowed))
            raise self.bad(f"{name!r} is {value!r}: it must be one of {choices}")
        return value


def rows_of(path: Path) -> Iterator[EvalRow]:
    """Read a file of rows; blank lines are passed over. Raises BadData."""
    number = 0
    try:
        with _opened(path) as lines:
            while line := lines.readline(LINE_CHARS_MAX + 1):
                number += 1
                if len(line) > LINE_CHARS_MAX:
                    raise BadData(f"{path}:{number}: a line of over {LINE_CHARS_MAX:,} characters")
                if line.strip():
                    yield _row(path, number, line)
    except UnicodeDecodeError:
        raise BadData(f"{path}:{number + 1}: not UTF-8; convert the file") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadData(f"{path}: {reason}; name a file of rows (*.jsonl, *.jsonl.gz)") from None


def _opened(path: Path) -> Any:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _row(path: Path, number: int, line: str) -> EvalRow:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path}:{number}: no JSON ({error}); one object a line") from None
    if not isinstance(values, dict):
        raise BadData(f"{path}:{number}: no JSON object; one object a line, such as {{...}}")
    return EvalRow(path, number, values)


def files_in(place: Path, pattern: str = "*") -> list[Path]:
    """List the files of rows at a place: itself, or those right inside a folder, by name.

    Raises BadData where there is none.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise BadData(f"{place}: no such file or folder; name that of the evaluation set")
    found = {path for ending in ENDINGS for path in place.glob(pattern + ending)}
    if not found:
        wanted = " or ".join(pattern + ending for ending in ENDINGS)
        raise BadData(f"{place}: holds no file {wanted}; name the folder of one evaluation set")
    return sorted(found)


def name_of(path: Path) -> str:
    """Name a set by its file, less the endings."""
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


@dataclass(frozen=True)
class Choice:
    """Which rows of a set are evaluated."""

    limit: int | None = None
    """So many at most, drawn by the seed."""
    seed: int = 0
    half: str | None = None
    """Only this one of HALVES."""

    def of(self, rows: Sequence[RowT], belongs: Callable[[RowT], str], place: Path) -> list[RowT]:
        """Choose, in the order of the set; raises NoRows where nothing is left."""
        chosen = [row for row in rows if self.half in {None, half_of(belongs(row))}]
        if self.limit is not None and len(chosen) > self.limit:
            draw = random.Random(self.seed)  # noqa: S311 - a sample, no secret
            kept = sorted(draw.sample(range(len(chosen)), self.limit))
            chosen = [chosen[index] for index in kept]
        if not chosen:
            why = f"no row in its {self.half} half" if rows else "no rows"
            raise NoRows(f"{place}: {why}; name a set that has some")
        return chosen


def half_of(identity: str) -> str:
    """Tell which half of a set something belongs to, wherever and whenever it is asked."""
    return HALVES[hashlib.sha256(identity.encode()).digest()[0] & 1]
