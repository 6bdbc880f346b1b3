"""When questions arrive: at a rate, or as a trace of others recorded it.

The loop is open: people do not wait for each other's answers. A closed one, in which each client
asks again once it was answered, asks less the slower a service is, and so hides how slow it is.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


class BadTrace(ValueError):
    """A file is no trace; the message says where and why."""


@dataclass(frozen=True)
class LoadArrival:
    """One question to come."""

    at_s: float
    """Since the beginning."""
    answer_tokens: int | None = None
    """How long its answer may be, where the trace tells."""


def at_rate(rate: float, *, seed: int, even: bool = False) -> Iterator[LoadArrival]:
    """Yield arrivals for ever: `rate` a second on average, by chance (Poisson) or evenly."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    at_s = 0.0
    while True:
        yield LoadArrival(at_s)
        at_s += 1 / rate if even else chance.expovariate(rate)


def of_trace(path: Path, *, speed: float = 1.0) -> Iterator[LoadArrival]:
    """Yield the arrivals of a trace, `speed` times as fast as it was recorded.

    A line is a JSON object with `t`, in seconds, and `response_tokens` where it is known; the
    file may be gzipped. Lines come by time. Raises BadTrace.
    """
    began_s = before_s = None
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                t, tokens = _read(line, f"{path}, line {number}")
                if before_s is not None and t < before_s:
                    raise BadTrace(f"{path}, line {number}: t is earlier than in the line before")
                began_s = t if began_s is None else began_s
                before_s = t
                yield LoadArrival((t - began_s) / speed, tokens)
    except (OSError, EOFError, zlib.error) as error:
        raise BadTrace(f"{path} can't be read: {error}") from None
    if began_s is None:
        raise BadTrace(f'{path} has no arrivals: a line is a JSON object such as {{"t": 0.25}}')


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def _read(line: str, place: str) -> tuple[float, int | None]:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise BadTrace(f'{place}: a line is a JSON object such as {{"t": 0.25}}')
    t, tokens = row.get("t"), row.get("response_tokens")
    if isinstance(t, bool) or not isinstance(t, int | float) or not 0 <= t < float("inf"):
        raise BadTrace(f"{place}: t is the second at which a question came, from 0")
    if tokens is None:
        return float(t), None
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        raise BadTrace(f"{place}: response_tokens is the length of an answer, from 0")
    return float(t), max(1, tokens)
