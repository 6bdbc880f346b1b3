"""A run from the record that tells what it is answered, and stops where it leaves the record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import currentframe
from types import FrameType
from typing import Any

from rich.console import Console

from replay.debugging.debuggers import Debugger, code_of
from replay.effect_rules import described, shown
from replay.recorded import (
    Divergence,
    Erased,
    Exhausted,
    GivenUp,
    RecordedRun,
    Unverifiable,
)
from replay.rules import StoredOutcome
from schemas import Effect, Event, Record, Request, StreamRequest
from streams.running.run import Run

MACHINERY = ("replay.", "streams.running.", "contextlib", "asyncio")
"""Modules between a step and what answers it: nobody wants to see their frames first."""
DRIVES_THE_STEP = Run.execute.__code__


class RunWatch:
    """Tells of one attempt what its run asks, is answered and yields."""

    def __init__(
        self,
        outcomes: Sequence[StoredOutcome],
        difference: Callable[[StoredOutcome, Event], str],
        debugger: Debugger,
        console: Console,
        *,
        from_start: bool,
    ) -> None:
        """`difference` says what differs between a record and what is yielded in its place.

        Without `from_start` the debugger stops at the first difference only.
        """
        self._outcomes = outcomes
        self._difference = difference
        self._debugger = debugger
        self._console = console
        self._from_start = from_start
        self._yielded = 0
        self.stopped = False
        """Whether it stopped at a difference; it does so once."""

    def begins(self, function: Any) -> None:
        """Stop where a step begins, where that was asked for."""
        if self._from_start:
            self._debugger.enter(code_of(function))

    def answered(self, effect: Effect, answer: Record | Exception) -> None:
        """Tell what an effect was answered; of what a person's text may stand in, only that."""
        if isinstance(answer, Exception):
            said = f"the error {effect.error}"
        elif effect.response is None:
            said = f"{answer.SCHEMA}, executed again: as its digest says"
        else:
            said = shown(answer)
        part = f"part {effect.part} " if effect.part else ""
        self._say(f"  -> {part}{said}")

    def asks(self, number: int, request: Request[Any]) -> None:
        """Tell what the step asks for."""
        self._say(f"effect {number}  {described(request)}")

    def yields(self, event: Event) -> None:
        """Tell what the step yields, and stop where the log holds something else in its place."""
        number = self._yielded
        self._yielded += 1
        if number >= len(self._outcomes):
            self.differs(f"the step yields {event.SCHEMA}: the log holds no record {number} of it")
        elif reason := self._difference(self._outcomes[number], event):
            self.differs(f"record {number} ({event.SCHEMA}): {reason}")
        else:
            self._say(f"record {number}  {event.SCHEMA}: equal")

    def differs(self, reason: str) -> None:
        """Say where the run leaves the record; stop there, the first time."""
        self._say(reason, style="red")
        if not self.stopped:
            self.stopped = True
            self._debugger.stop(_frame_of_step())

    def _say(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _frame_of_step() -> FrameType:
    """Return the innermost frame that is the step's own or of what it calls; here, if none is."""
    here = frame = currentframe()
    assert here is not None  # only another Python than CPython gives none
    while frame is not None and frame.f_code is not DRIVES_THE_STEP:
        if not frame.f_globals.get("__name__", "").startswith(MACHINERY):
            return frame
        frame = frame.f_back
    return here  # the step has ended


class WatchedRun(RecordedRun):
    """Answers as its base class does, and lets a watch know."""

    def __init__(self, *arguments: Any, watch: RunWatch, **named: Any) -> None:
        """Make what RecordedRun makes; `watch` is told of it."""
        super().__init__(*arguments, **named)
        self._watch = watch
        self._take = self._emit
        self._emit = self._tell

    def _tell(self, event: Event) -> None:
        self._take(event)
        self._watch.yields(event)

    async def execute(self) -> None:
        """Run the step to its end, from where the watch wants to see it."""
        self._watch.begins(self.step.function)
        await super().execute()

    def _consume(self, response: Record | Exception, effect: Effect) -> Any:
        self._watch.answered(effect, response)
        return super()._consume(response, effect)

    def _ask_at_once(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect] | None:
        if request.EFFECT == "local":
            return None  # `_ask` tells of it
        with self._asking(number, request):
            return super()._ask_at_once(number, request)

    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        with self._asking(number, request):
            return await super()._ask(number, request)

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        with self._asking(number, request):
            async for part in super()._ask_stream(number, request):
                yield part

    @contextmanager
    def _asking(self, number: int, request: Request[Any]) -> Iterator[None]:
        self._watch.asks(number, request)
        try:
            yield
        except (Divergence, Unverifiable, Erased) as reason:
            self._watch.differs(str(reason))
            raise
        except Exhausted:
            self._watch.differs("the record ends here: this run was cut off")
            raise
        except GivenUp:
            self._watch.differs("the record says that this outcome did not fit a record")
            raise
