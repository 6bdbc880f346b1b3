"""Askers that ask, wait for the whole answer and ask again, several of them at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bench.chats.questions import Language, Said
from bench.child import Child
from bench.ends import SILENCE_S, Ends
from bench.spread import percentiles

GROUP = "bench-crowd"


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

    def __init__(self, language: Language, ends: Ends) -> None:
        """Take both ends of a chain on which nothing has been said yet."""
        self._language = language
        self._ends = ends
        self._next = 0

    @classmethod
    def on(cls, kafka: str, language: Language, partitions: int, program: Child) -> Crowd:
        """Connect one to a broker."""
        topics = language.asked, language.told
        return cls(language, Ends.on(kafka, topics, partitions, GROUP, (program,)))

    def close(self) -> None:
        """Let go of the broker."""
        self._ends.close()

    def chat(self, at_once: int, chats: int, silence_s: float = SILENCE_S) -> Chats:
        """Hold a number of chats, at least two.

        Raises Stuck, BadAnswer, or MeasurementFailed where the program ended.
        """
        times = Times()
        coming = self._ends.arrivals(
            lambda: f"{len(times.ended)} of {chats} chats ended", silence_s
        )
        cpu_s = self._ends.cpu_s()
        began = time.perf_counter()
        for _ in range(min(at_once, chats)):
            self._ask(times)
        while len(times.ended) < chats:
            messages, now = next(coming)
            for message in messages:
                if times.take(self._language.read(message), now) and len(times.sent) < chats:
                    self._ask(times)
        seconds = time.perf_counter() - began
        cpu_ms = (self._ends.cpu_s() - cpu_s) * 1000 / chats
        return times.summary(at_once, seconds, cpu_ms)

    def _ask(self, times: Times) -> None:
        number, self._next = self._next, self._next + 1
        record = self._language.ask(number)
        times.sent[number] = time.perf_counter()
        self._ends.put(record)
