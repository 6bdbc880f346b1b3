"""Fetches parts: all that are absent side by side, each of them whole or not at all.

A part is made in a folder beside its place, tried, and only then renamed into it, under a file
lock: a part that exists is whole, and two processes never make the same one. What an interrupted
fetch left is thrown away by the next.
"""

import errno
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from infra.parts.advice import ELSEWHERE, remedy
from infra.parts.part import Part, Workshop, parts_folder
from infra.parts.shell import Interrupted, Shell
from infra.stack_error import StackError

LOCK_EVERY_S = 0.5
INTERRUPT_EVERY_S = 0.2


class FetchDisplay(Protocol):
    """What is told of a fetch."""

    def begun(self, part: Part) -> None:
        """Note that a part's fetch began."""

    def line(self, part: Part, text: str) -> None:
        """Note what a tool said."""

    def done(self, part: Part, seconds: float) -> None:
        """Note that a part is in place."""


def with_needs(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Add the parts that these need, before them."""
    ordered: dict[str, Part] = {}
    for part in parts:
        ordered |= {need.name: need for need in with_needs(part.needs)}
        ordered[part.name] = part
    return tuple(ordered.values())


def fetch(parts: Sequence[Part], display: FetchDisplay) -> dict[str, Path]:
    """Fetch what is not there yet, with what it needs, and return each part's folder.

    On an error or Ctrl-C the other fetches stop too, and nothing half done stays.
    """
    wanted = with_needs(parts)
    absent = [part for part in wanted if not part.present]
    if absent:
        refuse_missing_tools(absent)
        _refuse_folder(absent)
        _fetch_all(absent, display)
    return {part.name: part.place for part in wanted}


def refuse_missing_tools(absent: Sequence[Part]) -> None:
    """Raise an error that names every tool which this machine lacks for these parts."""
    tools = dict.fromkeys(tool for part in absent for tool in part.tools)
    if missing := [tool for tool in tools if not tool.present()]:
        lines = [f"  {tool.name} ({tool.purpose}): {tool.install}" for tool in missing]
        raise StackError("this machine lacks:\n" + "\n".join(lines) + "\nthen run the same again")


def _refuse_folder(absent: Sequence[Part]) -> None:
    """Make the folder of the parts; raise an error where it can't be, or its disk is too full."""
    folder = parts_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        free_mb = shutil.disk_usage(folder).free // 1_000_000
    except OSError as error:
        message = f"parts can't be kept in {folder}: {error.strerror}; "
        raise StackError(f"{message}{ELSEWHERE} can be written") from error
    peak_mb = sum(part.peak_mb for part in absent)
    if free_mb < peak_mb:
        names = ", ".join(part.name for part in absent)
        message = f"{folder} has {free_mb:,} MB free, and {names} need {peak_mb:,} MB while being "
        raise StackError(f"{message}fetched; free some, or {ELSEWHERE} has them")


def _fetch_all(absent: Sequence[Part], display: FetchDisplay) -> None:
    shell = Shell()
    fetches: dict[str, Future[None]] = {}
    all_known = threading.Event()

    def after_needs(part: Part) -> None:
        # an interrupt while threads are started may leave one that the pool doesn't know, and that
        # nobody would wait for: none begins before it knows all of them
        all_known.wait()
        if shell.stopped.is_set():
            raise Interrupted("interrupted")
        for need in part.needs:
            if need.name in fetches:
                fetches[need.name].result()
        _fetch(part, shell, display)

    with ThreadPoolExecutor(len(absent)) as threads:
        try:
            for part in absent:  # what one needs stands before it
                fetches[part.name] = threads.submit(after_needs, part)
            all_known.set()
            waiting = set(fetches.values())
            while waiting and not any(one.done() and one.exception() for one in fetches.values()):
                # not for ever at once: a signal that comes just before is seen when it returns
                waiting = wait(waiting, INTERRUPT_EVERY_S, return_when=FIRST_EXCEPTION).not_done
            if any(not one.done() or one.exception() for one in fetches.values()):
                shell.stop()
        except BaseException:  # an interrupt at whatever line: the threads are waited for below
            shell.stop()
            all_known.set()
            raise
    errors = [error for one in fetches.values() if (error := one.exception())]
    errors.sort(key=lambda error: isinstance(error, Interrupted))
    if errors:
        raise errors[0]


def _fetch(part: Part, shell: Shell, display: FetchDisplay) -> None:
    display.begun(part)
    began = time.monotonic()
    with _locked(part, shell, display):
        if not part.present:
            _sweep(part)
            try:
                _make(part, shell, display)
            except (StackError, OSError) as error:
                message = f"fetching {part.name} {part.version}: {error}"
                if advice := remedy(error, parts_folder()):
                    message += f"\n{advice}"
                raise StackError(message) from error
            finally:
                _sweep(part)
    display.done(part, time.monotonic() - began)


def _make(part: Part, shell: Shell, display: FetchDisplay) -> None:
    partial = _partial(part)
    partial.mkdir()
    places: Mapping[str, Path] = {need.name: need.place for need in part.needs}
    part.build(Workshop(partial, shell, lambda text: display.line(part, text), places))
    partial.rename(part.place)


def _partial(part: Part) -> Path:
    # a name of its own: the tools of a fetch that was killed may write into theirs a little longer
    return parts_folder() / f".{part.place.name}.{os.getpid()}.partial"


def _sweep(part: Part) -> None:
    """Throw away what fetches of a part left; its lock is held."""
    for partial in parts_folder().glob(f".{part.place.name}.*.partial"):
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _locked(part: Part, shell: Shell, display: FetchDisplay) -> Iterator[None]:
    """Hold the part's lock; the kernel frees it when the process ends, however it ends."""
    with (parts_folder() / f".{part.place.name}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                display.line(part, "another process is fetching it; waiting")
                if shell.stopped.wait(LOCK_EVERY_S):
                    raise Interrupted from None
        yield
