"""What a log, or an archive, says of erasures; a broker's is read by `erasure_reader`.

It counts as far as it counts for a worker: somebody asked for it, signed where producers must sign.
Else whoever may write one record could keep any document out of an index, or any session from
being forked.
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.log import Log, Stored
from replay.producers_in_force import READ
from replay.proved_records import ProvedRecords
from replay.rebuild.lane_inputs import records_from
from streams.log.codec import Codec
from streams.log.offsets import Partition
from streams.operations.erasures.erasure_log import TELLING, ErasureLog
from streams.topics import topic, topic_of


def read_of(lanes: int) -> Iterator[Partition]:
    """List what is read of erasures on a log of so many lanes."""
    yield from READ
    for kind in TELLING:
        name = topic_of(kind)
        yield from ((name, lane) for lane in range(lanes if topic(name).partitioned else 1))


class RecordedErasures:
    """Reads what is told of erasures, and more of it as the log grows."""

    def __init__(self, codec: Codec) -> None:
        self.told = ErasureLog()
        self._codec = codec
        self._next: dict[Partition, int] = {}

    def learn(self, log: Log) -> bool:
        """Read what was told since the last call, and say whether there was anything.

        What no worker would believe says nothing. Who may sign is asked of the log as it is now.
        """
        new = [
            (kind, stored)
            for kind in TELLING
            for name, lane in sorted(log.extents())
            if name == topic_of(kind)
            for stored in self._new(log, name, lane)
        ]
        proved = ProvedRecords(log, self._codec)
        for kind, stored in new:
            event = proved.admitted(kind, stored)
            if event is not None:
                self.told.take(event, stored.topic, stored.partition, stored.offset)
        return bool(new)

    def _new(self, log: Log, name: str, lane: int) -> Iterator[Stored]:
        for stored in records_from(log, name, lane, self._next.get((name, lane), 0)):
            self._next[name, lane] = stored.offset + 1
            yield stored


def erasures_in(log: Log, codec: Codec) -> ErasureLog:
    """Read all that a log says of erasures."""
    read = RecordedErasures(codec)
    read.learn(log)
    return read.told


def people_erased(log: Log, codec: Codec) -> frozenset[tuple[str, str]]:
    """Return who was erased, as a worker believes it: tenant and subject."""
    done = erasures_in(log, codec).done()
    return frozenset((one.person.tenant, one.person.subject) for one in done)
