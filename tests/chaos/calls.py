"""Calls that connectors answer, written down by every worker: the fakes' own record, beside the log.

Each answered call is a line in a file of its lane, written at once, so it stands there even where its worker is killed
before it writes an outcome.
"""

import os
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas import Embed, Generate, IndexChunks, PublishVersion, Search, WithdrawVersions

ASKED = frozenset(
    request.SCHEMA
    for request in (Embed, Generate, IndexChunks, PublishVersion, Search, WithdrawVersions)
)
"""What connectors are asked for."""
Place = tuple[str, int]
"""Topic and offset of an input, within one lane."""
CallsOf = dict[Place, Counter[str]]
"""How often each kind of call was answered for an input."""


def folder_of(run: Path) -> Path:
    """Return where the calls of a run are written down."""
    return run / "calls"


@contextmanager
def room() -> Iterator[None]:
    """Write although the run folder is full: what is written here is the harness's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if soft == hard:
        yield
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class CallJournal:
    """Writes calls down, each as soon as it is answered: no buffer dies with the process."""

    def __init__(self, run: Path) -> None:
        self._folder = folder_of(run)
        self._folder.mkdir(exist_ok=True)
        self._files: dict[int, int] = {}

    def note(self, kind: str, lane: int, place: Place) -> None:
        """Note that a call for an input was answered."""
        file = self._files.get(lane)
        if file is None:
            path = self._folder / f"{lane}"
            file = self._files[lane] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with room():
            os.write(file, f"{kind} {place[0]} {place[1]}\n".encode())


def calls_of(run: Path, lane: int) -> CallsOf:
    """Read the calls of a lane; a line that a crash cut off counts for none."""
    calls: CallsOf = {}
    path = folder_of(run) / f"{lane}"
    for line in path.read_text().splitlines() if path.exists() else ():
        match line.split(" "):
            case [kind, name, offset] if offset.isdigit():
                calls.setdefault((name, int(offset)), Counter())[kind] += 1
    return calls
