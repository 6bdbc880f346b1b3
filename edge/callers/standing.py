"""Whether the keys of open connections still stand: a key ends at once, wherever it is in use.

A request is asked for its key once, at its beginning, and a stream may last for days. So all keys
in use are looked up again and again, together, and whoever holds one is told that it has ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from edge.callers.api_keys import ApiKeys
from edge.problems import Problem, unauthorized
from streams.watching.logs import logger

log = logger("gateway")
EVERY_S = 0.3
"""Between looks; with what a stream adds until it notices, an ended key is out within a second."""


class Standing:
    """Whether the key of one connection or stream still stands."""

    def __init__(self) -> None:
        self.ended = ""
        """Why it does not: revoked, expired or deleted."""

    def problem(self) -> Problem:
        """Say that the key has ended."""
        return unauthorized(
            f"this key was {self.ended} while it was in use: go on with another, from the last "
            "cursor"
        )

    def check(self) -> None:
        """Raise Problem where the key has ended."""
        if self.ended:
            raise self.problem()


class KeysInUse:
    """The keys that open connections came with; lives on one event loop."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys
        self._standings: defaultdict[str, list[Standing]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._standings)

    @contextmanager
    def hold(self, key: str) -> Iterator[Standing]:
        """Watch a key, by its id, for as long as the block lasts."""
        standing = Standing()
        self._standings[key].append(standing)
        try:
            yield standing
        finally:
            self._standings[key].remove(standing)
            if not self._standings[key]:
                del self._standings[key]

    async def watch(self, every_s: float = EVERY_S) -> None:
        """Look up the keys in use, again and again, until cancelled.

        While the store can't be read, nobody comes in, and who is in stays.
        """
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look()
            except sqlite3.Error as error:
                log.warning("the keys in use were not looked up", error=type(error).__name__)

    async def look(self) -> None:
        """Look the keys in use up once, and tell whoever holds one that has ended."""
        if not self._standings:
            return
        ended = await asyncio.to_thread(self._keys.ended, tuple(self._standings))
        for key, why in ended.items():
            for standing in self._standings.get(key, ()):
                standing.ended = why
