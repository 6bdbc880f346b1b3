"""A consumer group over the broker in memory, as far as a reader and its parts use the client of one.

It has one slot: whoever joins has all lanes, and ends the client that had them. All is held to what the real
client does by tests/streams/delivery/test_group_client.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message, TopicPartition

from streams.log.offsets import Partition
from tests.memory_broker import MemoryBroker


class FakeRefusedPlace(TopicPartition):
    """A place of a commit that the broker answers with an error: no other may set one."""

    error: KafkaError | None = None

    def __init__(self, topic: str, partition: int, code: int | None) -> None:
        super().__init__(topic, partition)
        self.error = None if code is None else KafkaError(code)


class MemoryGroup:
    """What a group has committed."""

    def __init__(self, broker: MemoryBroker, name: str = "group") -> None:
        self.broker = broker
        self.name = name
        self.notes: dict[Partition, str] = {}
        self.member: MemoryGroupClient | None = None
        """Who has joined last, closed or not."""

    def offsets(self) -> dict[Partition, int]:
        return dict(self.broker.committed.get(self.name, {}))

    def commit(self, topic: str, partition: int, offset: int, note: str = "") -> None:
        self.broker.commit(self.name, topic, partition, offset)
        self.notes[topic, partition] = note

    def client(self) -> MemoryGroupClient:
        return MemoryGroupClient(self)


class MemoryGroupClient:
    """librdkafka's consumer as a member of a group."""

    def __init__(self, group: MemoryGroup) -> None:
        self._group = group
        self._rows = group.broker.rows
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._topics: Sequence[str] = ()
        self._callbacks: dict[str, Callable[[Any, list[TopicPartition]], None]] = {}
        self._joining = self._fenced = self._told = False
        self.errors: deque[KafkaError] = deque()
        """Raised one by one, in place of answers of the group."""
        self.waited: list[bool] = []
        """Of each commit, whether the caller waited for the answer."""

    def subscribe(self, topics: Sequence[str], **callbacks: Any) -> None:
        self._topics, self._callbacks, self._joining = topics, callbacks, True

    def _join(self) -> None:
        """Take the place of whoever has it."""
        self._joining = False
        if self._group.member is not None:
            self._group.member._fenced = True
        self._group.member = self
        self._callbacks["on_assign"](self, self._places())

    def _places(self) -> list[TopicPartition]:
        return [TopicPartition(*place) for place in self._rows if place[0] in self._topics]

    def memberid(self) -> str:
        return str(id(self))

    def close(self) -> None:
        if self._callbacks and not (self._fenced or self._joining):
            self._callbacks["on_revoke"](self, self._places())

    def committed(self, places: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._fail()
        offsets = self._group.offsets()
        return [
            TopicPartition(
                at.topic,
                at.partition,
                offsets.get((at.topic, at.partition), OFFSET_INVALID),
                metadata=self._group.notes.get((at.topic, at.partition), ""),
            )
            for at in places
        ]

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        self._fail()
        if self._fenced and not asynchronous:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        self.waited.append(not asynchronous)
        for at in () if self._fenced else offsets:
            self._group.commit(at.topic, at.partition, at.offset, at.metadata or "")

    def get_watermark_offsets(
        self, place: TopicPartition, timeout: float = 0, cached: bool = False
    ) -> tuple[int, int]:
        rows = self._rows[place.topic, place.partition]
        return rows.begin, rows.end

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self._positions = {(at.topic, at.partition): at.offset for at in places}

    def pause(self, places: Sequence[TopicPartition]) -> None:
        self._paused |= {(at.topic, at.partition) for at in places}

    def resume(self, places: Sequence[TopicPartition]) -> None:
        self._paused -= {(at.topic, at.partition) for at in places}

    def poll(self, timeout: float) -> Message | None:
        if self._joining:
            self._join()
        if self._fenced:
            self._positions = {}
            if not self._told:
                self._told = True
                return Message(error=KafkaError(KafkaError._FATAL))
        return next(iter(self.consume(1, timeout)), None)

    def consume(self, count: int, timeout: float) -> list[Message]:
        messages: list[Message] = []
        for place in self._positions.keys() - self._paused:
            taken = self._rows[place].at(self._positions[place])[: count - len(messages)]
            if taken:
                self._positions[place] = (taken[-1].offset() or 0) + 1
                messages += taken
        return messages

    def _fail(self) -> None:
        if self.errors:
            raise KafkaException(self.errors.popleft())
