"""Records that are believed before a step has read them: by the gates that the first steps ask.

A step meets no record that lies where its tenant's do not, nor one that nobody signed where
producers must sign. Whoever reads a request past the steps (a fork, an erasure, lineage, a check of
what a run was told) asks the same of it, by what the log itself says of its producers. Else one
record, written by whoever can reach the topic, would count as its tenant's word.
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

from replay.log import Log, Stored
from replay.producers_in_force import proof_on
from schemas import Event
from streams.log.codec import Codec, Undecodable
from streams.log.producer_signature import SignedRecord
from streams.running.admit import admit
from streams.running.producer_gate import WrittenAt
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of

EventT = TypeVar("EventT", bound=Event)


class ProvedRecords:
    """Says of a log's records whether they are their tenants', by its producers at its end.

    Which these are is read once, when it is asked for first: methods may raise what that raises.
    """

    def __init__(self, log: Log, codec: Codec) -> None:
        self.log = log
        self.codec = codec

    @cached_property
    def _proof(self) -> ProducerProof:
        return proof_on(self.log, self.codec)

    def proves(self, stored: Stored, event: Event) -> bool:
        """Say whether whoever wrote a record may write for the tenant that it names."""
        at = WrittenAt(stored.topic, stored.partition, stored.offset)
        key, value = stored.key or b"", stored.value or b""
        record = SignedRecord(at.topic, key, value, event.meta.tenant)
        return self._proof.proves(at, record, stored.headers)

    def admitted(self, kind: type[EventT], stored: Stored) -> EventT | None:
        """Return a record as an event of a kind; None where no step would have met it as one."""
        if stored.topic != topic_of(kind):
            return None
        try:
            event = admit(self.codec, kind, stored.value, stored.key, stored.partition)
        except Undecodable:
            return None
        assert isinstance(event, kind)
        return event if self.proves(stored, event) else None
