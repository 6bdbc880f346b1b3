"""Which lines of the steps run when golden logs are verified: who changes another one changes no outcome of theirs.

What lies in no function runs when its module is imported, and counts as run.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

CO_NEWLOCALS = 0x2  # of functions; neither of modules nor of classes
Lines = dict[str, set[int]]
"""File of the tree -> its lines."""


def lines_run(root: Path, folder: str, work: Callable[[], object]) -> Lines:
    """Return the lines of a folder's files that a piece of work runs, in all of its threads.

    What was imported before is not seen to be imported, and what a cache knows already is not run.
    """
    inside, run = f"{root / folder}/", dict[str, set[int]]()

    def line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            run.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
        return line

    def entered(frame: FrameType, event: str, given: Any) -> Any:
        if not frame.f_code.co_filename.startswith(inside):
            return None
        return line(frame, event, given)

    before = sys.gettrace()
    threading.settrace(entered)
    sys.settrace(entered)
    try:
        work()
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]  # None is what it was
    return {str(Path(file).relative_to(root)): lines for file, lines in run.items()}


def lines_of_functions(source: str) -> set[int]:
    """Return the lines with code of a file's functions; those on which they begin are no part."""
    return set(_lines(compile(source, "", "exec", dont_inherit=True)))


def _lines(code: CodeType) -> Iterator[int]:
    for inner in (one for one in code.co_consts if isinstance(one, CodeType)):
        if inner.co_flags & CO_NEWLOCALS:
            yield from (
                line for *_, line in inner.co_lines() if line and line != inner.co_firstlineno
            )
        yield from _lines(inner)


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
