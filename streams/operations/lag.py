"""How far each step is behind, read from the broker.

A step's lag in a lane is what its consumer group has not committed. So it is known for a step that
no worker runs, too. It counts what is running: at the most the step's window and what it has taken
beside it, and a slow event holds back the offsets of those that were finished after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from schemas import Record
from streams.delivery.progress import done_beyond
from streams.log.offsets import OffsetReader, Partition
from streams.settings import Settings
from streams.topics import FOLDS, INBOX, STEPS, group_of, step, topic_of

INBOX_READER = "inbox"


@dataclass(frozen=True)
class ConsumerGroup:
    """A step, or the inbox, as the broker knows it: a consumer group and the topics it reads."""

    step: str
    topics: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name on the broker."""
        return group_of(self.step)


def consumer_groups(names: Iterable[str] | None = None) -> tuple[ConsumerGroup, ...]:
    """Return the groups of the named steps, or of all and the inbox; KeyError lists the steps."""
    if names is not None:
        return tuple(_group(step(name).name) for name in names)
    inbox = ConsumerGroup(INBOX_READER, tuple(topic.name for topic in INBOX))
    return (*(_group(entry.name) for entry in STEPS), inbox)


def _group(name: str) -> ConsumerGroup:
    records: list[type[Record]] = list(step(name).reads)
    records += [fold.reads for fold in FOLDS if fold.beside == name]
    return ConsumerGroup(name, tuple(topic_of(record) for record in records))


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a step is behind in a lane."""

    step: str
    topic: str
    lane: int
    committed: int
    """Offset that the step would go on from; the lane's first one before it has committed any."""
    end: int
    """Offset that the next record will have."""
    done: int = 0
    """Records beyond the commit that are finished: it waits for one before them."""

    @property
    def records(self) -> int:
        """Records that are not committed."""
        return max(0, self.end - self.committed)


class LagReader:
    """Reads lags, while it is entered; every method may raise NoAnswer or NotTold."""

    def __init__(self, settings: Settings, offsets: OffsetReader | None = None) -> None:
        self._partitions = settings.partitions
        self._offsets = offsets or OffsetReader(settings)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._offsets.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._offsets.close()

    async def lags(self, wanted: Sequence[ConsumerGroup]) -> list[Lag]:
        """Return the lag of each group in each lane of its topics."""
        groups = {group.name: self._lanes(group.topics) for group in wanted}
        every = dict.fromkeys(lane for lanes in groups.values() for lane in lanes)
        told = await self._offsets.read(groups, every)
        return [
            Lag(
                group.step,
                *lane,
                # a lane without a commit is read from its first record
                committed=committed if committed >= 0 else told.extents[lane].begin,
                end=told.extents[lane].end,
                done=done_beyond(committed, told.notes.get(group.name, {}).get(lane)),
            )
            for group in wanted
            for lane, committed in told.committed[group.name].items()
        ]

    async def count(self, topic: str) -> int:
        """Count the records of a topic that keeps all of them."""
        told = await self._offsets.read({}, self._lanes((topic,)))
        return sum(extent.end - extent.begin for extent in told.extents.values())

    async def oldest_ms(self, lags: Iterable[Lag]) -> dict[Partition, int]:
        """Return the broker's time of the first unfinished record of each lane that is behind.

        In ms since the Unix epoch. A lane that does not answer in time is left out.
        """
        return await self._offsets.first_ms(
            {(one.topic, one.lane): one.committed for one in lags if one.records}
        )

    def _lanes(self, topics: Iterable[str]) -> list[Partition]:
        return [(topic, lane) for topic in topics for lane in range(self._partitions)]


def ages_of(oldest_ms: Mapping[Partition, int], now_ms: float) -> dict[Partition, float]:
    """Return how many seconds ago each time was; the broker's clock may be ahead of ours."""
    return {lane: round(max(0.0, now_ms - at_ms) / 1_000, 3) for lane, at_ms in oldest_ms.items()}
