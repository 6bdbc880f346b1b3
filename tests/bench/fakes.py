"""Stands for a chain of hops on a broker, and for the program that makes them; held to both by test_ends.py."""

from collections import deque

from confluent_kafka import KafkaError, Message

from bench.child import MeasurementFailed
from bench.ends import Ends

PARTITION_END = KafkaError(KafkaError._PARTITION_EOF)
NO_WORD = "ended with 1: no word"


def a_message(value, key=b"", headers=(), error=None, partition=0):
    """Return a record as a consumer hands it over."""
    return Message(
        topic="last",
        partition=partition,
        offset=0,
        key=key,
        value=value,
        headers=list(headers) or None,
        error=error,
    )


class FakeChain:
    """Both clients of a chain in one; `hand_on` says which messages a record becomes: one like it by default."""

    def __init__(self, hand_on=None):
        self._hand_on = hand_on
        self.waiting = deque()
        self.produced = []
        self.flushed = self.closed = False

    def produce(self, topic, value, key, partition, headers=()):
        self.produced.append((topic, partition))
        if self._hand_on is None:
            self.waiting.append(a_message(value, key, headers, partition=partition))
        else:
            self.waiting.extend(self._hand_on(value, key, headers))

    def poll(self, _timeout=0):
        return self.waiting.popleft() if self.waiting else None

    def consume(self, count, _timeout):
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]

    def flush(self, _timeout):
        self.flushed = True
        return 0

    def close(self):
        self.closed = True


class FakeChainProducer:
    """The producer's side of a chain: its poll serves no messages."""

    def __init__(self, chain):
        self.produce, self.flush = chain.produce, chain.flush

    def poll(self, _timeout):
        return 0


class FakeProgram:
    """Stands for the program under measurement; uses so much CPU time between two looks."""

    def __init__(self, step_s=1.0, fails_after=None):
        self._cpu_s, self._step_s, self._fails_after = 0.0, step_s, fails_after
        self.checks = 0

    def cpu_s(self):
        self._cpu_s += self._step_s
        return self._cpu_s

    def check(self):
        self.checks += 1
        if self._fails_after is not None and self.checks > self._fails_after:
            raise MeasurementFailed(NO_WORD)


def ends_of(chain, *programs):
    """Return both ends of a chain, with the programs between them: one that does well by default."""
    return Ends("first", FakeChainProducer(chain), chain, programs or (FakeProgram(),))
