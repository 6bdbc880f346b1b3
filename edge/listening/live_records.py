"""Opening records as they are read live: what is known at once, the rest when its schema is told.

What waits aside does so for a grace at most, and there is only so much room. What found none, or
waited in vain for a registry that does not answer, is not lost:

    a result      whoever follows its request is told to resume, and reads it back
    history       its lane is read again from there once the registry answers: it is read only once
                  otherwise, and taking it in twice changes nothing

What the registry says it does not know, after the grace, is passed over: whoever processes the
topic reports it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import TopicPartition

from edge.listening.entries import HISTORY, RESULTS, Entry
from edge.requests.identity import Whose
from schemas import Event
from streams.log.addressing import headers_of
from streams.log.aside import Aside
from streams.log.codec import Codec, Undecodable, schema_id_of
from streams.log.offsets import Partition
from streams.log.schema_asker import SchemaAsker
from streams.running.admit import admit
from streams.running.producer_proof import ProducerProof
from streams.watching.logs import logger

log = logger("gateway")

AGAIN_MAX_S = 80.0
"""Before a lane is read again while the registry goes on being silent about some id."""

LiveMessage = tuple[Any, type[Event]]


class LiveRecords:
    """Opens what one consumer reads; lives on its thread, as long as it."""

    def __init__(
        self,
        asker: SchemaAsker,
        *,
        clock: Callable[[], float] = time.monotonic,
        proof: ProducerProof | None = None,
    ) -> None:
        self._asker = asker
        self._proof = proof
        self._clock = clock
        self._aside: Aside[LiveMessage] = Aside(asker, clock=clock)
        self._waiting: defaultdict[Partition, set[int]] = defaultdict(set)
        """Lane -> offsets of what waits aside."""
        self._lost: set[Whose] = set()
        self._missed: dict[Partition, int] = {}
        """Lane -> the offset of the first record of its history that was not taken in."""
        self._pause_s = asker.grace_s
        self._again_s = 0.0

    def open(self, message: Any, kind: type[Event]) -> Entry | None:
        """Open a record; None where it waits, or is no record of ours."""
        value, whose = message.value(), whose_is(message)
        try:
            schema_id = schema_id_of(value)
        except Undecodable:
            return None
        if self._aside.lets_pass(whose, schema_id, kind):
            return entry_of(self._asker.codec, message, kind, self._proof)
        held = self._aside.hold(
            (message, kind),
            order=whose,
            schema_id=schema_id,
            record=kind,
            tenant=whose[0],
            size=len(value),
        )
        if held:
            self._waiting[_lane(message)].add(message.offset())
        else:
            self._leave_out(message, kind)
        return None

    def told_since(self) -> list[Entry]:
        """Open what waited and may go on."""
        entries = []
        for (message, kind), known in self._aside.turn():
            self._waiting[_lane(message)].discard(message.offset())
            if not known:
                self._leave_out(message, kind)
            else:
                entry = entry_of(self._asker.codec, message, kind, self._proof)
                if entry is not None:
                    entries.append(entry)
        return entries

    def lost_since(self) -> set[Whose]:
        """Return of which requests results were left out since the last call."""
        lost, self._lost = self._lost, set()
        return lost

    def is_taken_in(self, lane: Partition, end: int) -> bool:
        """Tell whether nothing of a lane before an offset waits, or was left out of its history."""
        return lane not in self._missed and all(at >= end for at in self._waiting[lane])

    def to_read_again(self, read_next: Mapping[Partition, int]) -> list[TopicPartition]:
        """Return from where lanes are to be read again now: at once where all ids are settled.

        `read_next`: lane -> the offset that is read next. A lane that is being read again already,
        and has not come to what it missed, goes on: it would miss what lies between.
        """
        now_s = self._clock()
        if not self._missed:
            self._pause_s = self._asker.grace_s
            return []
        if self._asker.any_asked and now_s < self._again_s:
            return []
        silent = self._asker.any_silent
        self._again_s = now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, AGAIN_MAX_S) if silent else self._asker.grace_s
        again = {lane: at for lane, at in self._missed.items() if at < read_next[lane]}
        self._missed.clear()
        log.info("lanes are read again", lanes=len(again))
        return [TopicPartition(*lane, offset) for lane, offset in sorted(again.items())]

    def _leave_out(self, message: Any, kind: type[Event]) -> None:
        if kind in RESULTS:
            self._lost.add(whose_is(message))
        if kind in HISTORY:
            if not self._missed:
                self._again_s = self._clock() + self._pause_s
            lane, offset = _lane(message), message.offset()
            self._missed[lane] = min(offset, self._missed.get(lane, offset))


def _lane(message: Any) -> Partition:
    return message.topic(), message.partition()


def entry_of(
    codec: Codec, message: Any, kind: type[Event], proof: ProducerProof | None = None
) -> Entry | None:
    """Open a record, live or back, by the gates of the steps.

    It lies where its tenant's do, and its producer proved that it is the tenant's, where asked.
    """
    try:
        event = admit(codec, kind, message.value(), message.key(), message.partition())
    except Undecodable:
        return None  # whoever processes the topic reports it
    if proof is not None and not proof.holds(message, event.meta.tenant):
        return None
    return Entry(event, message.partition(), message.offset(), message.timestamp()[1])


def whose_is(message: Any) -> Whose:
    """Return which tenant's request a record says that it is about, without opening it."""
    request = next((value for key, value in headers_of(message) if key == "request"), b"")
    return (message.key() or b"").decode("utf-8", "replace"), request.decode("utf-8", "replace")
