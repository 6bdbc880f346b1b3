"""A limit of the operating system on a process and on whatever is started in its place, for a while.

It needs no rights over what is our own process: the soft limit goes down, the hard one stays.
"""

import resource
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

POLL_S = 0.02


class Limited:
    """Holds processes to a limit; those that come later too, within moments of their start."""

    def __init__(
        self, what: int, pids: Callable[[], Iterable[int]], most: Callable[[int], int]
    ) -> None:
        """`what` is a RLIMIT_ of module resource; `most` says of a process id what it may have."""
        self._what = what
        self._pids = pids
        self._most = most
        self._before: dict[int, tuple[int, int]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)

    def __enter__(self) -> Self:
        self._limit()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for pid, before in self._before.items():
            with suppress(ProcessLookupError, PermissionError):
                resource.prlimit(pid, self._what, before)

    @property
    def number(self) -> int:
        """How many processes were held to it."""
        return len(self._before)

    def _hold(self) -> None:
        while not self._over.wait(POLL_S):
            self._limit()

    def _limit(self) -> None:
        for pid in self._pids():
            if pid in self._before:
                continue
            with suppress(ProcessLookupError, PermissionError, FileNotFoundError):
                soft, hard = resource.prlimit(pid, self._what)
                resource.prlimit(pid, self._what, (self._most(pid), hard))
                self._before[pid] = soft, hard
