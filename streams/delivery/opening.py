"""Open records: from the bytes of an item of a lane to what is to be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from confluent_kafka import Message

from agents.errors import Permanent, Transient
from schemas import Event
from streams.delivery.history import RETRY
from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.unknown_schemas import UnknownSchemas
from streams.log.addressing import headers_of
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.pauses import Pauses, pauses
from streams.running.admit import admit
from streams.running.producer_proof import Holds
from streams.watching.logs import enter, logger

log = logger("runner")

FoldFunction = Callable[[Event, int], Awaitable[None]]
"""Takes an event and its offset."""


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

    async def pass_over(self, event: Event, item: Item) -> None:
        """Leave out an input that came late."""


class Opener:
    """Opens the records of one step's topics."""

    def __init__(
        self,
        step: str,
        reads: Mapping[str, Reads],
        codec: Codec,
        processes: Processes,
        spawn: Callable[[Coroutine[Any, Any, None], Sequence[Lane]], None],
        between_tries: Pauses = pauses,
        *,
        holds: Holds,
    ) -> None:
        """Take whom to ask: `holds` says whether what no step judges is its tenant's own."""
        self._holds = holds
        self._step = step
        self._reads = reads
        self._codec = codec
        self._processes = processes
        self._unknown = UnknownSchemas(step, codec, spawn, between_tries=between_tries)
        self._between_tries = between_tries

    def open(self, item: Item) -> bool:
        """Decode; what can't be gets an order of its own, which blocks no session.

        Returns False while the registry has to be asked for its schema.
        """
        message, lane = item.message, item.lane
        value = message.value()
        record, fold = self._reads[lane.topic]
        try:
            schema_id = schema_id_of(value)
            if not self._codec.known(schema_id, record):
                self._unknown.wait(item, schema_id, record)
                return False
            event = admit(self._codec, record, value, message.key(), lane.partition)
        except Undecodable as error:
            item.session = f"{lane.topic}@{item.offset}"
            item.work = partial(self._processes.refuse, error)
            return True
        # as in a table's keys: no user waits for another, nor a document for a question
        whose = event.meta.tenant, getattr(event, "subject", ""), event.meta.session
        item.session = "\0".join(whose)
        if lane.late.superseded(event.meta) and not _is_put_back(message):
            item.work = partial(self._processes.pass_over, event)
        elif fold is None:
            item.work = partial(self._processes.run, event)
        else:
            item.work = partial(self._fold, fold, event)
        return True

    async def _fold(self, fold: FoldFunction, event: Event, item: Item) -> None:
        """Bring a table up to date; it is retried until it works, since nothing depends on it."""
        waits = self._between_tries()
        enter(self._step, event.meta.request, item, event.meta.trace)
        while True:
            try:
                if not self._holds(item.message, event.meta.tenant):
                    log.warning("nobody proved who wrote this, so the table goes on without")
                    return
                await fold(event, item.offset)
            except Transient as error:
                log.warning("the table was not written, trying again", error=str(error))
                await asyncio.sleep(next(waits))
            except Permanent as error:
                log.warning("the table can't take it and goes on without", error=str(error))
                return
            else:
                return


def _is_put_back(message: Message) -> bool:
    """Say whether somebody wants a record run again."""
    return any(name == RETRY for name, _ in headers_of(message))
