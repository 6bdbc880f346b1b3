"""Whether what open connections came with still stands: it ends at once, wherever it is in use.

A request is asked for its key once, at its beginning, and a stream may last for days. So all keys
and sign-ins in use are looked up again and again, together, and whoever holds one is told that it
has ended. A token can't be looked up: it says itself when it ends.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from edge.callers.caller import Caller
from edge.problems import Problem, unauthorized
from streams.watching.logs import logger

log = logger("gateway")
EVERY_S = 0.3
"""Between looks; with what a stream adds until it notices, an ended key is out within a second."""


class TellsEnded(Protocol):
    """A store of what callers come with."""

    def ended(self, identities: Sequence[str]) -> Mapping[str, str]:
        """Return which of some may be used no longer, by id, and why; may raise sqlite3.Error."""


class Standing:
    """Whether what one connection or stream came with still stands."""

    def __init__(self, what: str = "key", ends_s: float | None = None) -> None:
        self.what = what
        self.ends_s = ends_s
        self.ended = ""
        """Why it does not: revoked, expired, deleted or over."""

    def problem(self) -> Problem:
        """Say that it has ended."""
        return unauthorized(
            f"this {self.what} was {self.ended} while it was in use: go on with another, from the "
            "last cursor"
        )

    def check(self) -> None:
        """Raise Problem where it has ended."""
        if self.ended:
            raise self.problem()


class KeysInUse:
    """What open connections came with; lives on one event loop."""

    def __init__(
        self,
        keys: TellsEnded,
        sign_ins: TellsEnded | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stores = {"key": keys} if sign_ins is None else {"key": keys, "sign-in": sign_ins}
        self._clock = clock
        self._standings: defaultdict[tuple[str, str], list[Standing]] = defaultdict(list)
        """By what it is, and its id."""

    def __len__(self) -> int:
        return len(self._standings)

    @contextmanager
    def hold(self, caller: Caller) -> Iterator[Standing]:
        """Watch what a caller came with for as long as the block lasts."""
        standing = Standing(caller.came_by, caller.ends_s)
        whose = caller.came_by, caller.looked_up
        self._standings[whose].append(standing)
        try:
            yield standing
        finally:
            self._standings[whose].remove(standing)
            if not self._standings[whose]:
                del self._standings[whose]

    async def watch(self, every_s: float = EVERY_S) -> None:
        """Look up what is in use, again and again, until cancelled.

        While the store can't be read, nobody comes in, and who is in stays.
        """
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look()
            except sqlite3.Error as error:
                log.warning("the keys in use were not looked up", error=type(error).__name__)

    async def look(self) -> None:
        """Look up what is in use once, and tell whoever holds what has ended."""
        now_s = self._clock()
        for standings in self._standings.values():
            for standing in standings:
                if standing.ends_s is not None and standing.ends_s <= now_s:
                    standing.ended = standing.ended or "expired"
        for what, store in self._stores.items():
            in_use = tuple(identity for kind, identity in self._standings if kind == what)
            if not in_use:
                continue
            ended = await asyncio.to_thread(store.ended, in_use)
            for identity, why in ended.items():
                for standing in self._standings.get((what, identity), ()):
                    standing.ended = why
