"""Open records: from bytes of a topic to an item of a lane, with what is to be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from confluent_kafka import Message

from agents.errors import Permanent, Transient
from schemas import Event
from schemas.registry import RegistryAway
from streams.delivery.lane import Item, Lane
from streams.delivery.pauses import pauses
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.running.admit import admit
from streams.watching.logs import enter, logger

log = logger("runner")

FoldFunction = Callable[[Event], Awaitable[None]]


class Reads(NamedTuple):
    """What lies on a topic, and the fold that takes it in; None: it is an input of the step."""

    record: type[Event]
    fold: FoldFunction | None = None


class Processes(Protocol):
    """Does the work of an input."""

    async def run(self, event: Event, item: Item) -> None:
        """Run the step over an event."""

    async def refuse(self, error: Undecodable, item: Item) -> None:
        """Reject a record that reaches no step."""


class Opener:
    """Opens the records of one step's topics."""

    def __init__(
        self,
        step: str,
        reads: Mapping[str, Reads],
        codec: Codec,
        processes: Processes,
        spawn: Callable[[Coroutine[Any, Any, None], Sequence[Lane]], None],
    ) -> None:
        self._step = step
        self._reads = reads
        self._codec = codec
        self._processes = processes
        self._spawn = spawn

    def open(self, lane: Lane, offset: int, size: int, message: Message) -> Item | None:
        """Decode; what can't be is an item of its own, which blocks no session.

        Returns None while the registry has to be asked for its schema: it is offered again.
        """
        value = message.value()
        try:
            schema_id = schema_id_of(value)
            if not self._codec.known(schema_id):
                self._stall(lane, schema_id)
                return None
            record, fold = self._reads[lane.topic]
            event = admit(self._codec, record, value, message.key(), lane.partition)
        except Undecodable as error:
            session = f"{lane.topic}@{offset}"
            work = partial(self._processes.refuse, error)
            return Item(lane, offset, size, session, message, work)
        if fold is None:
            work = partial(self._processes.run, event)
        else:
            work = partial(self._fold, fold, event)
        return Item(lane, offset, size, event.meta.session, message, work)

    def _stall(self, lane: Lane, schema_id: int) -> None:
        """Ask the registry for a schema that was never met before; the lane waits for it."""
        if not lane.stalled:
            lane.stalled = True
            self._spawn(self._learn_schema(lane, schema_id), [lane])

    async def _learn_schema(self, lane: Lane, schema_id: int) -> None:
        waits = pauses()
        while not lane.revoked:
            try:
                await asyncio.to_thread(self._codec.learn, schema_id)
                break
            except RegistryAway as error:
                log.warning(
                    "a schema is unknown here and the registry does not answer: the lane waits",
                    step=self._step,
                    lane=lane.partition,
                    schema=schema_id,
                    error=type(error).__name__,
                )
                await asyncio.sleep(next(waits))
        lane.stalled = False
        lane.on_progress(lane)

    async def _fold(self, fold: FoldFunction, event: Event, item: Item) -> None:
        """Bring a table up to date; it is retried until it works, since nothing depends on it."""
        waits = pauses()
        enter(self._step, event.meta.request, item, event.meta.trace)
        while True:
            try:
                await fold(event)
            except Transient as error:
                log.warning("the table was not written, trying again", error=str(error))
                await asyncio.sleep(next(waits))
            except Permanent as error:
                log.warning("the table can't take it and goes on without", error=str(error))
                return
            else:
                return
