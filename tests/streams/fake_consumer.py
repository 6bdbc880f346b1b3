"""A log in memory behind the interface of librdkafka's consumer, as far as `streams.log.reading` uses it."""

from collections import defaultdict, deque

from confluent_kafka import KafkaError, KafkaException


class FakeRecord:
    """A record, or what the client says at the end of a partition."""

    def __init__(self, topic, partition, offset, value, error=None):
        self._place, self._offset, self._value, self._error = (
            (topic, partition),
            offset,
            value,
            error,
        )

    def topic(self):
        return self._place[0]

    def partition(self):
        return self._place[1]

    def offset(self):
        return self._offset

    def value(self):
        return self._value

    def key(self):
        return b"key"

    def error(self):
        return self._error

    def __len__(self):
        return len(self._value or b"")


class FakeConsumer:
    """Reads a log in memory; counts what it hands over."""

    def __init__(self):
        self.log = defaultdict(list)
        self.read = defaultdict(int)
        self._arrived = deque()

    def write(self, topic, partition, value):
        self.log[topic, partition].append(value)

    def get_watermark_offsets(self, place, timeout):
        if not place.topic.startswith("playhead."):
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return 0, len(self.log[place.topic, place.partition])

    def assign(self, places):
        self._arrived.clear()
        for place in places:
            values = self.log[place.topic, place.partition]
            for offset in range(place.offset, len(values)):
                self._arrived.append(
                    FakeRecord(place.topic, place.partition, offset, values[offset])
                )
            eof = KafkaError(KafkaError._PARTITION_EOF)
            self._arrived.append(FakeRecord(place.topic, place.partition, len(values), None, eof))

    def unassign(self):
        self._arrived.clear()

    def poll(self, timeout):
        return self._next() if self._arrived else None

    def consume(self, count, timeout):
        return [self._next() for _ in range(min(count, len(self._arrived)))]

    def close(self):
        self.unassign()

    def _next(self):
        record = self._arrived.popleft()
        if record.error() is None:
            self.read[record.topic()] += 1
        return record
