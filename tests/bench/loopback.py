"""Stands for a chain of hops on a broker: what is produced comes out at its end, whole or with something wrong."""

from collections import deque

from bench.child import Failed


class Message:
    """A record at the end of a chain."""

    def __init__(self, value, key=b"", headers=()):
        self._value, self._key, self._headers = value, key, list(headers)

    def value(self):
        return self._value

    def key(self):
        return self._key

    def headers(self):
        return self._headers

    def error(self):
        return None


class Noise(Message):
    """What a consumer hands over that is no record."""

    def error(self):
        return "a partition's end"


class Loopback:
    """Producer and consumer in one; `hand_on` says which messages a record becomes: one like it by default."""

    def __init__(self, hand_on=None):
        self.hand_on = hand_on or (lambda value, key, headers: [Message(value, key, headers)])
        self.waiting = deque()
        self.produced = []
        self.closed = False

    def produce(self, topic, value, key, partition, headers=()):
        self.produced.append((topic, partition))
        self.waiting.extend(self.hand_on(value, key, headers))

    def poll(self, _timeout=0):
        return self.waiting.popleft() if self.waiting else None

    def consume(self, count, _timeout):
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]

    def flush(self, _timeout):
        return 0

    def close(self):
        self.closed = True


class Producing:
    """The producer's side of a loopback: its poll serves no messages."""

    def __init__(self, loopback):
        self.produce, self.flush = loopback.produce, loopback.flush

    def poll(self, _timeout):
        return 0


class Program:
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
            raise Failed("ended with 1: no word")
