"""Records under a schema that was never met before: they wait until the registry has told it.

"Not found" from a registry is no fact: one that lags behind another, or comes back from a backup,
says so of the schema of a valid record. So a record is rejected only when the registry has gone on
saying so for a while.

    the registry does not answer      the tenant's later records in the lane wait behind it
    the registry does not know it     the record waits alone; after GRACE_S it is rejected, and its
                                      dead letter holds it, to be put back
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas import Event
from schemas.registry import RegistryAway
from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.pauses import Pauses, pauses
from streams.log.codec import Codec, Undecodable
from streams.watching.logs import logger

log = logger("schemas")

GRACE_S = 5.0
"""For a registry to learn what another of its kind knows: replication takes tenths of a second."""
ASKED_MAX = 64
"""Ids that are asked for at once: anybody may send any number of them."""


@dataclass
class _UnknownId:
    """What waits for one id."""

    items: list[Item] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    unknown: bool = False
    """Whether the registry says that it does not know the id."""


class UnknownSchemas:
    """The records of a step that wait for their schema."""

    def __init__(
        self,
        step: str,
        codec: Codec,
        spawn: Callable[[Coroutine[Any, Any, None], Sequence[Lane]], None],
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.monotonic,
        between_tries: Pauses = pauses,
    ) -> None:
        self._step = step
        self._codec = codec
        self._spawn = spawn
        self._grace_s = grace_s
        self._clock = clock
        self._between_tries = between_tries
        self._asked: dict[tuple[int, type[Event]], _UnknownId] = {}

    def wait(self, item: Item, schema_id: int, record: type[Event]) -> None:
        """Have an item offered again to its lane once it is known what its schema is.

        Raises Undecodable where so many ids are unknown already that this one is not asked for.
        """
        waiting = self._asked.get((schema_id, record))
        if waiting is None:
            if len(self._asked) >= ASKED_MAX:
                raise Undecodable(
                    f"schema {schema_id} is unknown here, and so are {ASKED_MAX} others that the "
                    "registry is asked for: put the record back when it knows them"
                )
            waiting = self._asked[schema_id, record] = _UnknownId()
            self._spawn(self._ask(schema_id, record, waiting), waiting.lanes)
        waiting.items.append(item)
        if item.lane not in waiting.lanes:
            waiting.lanes.append(item.lane)
        if waiting.unknown:
            asyncio.get_running_loop().call_soon(item.lane.let_pass, item)

    async def _ask(self, schema_id: int, record: type[Event], waiting: _UnknownId) -> None:
        try:
            await self._until_known(schema_id, record, waiting)
        finally:
            del self._asked[schema_id, record]
        for item in reversed(waiting.items):  # each before the others of its tenant
            if not item.lane.revoked:
                item.lane.offer(item)

    async def _until_known(self, schema_id: int, record: type[Event], waiting: _UnknownId) -> None:
        """Ask until the registry tells, or has said for so long that it does not know."""
        waits = self._between_tries()
        ends_s = None
        while True:
            pause_s = next(waits)
            try:
                await asyncio.to_thread(self._codec.learn, schema_id, record)
            except RegistryAway as error:
                log.warning(
                    "a schema is unknown here and the registry does not answer: records wait",
                    step=self._step,
                    schema=schema_id,
                    records=len(waiting.items),
                    error=type(error).__name__,
                )
            except Undecodable as error:
                now_s = self._clock()
                ends_s = now_s + self._grace_s if ends_s is None else ends_s
                if now_s >= ends_s:
                    self._codec.refuse(schema_id, record, str(error))
                    return
                self._step_aside(schema_id, waiting, str(error))
                pause_s = min(pause_s, ends_s - now_s)
            else:
                return
            await asyncio.sleep(pause_s)

    def _step_aside(self, schema_id: int, waiting: _UnknownId, reason: str) -> None:
        """Let the other records of the tenants run: a record that nobody can read waits alone."""
        if not waiting.unknown:
            waiting.unknown = True
            log.warning(
                "the registry does not know a schema: asking again before its records are rejected",
                step=self._step,
                schema=schema_id,
                reason=reason,
                for_s=self._grace_s,
            )
            for item in waiting.items:
                item.lane.let_pass(item)
