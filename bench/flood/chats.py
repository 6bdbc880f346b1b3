"""Tenants who chat, one question at a time each, and what they see of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from bench.facts import facts
from bench.flood.visitor import ComeBack, Heard, Visitor
from bench.spread import percentiles

Clock = Callable[[], float]


@dataclass(frozen=True)
class ChatFigures:
    """What all who chatted saw; times in milliseconds, of whole answers and of the first text."""

    chats: int
    whole_p50_ms: float
    whole_p95_ms: float
    first_p50_ms: float
    first_p95_ms: float
    refused: dict[int, int]
    """By status, how often a question was not taken; 0: the connection broke."""
    errors: int
    """Answers that ended with an error."""


@dataclass
class PhaseChats:
    """The chats of one phase."""

    heard: list[Heard] = field(default_factory=list)
    by: list[Visitor] = field(default_factory=list)
    """Who heard each."""
    refused: Counter[int] = field(default_factory=Counter)

    def figures(self) -> ChatFigures:
        """Sum up at least two chats; an answer without text counts as one whose text came last."""
        whole = percentiles(1000 * one.whole_s for one in self.heard)
        first = percentiles(1000 * (one.first_s or one.whole_s) for one in self.heard)
        errors = sum(one.closing == "error" for one in self.heard)
        return ChatFigures(
            len(self.heard), whole[0], whole[1], first[0], first[1], dict(self.refused), errors
        )


def questions(sections: int) -> Iterator[str]:
    """Ask about each fact of a guide in turn, for ever; no wording comes twice."""
    about = [question for _, question in facts(sections)]
    for time_ in count():
        for question in about:
            yield f"{question} ({time_})" if time_ else question


async def chat(
    visitor: Visitor,
    asking: Iterator[str],
    think_s: float,
    until_s: float,
    into: PhaseChats,
    clock: Clock = time.monotonic,
) -> None:
    """Think, ask, wait for the whole answer, and again; until a time of the clock.

    Who is refused asks when told to.
    """
    for question in asking:
        await asyncio.sleep(random.uniform(0.0, 2 * think_s))  # noqa: S311 - no secret
        while True:
            if clock() >= until_s:
                return
            try:
                into.heard.append(await visitor.ask(question))
                into.by.append(visitor)
                break
            except ComeBack as refused:
                into.refused[refused.status] += 1
                await asyncio.sleep(refused.wait_s)
