"""Stands for aiokafka's clients, as far as the baselines use them; what is produced and committed is noted in order.

test_aiokafka_contract.py holds them to the real ones.
"""

import asyncio
from typing import NamedTuple

from aiokafka.structs import TopicPartition


class Row(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes


class FakeAioWord:
    """What a producer returns for a record: awaited, it tells that the broker has it."""

    def __init__(self, notes):
        self._notes = notes

    def __await__(self):
        self._notes.append("acknowledged")
        yield from ()


class FakeAioConsumer:
    """Hands over one poll after the other, then nothing more."""

    def __init__(self, notes, polls):
        self._notes, self._polls = notes, list(polls)
        self.drained = asyncio.Event()

    async def getmany(self, timeout_ms):
        assert timeout_ms > 0
        if not self._polls:
            self.drained.set()
            await asyncio.Event().wait()
        return by_partition(self._polls.pop(0))

    def __aiter__(self):
        return self

    async def __anext__(self):
        [[rows]] = (await self.getmany(1)).values()
        return rows

    async def commit(self):
        self._notes.append("commit")


class FakeAioProducer:
    """Acknowledges when it is asked whether it has; `notes` tells what was handed over and acknowledged."""

    def __init__(self, notes):
        self._notes = notes

    async def send(self, topic, value, key, partition, headers=()):
        self._notes.append(("sent", topic, partition, key, value, *headers))
        return FakeAioWord(self._notes)

    async def flush(self):
        self._notes.append("flushed")


def by_partition(rows):
    polled = {}
    for row in rows:
        polled.setdefault(TopicPartition(row.topic, row.partition), []).append(row)
    return polled
