"""Asking at the times of the arrivals, whatever became of earlier questions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edge.client.loading.load_arrivals import LoadArrival
from edge.client.loading.load_askers import LATE, LoadAsker, LoadedQuestion

NOT_SENT = "not sent: too many in flight"
STOPPED = "stopped"


@dataclass(frozen=True)
class LoadPlan:
    """How to ask."""

    questions: Sequence[str]
    """LoadedQuestion in turn."""
    max_tokens: int
    """Of an answer, where the arrival does not say."""
    in_flight_max: int
    """Of questions at one time; one that finds no room is counted, and not asked."""
    patience_s: float
    """For an answer's end."""


class OpenLoop:
    """Asks, and keeps what came of each question; lives on one event loop."""

    def __init__(
        self, asker: LoadAsker, plan: LoadPlan, tell: Callable[[int, int], object] = max
    ) -> None:
        """`tell` is called with how many were asked and how many are in flight."""
        self._asker = asker
        self._plan = plan
        self._tell = tell
        self.asked: list[LoadedQuestion] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, arrivals: Iterable[LoadArrival]) -> None:
        """Ask for each arrival at its time, and wait for all ends.

        When it is cancelled, those that are in flight are given up, and count as stopped.
        """
        began_s = time.monotonic()
        try:
            for number, arrival in enumerate(arrivals):
                due_s = began_s + arrival.at_s
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                self._begin(number, due_s, arrival)
                self._tell(len(self.asked), len(self._tasks))
            while self._tasks:
                await asyncio.wait(self._tasks, timeout=0.5)
                self._tell(len(self.asked), len(self._tasks))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._asker.close()

    def _begin(self, number: int, due_s: float, arrival: LoadArrival) -> None:
        asked = LoadedQuestion(due_s, arrival.answer_tokens or self._plan.max_tokens)
        self.asked.append(asked)
        if len(self._tasks) >= self._plan.in_flight_max:
            asked.sent_s = asked.ended_s = time.monotonic()
            asked.outcome = NOT_SENT
            return
        question = self._plan.questions[number % len(self._plan.questions)]
        task = asyncio.create_task(self._ask(question, asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, question: str, asked: LoadedQuestion) -> None:
        asked.sent_s = time.monotonic()
        try:
            async with asyncio.timeout(self._plan.patience_s):
                await self._asker.ask(question, asked)
        except TimeoutError:
            asked.outcome = LATE
        except asyncio.CancelledError:
            asked.outcome = STOPPED
            raise
        finally:
            asked.ended_s = time.monotonic()
