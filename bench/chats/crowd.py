"""Askers that ask, wait for the whole answer and ask again, several of them at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from bench.chats.questions import Language, Said
from bench.child import Child, Failed
from bench.spread import percentiles

SILENCE_S = 60.0  # without one record: then the chats are stuck
POLL_MAX = 1_000


class Stuck(Failed):
    """Nothing is said any more; the message tells how many chats ended."""


@dataclass(frozen=True)
class Chats:
    """What a crowd saw."""

    at_once: int
    chats: int
    rate: float
    """Whole chats a second."""
    first_p50_ms: float
    """From the question's sending to the first text, as the next one."""
    first_p95_ms: float
    whole_p50_ms: float
    cpu_ms: float
    """CPU time of the program for one chat, milliseconds."""


@dataclass
class Times:
    """When each chat was asked for, first showed text, and ended; in seconds of one clock."""

    sent: dict[int, float] = field(default_factory=dict)
    first: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)

    def take(self, said: Said, now: float) -> bool:
        """Enter what a record says; return whether it ended a chat. Others' chats are left out."""
        if said.chat not in self.sent or said.chat in self.ended:
            return False
        if said.text:
            self.first.setdefault(said.chat, now)
        if said.last:
            self.ended[said.chat] = now
        return said.last

    def summary(self, at_once: int, seconds: float, cpu_ms: float) -> Chats:
        """Sum up the chats that ended, at least two; all of them must have shown text."""
        first_ms = [(self.first[chat] - self.sent[chat]) * 1000 for chat in self.ended]
        whole_ms = [(self.ended[chat] - self.sent[chat]) * 1000 for chat in self.ended]
        p50, p95, _ = percentiles(first_ms)
        whole_p50, _, _ = percentiles(whole_ms)
        chats = len(self.ended)
        return Chats(at_once, chats, chats / seconds, p50, p95, whole_p50, cpu_ms)


class Crowd:
    """Clients of one chain."""

    def __init__(
        self, language: Language, child: Child, producer: Producer, consumer: Consumer
    ) -> None:
        """Take a consumer that reads what is said from now on."""
        self._language = language
        self._child = child
        self._producer = producer
        self._consumer = consumer
        self._next = 0

    @classmethod
    def on(cls, kafka: str, language: Language, partitions: int, child: Child) -> Crowd:
        """Connect one to a broker."""
        producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 2,  # the broker may end first
            }
        )
        consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bench-crowd"})
        consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_END)
                for topic in language.told
                for partition in range(partitions)
            ]
        )
        consumer.poll(1.0)  # the end is looked up now, before the first question
        return cls(language, child, producer, consumer)

    def close(self) -> None:
        """Let go of the broker."""
        self._producer.flush(10)
        self._consumer.close()

    def chat(self, at_once: int, chats: int, silence_s: float = SILENCE_S) -> Chats:
        """Hold a number of chats; raises Stuck, BadAnswer, or Failed where the program ended."""
        times = Times()
        cpu_s = self._child.cpu_s()
        began = heard = time.perf_counter()
        for _ in range(min(at_once, chats)):
            self._ask(times)
        while len(times.ended) < chats:
            messages = self._poll()
            now = time.perf_counter()
            for message in messages:
                if times.take(self._language.read(message), now) and len(times.sent) < chats:
                    self._ask(times)
            if messages:
                heard = now
                continue
            self._child.check()
            if now - heard > silence_s:
                raise Stuck(f"{len(times.ended)} of {chats} chats ended")
        seconds = time.perf_counter() - began
        cpu_ms = (self._child.cpu_s() - cpu_s) * 1000 / chats
        return times.summary(at_once, seconds, cpu_ms)

    def _ask(self, times: Times) -> None:
        number, self._next = self._next, self._next + 1
        asking = self._language.ask(number)
        times.sent[number] = time.perf_counter()
        self._producer.produce(
            self._language.asked,
            asking.value,
            asking.key,
            asking.partition,
            headers=asking.headers,
        )
        self._producer.poll(0)

    def _poll(self) -> list[Any]:
        message = self._consumer.poll(0.5)
        if message is None:
            return []
        return [
            each for each in (message, *self._consumer.consume(POLL_MAX, 0)) if each.error() is None
        ]
