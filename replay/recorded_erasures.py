"""What a log, or an archive, says of erasures; a broker's is read by `erasure_reader`.

Whose word counts is said by whoever asks, by `holds`. What must not be brought back rests on what
counts for a worker: somebody asked for it, signed where producers must sign. Else whoever may write
one record could keep any document out of an index. To refuse something, anybody's request will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replay.log import Log, Stored
from replay.producers_in_force import READ, proof_on
from replay.rebuild.lane_inputs import records_from
from schemas import Event
from streams.log.codec import Codec, Undecodable
from streams.log.offsets import Partition
from streams.log.producer_signature import SignedRecord
from streams.operations.erasures.erasure_log import TELLING, ErasureLog
from streams.running.admit import admit
from streams.running.producer_gate import WrittenAt
from streams.topics import topic, topic_of

HoldsStored = Callable[[Stored, str], bool]
"""Whether a record that lies on a log may be taken for a tenant's."""
HoldsOn = Callable[[Log, Codec], HoldsStored]
"""Says so by a log; asked once for all that was told since the last look."""


def read_of(lanes: int) -> Iterator[Partition]:
    """List what is read of erasures on a log of so many lanes."""
    yield from READ
    for kind in TELLING:
        name = topic_of(kind)
        yield from ((name, lane) for lane in range(lanes if topic(name).partitioned else 1))


def as_proved(log: Log, codec: Codec) -> HoldsStored:
    """Believe what counts for a worker, by the producers that the log has in force at its end."""
    proof = proof_on(log, codec)

    def holds(stored: Stored, tenant: str) -> bool:
        at = WrittenAt(stored.topic, stored.partition, stored.offset)
        record = SignedRecord(at.topic, stored.key or b"", stored.value or b"", tenant)
        return proof.proves(at, record, stored.headers)

    return holds


def whoever_asks(_log: Log, _codec: Codec) -> HoldsStored:
    """Believe everybody."""
    return lambda _stored, _tenant: True


class RecordedErasures:
    """Reads what is told of erasures, and more of it as the log grows."""

    def __init__(self, codec: Codec, *, holds: HoldsOn) -> None:
        self.told = ErasureLog()
        self._codec = codec
        self._holds = holds
        self._next: dict[Partition, int] = {}

    def learn(self, log: Log) -> bool:
        """Read what was told since the last call, and say whether there was anything.

        What can't be read as what it should be says nothing.
        """
        new = [
            (kind, stored)
            for kind in TELLING
            for name, lane in sorted(log.extents())
            if name == topic_of(kind)
            for stored in self._new(log, name, lane)
        ]
        if new:
            holds = self._holds(log, self._codec)
            for kind, stored in new:
                self._take(kind, stored, holds)
        return bool(new)

    def _new(self, log: Log, name: str, lane: int) -> Iterator[Stored]:
        for stored in records_from(log, name, lane, self._next.get((name, lane), 0)):
            self._next[name, lane] = stored.offset + 1
            yield stored

    def _take(self, kind: type[Event], stored: Stored, holds: HoldsStored) -> None:
        try:
            event = admit(self._codec, kind, stored.value, stored.key, stored.partition)
        except Undecodable:
            return
        if holds(stored, event.meta.tenant):
            self.told.take(event, stored.topic, stored.partition, stored.offset)


def erasures_in(log: Log, codec: Codec, *, holds: HoldsOn) -> ErasureLog:
    """Read all that a log says of erasures, as far as `holds` believes it."""
    read = RecordedErasures(codec, holds=holds)
    read.learn(log)
    return read.told


def people_erased(log: Log, codec: Codec) -> frozenset[tuple[str, str]]:
    """Return who was erased, as a worker believes it: tenant and subject."""
    done = erasures_in(log, codec, holds=as_proved).done()
    return frozenset((one.person.tenant, one.person.subject) for one in done)
