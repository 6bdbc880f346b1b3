"""Which program a process runs, what it may say, and how errors speak of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Work = Callable[[bytearray], Iterator[bytes]]
"""From the body of a task to the parts of its answer."""


class TooMuch(Exception):
    """A task holds more than the program takes, by its own count; `of` says of what."""

    def __init__(self, of: str) -> None:
        super().__init__(of)
        self.of = of


class NotInstalled(Exception):
    """A program lacks something that is not installed; the message says what, and what to do."""


GIVING_WAY = 10
"""Niceness of what nobody waits for: what is not nice gets nine times as much of a core."""


@dataclass(frozen=True)
class Limits:
    """What one task may take."""

    cpu_s: float
    """Seconds of CPU time; held to within a second."""
    memory_bytes: int
    """Address space of the process that does it."""
    loading_s: float = 120.0
    """Seconds of CPU time for loading the program, once: the slowest takes 2."""
    niceness: int = 0
    """How far it gives way to what else wants the cores, 0 to 19."""


@dataclass(frozen=True)
class Program:
    """A program, and the words for who asked where a task fails."""

    load: str
    """`module:function`, as `process.py` takes it."""
    purpose: str
    """What its processes are for, as in: no process to *read documents in*."""
    task: str
    """One task as a subject, as in: *reading the document* takes more than 18 s of CPU time."""
    cpu_setting: str
    memory_setting: str
    instead: str
    """What who asked may do about a task that is too much."""
    too_much: Mapping[str, str] = field(default_factory=dict)
    """What a task may have too much of by the program's own count -> the words for it."""

    def over(self, of: str, limits: Limits) -> str:
        """Say that a task took more than it may."""
        if of in self.too_much:
            return self.too_much[of]
        if of == "memory":
            taken, setting = f"{limits.memory_bytes // 1_000_000} MB of memory", self.memory_setting
        else:
            taken, setting = f"{limits.cpu_s:g} s of CPU time", self.cpu_setting
        return (
            f"{self.task} takes more than {taken}: {self.instead}, or give the workers more "
            f"({setting})"
        )

    def broke(self, where: str) -> str:
        """Say that the program raised an error."""
        return f"{self.task} failed ({where}): report it, and meanwhile {self.instead}"

    def died(self, how: Iterable[str]) -> str:
        """Say that processes died over a task."""
        ends = list(how)
        return (
            f"the process that was {self.task} ended {len(ends)} times ({', then '.join(ends)}): "
            f"give the worker more memory if the machine ran out of it, else {self.instead}"
        )
