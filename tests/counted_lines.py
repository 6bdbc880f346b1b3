"""Count the lines of Python that run: they tell how work grows, which no clock does on a machine that others use.

The interpreter calls back for each line, so that what is done there is most of the time of such a test: a function of
its own for each code, which adds one to a number of its own, takes a third of what a table of counts does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

Traced = Callable[[FrameType, str, Any], Any]


class CountedLines:
    """Counts lines of code, until they are taken."""

    def __init__(self) -> None:
        lines = 0

        def ran(_frame: FrameType, event: str, _: Any) -> Traced:
            nonlocal lines
            if event == "line":
                lines += 1
            return ran

        def take() -> int:
            nonlocal lines
            taken, lines = lines, 0
            return taken

        self.ran: Traced = ran
        self.take: Callable[[], int] = take


@contextmanager
def traced(counted_by: Callable[[CodeType], CountedLines | None]) -> Iterator[None]:
    """Count the lines that run meanwhile; `counted_by` is asked once for each code, and returns None for others'."""
    known: dict[int, Traced | None] = {}
    kept: list[CodeType] = []  # so that the id of each stays its own

    def called(frame: FrameType, _event: str, _: Any) -> Traced | None:
        code = frame.f_code
        try:
            return known[id(code)]
        except KeyError:
            kept.append(code)
            counted = counted_by(code)
            return known.setdefault(id(code), counted and counted.ran)

    before = sys.gettrace()
    sys.settrace(called)
    try:
        yield
    finally:
        sys.settrace(before)
