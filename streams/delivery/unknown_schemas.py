"""Records under a schema that was never met before: they wait until the registry has told it.

"Not found" from a registry is no fact: one that lags behind another, or comes back from a backup,
says so of the schema of a valid record. So a record is rejected only when the registry has gone on
saying so for a while.

    the registry does not answer      the tenant's later records in the lane wait behind it
    the registry does not know it     the record waits alone; after GRACE_S it is rejected, and its
                                      dead letter holds it, to be put back
    there is no room to ask           as if it did not answer: nothing is known of the record

It is asked on threads of its own (see `schema_asker`): one that hangs at a few ids takes none of
those on which the process reads back, unseals or looks up keys.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from schemas import Event
from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.log.asking_turns import AskedId
from streams.log.codec import Codec
from streams.log.pauses import Pauses, pauses
from streams.log.schema_asker import GRACE_S, SchemaAsker
from streams.watching.logs import logger

log = logger("schemas")

ROOM_S = 0.2
"""Between two looks whether there is room to ask."""


@dataclass
class _UnknownId:
    """What waits for one id."""

    items: list[Item] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    unknown: bool = False
    """Whether the registry says that it does not know the id."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the asking has gone on, or has ended."""


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
        self._spawn = spawn
        self._asker = SchemaAsker(
            codec, grace_s=grace_s, clock=clock, between_tries=between_tries, told=self._told
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[AskedId, _UnknownId] = {}

    def wait(self, item: Item, schema_id: int, record: type[Event]) -> None:
        """Have an item offered again to its lane once it is known what its schema is."""
        self._loop = asyncio.get_running_loop()
        waiting = self._waiting.get((schema_id, record.SCHEMA))
        if waiting is None:
            waiting = self._waiting[schema_id, record.SCHEMA] = _UnknownId()
            self._spawn(self._await(schema_id, record, waiting), waiting.lanes)
        waiting.items.append(item)
        if self._ask(schema_id, record, item):
            waiting.news.set()
        if item.lane not in waiting.lanes:
            waiting.lanes.append(item.lane)
        if waiting.unknown:
            self._loop.call_soon(item.lane.let_pass, item)

    def _ask(self, schema_id: int, record: type[Event], item: Item) -> bool:
        return self._asker.ask(schema_id, record, item.tenant.decode(errors="replace"))

    def _told(self, asked: AskedId) -> None:
        """Pass on what an id's thread says; one that outlives the loop says it to nobody."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake, asked)

    def _wake(self, asked: AskedId) -> None:
        if (waiting := self._waiting.get(asked)) is not None:
            waiting.news.set()

    async def _await(self, schema_id: int, record: type[Event], waiting: _UnknownId) -> None:
        try:
            while not any(self._ask(schema_id, record, item) for item in waiting.items):
                with suppress(TimeoutError):
                    await asyncio.wait_for(waiting.news.wait(), ROOM_S)
                waiting.news.clear()
            while self._asker.is_asked(schema_id, record):
                if self._asker.is_unknown(schema_id, record):
                    self._step_aside(schema_id, waiting)
                await waiting.news.wait()
                waiting.news.clear()
                if self._asker.is_silent(schema_id, record):
                    log.warning(
                        "a schema is unknown here and the registry does not answer: records wait",
                        step=self._step,
                        schema=schema_id,
                        records=len(waiting.items),
                    )
        finally:
            del self._waiting[schema_id, record.SCHEMA]
        for item in reversed(waiting.items):  # each before the others of its tenant
            if not item.lane.revoked:
                item.lane.offer(item)

    def _step_aside(self, schema_id: int, waiting: _UnknownId) -> None:
        """Let the other records of the tenants run: a record that nobody can read waits alone."""
        if not waiting.unknown:
            waiting.unknown = True
            log.warning(
                "the registry does not know a schema: asking again before its records are rejected",
                step=self._step,
                schema=schema_id,
                for_s=self._asker.grace_s,
            )
            for item in waiting.items:
                item.lane.let_pass(item)
