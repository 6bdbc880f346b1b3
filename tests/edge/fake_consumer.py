"""A Kafka consumer in memory, for what reads the log."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

from confluent_kafka import KafkaError


class FakeMessage:
    """A record, or what the consumer says instead of one."""

    def __init__(self, topic, partition, offset, value=b"", headers=(), error=None, time_ms=7):
        self._topic, self._partition, self._offset = topic, partition, offset
        self._value, self._headers, self._error, self._time_ms = value, headers, error, time_ms

    def topic(self):
        return self._topic

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset

    def value(self):
        return self._value

    def headers(self):
        return list(self._headers)

    def timestamp(self):
        return (1, self._time_ms)

    def error(self):
        return self._error


def the_end(topic, partition=0):
    error = SimpleNamespace(code=lambda: KafkaError._PARTITION_EOF)
    return FakeMessage(topic, partition, 0, error=error)


def a_hiccup(topic):
    error = SimpleNamespace(code=lambda: KafkaError._TRANSPORT)
    return FakeMessage(topic, 0, 0, error=error)


class FakeConsumer:
    """Gives what it was made with, one a poll; an exception among it is raised.

    `extents`: topic -> the first offset of the time that is asked for, and the end.
    """

    def __init__(self, messages=(), extents=None):
        self._messages = deque(messages)
        self._extents = extents or {}
        self.assigned = []
        self.asked_since = set()
        self.unassigned = False
        self.closed = False

    def assign(self, partitions):
        self.assigned = list(partitions)

    def offsets_for_times(self, partitions, timeout):
        self.asked_since |= {partition.offset for partition in partitions}
        for partition in partitions:
            partition.offset = self._extents.get(partition.topic, (-1, 0))[0]
        return partitions

    def get_watermark_offsets(self, partition, timeout):
        return 0, self._extents.get(partition.topic, (-1, 0))[1]

    def unassign(self):
        self.unassigned = True

    def consume(self, _count, _timeout):
        return []

    def poll(self, _timeout=0):
        message = self._messages.popleft() if self._messages else None
        if isinstance(message, Exception):
            raise message
        return message

    def list_topics(self, timeout):
        if self._messages and isinstance(self._messages[0], Exception):
            raise self._messages[0]
        return SimpleNamespace(brokers={1: "broker"})

    def close(self):
        self.closed = True
