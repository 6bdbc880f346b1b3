"""Which lines of the steps run when a golden log is verified, and over which inputs.

Who changes a line that runs nowhere changes no outcome, and who changes another one is noticed by its inputs first.
What lies in no function runs when its module is imported, and counts as run.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

CO_NEWLOCALS = 0x2  # of functions; neither of modules nor of classes
INPUTS_MAX = 16  # that are remembered of a line


class RunInput(NamedTuple):
    """An input that a step was run over."""

    step: str
    topic: str
    lane: int
    offset: int


NOBODY = RunInput("", "", 0, 0)
"""Over no input: what runs before the first, or beside all."""
Lines = dict[str, set[int]]
"""File of the tree -> lines of it."""


class LineWatch:
    """Watches the lines of a folder's files that run, in all threads, and over which input.

    What was imported before is not seen to be imported, and what a cache knows already is not run.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self._root, self._inside = root, f"{root / folder}/"
        self._run: dict[str, dict[int, dict[RunInput, None]]] = {}
        self._left: dict[int, set[int]] = {}
        """Of each code, by its address, the lines that are still watched."""
        self._codes: list[CodeType] = []
        self.over = NOBODY
        """The input that a step runs over."""

    def watch(self, work: Callable[[], object]) -> None:
        """Watch a piece of work."""
        threading.settrace(self._entered)
        sys.settrace(self._entered)
        try:
            work()
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]  # None is what it was

    def run(self) -> dict[str, dict[int, list[RunInput]]]:
        """Return the lines that ran, by file, each with the first inputs over which it did."""
        return {
            str(Path(file).relative_to(self._root)): {
                line: list(inputs) for line, inputs in lines.items()
            }
            for file, lines in self._run.items()
        }

    def _entered(self, frame: FrameType, _event: str, _: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(self._inside):
            return None
        if id(code) not in self._left:
            self._codes.append(code)  # so that its address stays its own
            self._left[id(code)] = set(_lines_of(code))
        return self._line if self._left[id(code)] else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            code, line = frame.f_code, frame.f_lineno
            inputs = self._run.setdefault(code.co_filename, {}).setdefault(line, {})
            if len(inputs) < INPUTS_MAX:  # a code is watched on for the sake of its other lines
                inputs[self.over] = None
            else:
                self._left[id(code)].discard(line)
        return self._line


def _lines_of(code: CodeType) -> Iterator[int]:
    return (line for *_, line in code.co_lines() if line and line != code.co_firstlineno)


def lines_of_functions(source: str) -> set[int]:
    """Return the lines with code of a file's functions; those on which they begin are no part."""
    return set(_lines_within(compile(source, "", "exec", dont_inherit=True)))


def _lines_within(code: CodeType) -> Iterator[int]:
    for inner in (one for one in code.co_consts if isinstance(one, CodeType)):
        if inner.co_flags & CO_NEWLOCALS:
            yield from _lines_of(inner)
        yield from _lines_within(inner)


def not_run(root: Path, files: Iterable[str], run: Iterable[Lines]) -> Lines:
    """Return the lines of files that are a function's and ran nowhere."""
    listed = list(run)
    left = {
        file: lines_of_functions((root / file).read_text()).difference(
            *(one.get(file, set()) for one in listed)
        )
        for file in files
    }
    return {file: lines for file, lines in left.items() if lines}
