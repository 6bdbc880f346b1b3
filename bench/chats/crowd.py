"""Askers that ask, wait for the whole answer and ask again, several of them at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from bench.chats.questions import Language
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


class Crowd:
    """Clients of one chain."""

    def __init__(self, kafka: str, language: Language, partitions: int, child: Child) -> None:
        self._language = language
        self._child = child
        self._next = 0
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 2,  # the broker may end first
            }
        )
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bench-crowd"})
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_END)
                for topic in language.told
                for partition in range(partitions)
            ]
        )
        self._consumer.poll(1.0)  # the end is looked up now, before the first question

    def close(self) -> None:
        """Let go of the broker."""
        self._producer.flush(10)
        self._consumer.close()

    def chat(self, at_once: int, chats: int) -> Chats:
        """Hold a number of chats; raises Stuck, BadAnswer, or Failed where the program ended."""
        sent: dict[int, float] = {}
        first: dict[int, float] = {}
        ended: dict[int, float] = {}
        left = chats
        cpu_s = self._child.cpu_s()
        began = heard = time.perf_counter()

        def ask() -> None:
            number, self._next = self._next, self._next + 1
            asking = self._language.ask(number)
            sent[number] = time.perf_counter()
            self._producer.produce(
                self._language.asked,
                asking.value,
                asking.key,
                asking.partition,
                headers=asking.headers,
            )
            self._producer.poll(0)

        for _ in range(min(at_once, chats)):
            left -= 1
            ask()
        while len(ended) < chats:
            messages = self._poll()
            now = time.perf_counter()
            for message in messages:
                said = self._language.read(message)
                if said.chat not in sent or said.chat in ended:
                    continue
                if said.text:
                    first.setdefault(said.chat, now)
                if said.last:
                    ended[said.chat] = now
                    if left:
                        left -= 1
                        ask()
            if messages:
                heard = now
            else:
                self._child.check()
                if now - heard > SILENCE_S:
                    raise Stuck(f"{len(ended)} of {chats} chats ended")
        seconds = time.perf_counter() - began
        cpu_ms = (self._child.cpu_s() - cpu_s) * 1000 / chats
        first_ms = [(first[number] - sent[number]) * 1000 for number in ended]
        whole_ms = [(ended[number] - sent[number]) * 1000 for number in ended]
        p50, p95, _ = percentiles(first_ms)
        whole_p50, _, _ = percentiles(whole_ms)
        return Chats(at_once, chats, chats / seconds, p50, p95, whole_p50, cpu_ms)

    def _poll(self) -> list[Any]:
        message = self._consumer.poll(0.5)
        if message is None:
            return []
        return [
            each for each in (message, *self._consumer.consume(POLL_MAX, 0)) if each.error() is None
        ]
