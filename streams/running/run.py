"""One run of a step over one input: what the live runner and the replay have in common.

A run numbers the effects in the order in which the step issues them, and stamps what it yields. How
a request is answered is left to two subclasses: `streams.running.live.LiveRun` asks the world and
records, `replay.recorded.RecordedRun` reads the record.

Why it is so: an outcome is held back until the step asks for its next effect, yields again or ends.
So the run knows without asking whether it was the last one, a replay finds the same answer, and a
streamed token waits for nothing but the step itself.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from agents.arms import COMPARED, laid_over
from agents.changes import RuleChange, has
from agents.errors import Permanent
from agents.policies.policy_in_force import PolicyInForce, rules_in
from schemas import (
    Begin,
    Begun,
    Cause,
    Effect,
    Event,
    Fail,
    Failed,
    Meta,
    Record,
    Request,
    StepVersion,
    StreamRequest,
)
from streams.log.ids import outcome_id
from streams.topics import Step

ResponseT = TypeVar("ResponseT", bound=Record)
Emit = Callable[[Event], None]


class Input(NamedTuple):
    """An input of a step and where it lies."""

    event: Event
    topic: str
    partition: int
    offset: int

    @property
    def cause(self) -> Cause:
        """How outcomes refer to it."""
        return Cause(
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            id=self.event.meta.id,
        )


class StepBroken(Permanent):
    """A step broke a rule of the seam: a mistake in the code, not in the input."""


class _Basis(NamedTuple):
    """What an outcome rests on."""

    ordinal: int
    at: int
    effects: tuple[Effect, ...]


class Run(ABC):
    """One run of a step; it is the `fx` that the step is given."""

    def __init__(self, step: Step, given: Input, emit: Emit) -> None:
        self.step = step
        self.input = given
        self._emit = emit
        self._issued = 0
        self._pending: list[Effect] = []
        self._held: tuple[Event, _Basis] | None = None
        self._ordinal = 0
        self._at = 0
        self._begun: Begun | None = None

    # ------------------------------------------------------------------ how requests are answered

    @abstractmethod
    def _ask_at_once(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect] | None:
        """Answer a request that need not be waited for; None for any other.

        Most answers at a replay and the first one of every live run are such: they cost a call, not
        a coroutine.
        """

    @abstractmethod
    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        """Answer a request, or say with which error, together with what the record keeps of it."""

    @abstractmethod
    def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        """Answer a request in parts."""

    @abstractmethod
    def _configuration(self, digest: str) -> dict[str, Any]:
        """Return the configuration with a digest."""

    # ------------------------------------------------------------------ what the step sees

    @property
    def began_us(self) -> int:
        """When this run of the step began, in microseconds since the Unix epoch, UTC."""
        return self.begun.at

    @property
    def cancelled(self) -> bool:
        """Whether who had asked wanted no answer any more when the run began."""
        return self.begun.cancelled

    @property
    def configuration(self) -> dict[str, Any]:
        """Configuration of the step that was in force when the run began, in the request's arm."""
        values = self._configuration(self.begun.configuration)
        if self.step.name not in COMPARED:
            return values
        try:
            return laid_over(values, self.input.event.meta.request)
        except (KeyError, TypeError, ValueError) as error:
            raise Permanent(
                f"configuration of {self.step.name}: its arms: {type(error).__name__}: {error}"
            ) from None

    @property
    def policy(self) -> PolicyInForce | None:
        """The policy in force when the run began; None where there was none."""
        begun = self.begun
        if not begun.policy:
            return None
        text = rules_in(self._configuration(begun.policy))
        return PolicyInForce(begun.policy, text, begun.region)

    def has(self, change: RuleChange) -> bool:
        """Say whether the code that the run is of behaves in a changed way."""
        return has(self.begun.code, change)

    @property
    def begun(self) -> Begun:
        """Circumstances of the run; available once it has begun."""
        if self._begun is None:
            raise StepBroken(f"{self.step.name} asked for its circumstances before it began")
        return self._begun

    async def __call__(self, request: Request[ResponseT]) -> ResponseT:
        """Ask, and wait for the answer; raises what the connector raised."""
        self._flush(last=False)
        number = self._next()
        answered = self._ask_at_once(number, request) or await self._ask(number, request)
        answer: ResponseT = self._consume(*answered)
        return answer

    async def gather(self, *requests: Request[Any]) -> tuple[Any, ...]:
        """Ask several things at once; numbered in the order given, whichever answer comes first.

        If some fail, all are still recorded, and the error of the first that failed is raised.
        """
        self._flush(last=False)
        numbered = [(self._next(), request) for request in requests]
        answers = await asyncio.gather(*(self._answered(number, r) for number, r in numbered))
        return self._consume_all(answers)

    def _consume_all(self, answers: Sequence[tuple[Record | Exception, Effect]]) -> tuple[Any, ...]:
        """Take several answers; raises the error of the first that failed, once all are taken."""
        failed: Exception | None = None
        responses = []
        for response, effect in answers:
            try:
                responses.append(self._consume(response, effect))
            except Exception as error:  # noqa: BLE001 - raised below, once all are recorded
                failed = failed or error
        if failed is not None:
            raise failed
        return tuple(responses)

    async def pause(self) -> None:
        """Let others have their turn; nothing is numbered or recorded, and no outcome let go of."""
        await asyncio.sleep(0)

    async def stream(self, request: StreamRequest[ResponseT]) -> AsyncIterator[ResponseT]:
        """Ask for an answer in parts. To stop early, break out of the loop."""
        self._flush(last=False)
        parts = self._ask_stream(self._next(), request)
        try:
            async for response, effect in parts:
                yield self._consume(response, effect)
                self._flush(last=False)
        finally:
            close = getattr(parts, "aclose", None)
            if close is not None:
                await close()

    # ------------------------------------------------------------------ driving the step

    async def execute(self) -> None:
        """Run the step to its end; outcomes go to `emit` as soon as they are known.

        Raises what the step raises. Then the outcome is open: `reject` closes it.
        """
        await self.begin()
        event = self.input.event
        flow = self.step.flows.get(type(event), ())
        async for record in self.step.function(event, self):
            if type(record) not in flow:
                raise StepBroken(
                    f"{self.step.name} yielded a {record.SCHEMA} over a {event.SCHEMA}: "
                    "not in streams/topics.py"
                )
            self._hold(record)
        if self._held is None:
            why = (
                "after its last outcome it asked for more effects"
                if self._ordinal
                else "no outcome"
            )
            raise StepBroken(f"{self.step.name} left its outcome open: {why}")
        self._flush(last=True)

    async def begin(self) -> None:
        """Learn the circumstances; by itself for an input that is rejected before it is run."""
        # not by way of __call__: every run of every step pays for this
        number = self._next()
        request = Begin(step=self.step.name, cause=self.input.event.meta.id)
        answered = self._ask_at_once(number, request) or await self._ask(number, request)
        self._begun = self._consume(*answered)

    async def reject(self, build: Callable[[Failed, Meta], Event]) -> None:
        """Close the outcome of an input that the step gave up on."""
        self._flush(last=False)
        failed = await self(Fail(step=self.step.name, cause=self.input.event.meta.id))
        self._emit(build(failed, self._meta(self._take_basis(), last=True)))

    async def _answered(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect]:
        return self._ask_at_once(number, request) or await self._ask(number, request)

    def _next(self) -> int:
        number = self._issued
        self._issued += 1
        return number

    def _consume(self, response: Record | Exception, effect: Effect) -> Any:
        self._pending.append(effect)
        self._at = max(self._at, effect.started + effect.took_us)
        if isinstance(response, Exception):
            raise response
        return response

    def _hold(self, record: Event) -> None:
        """Let go of the outcome before; keep this one until it is known whether it is the last."""
        self._flush(last=False)
        self._held = record, self._take_basis()

    def _take_basis(self) -> _Basis:
        """Take what the next outcome rests on."""
        basis = _Basis(self._ordinal, self._at, tuple(self._pending))
        self._ordinal += 1
        self._pending = []
        return basis

    def _flush(self, *, last: bool) -> None:
        if self._held is not None:
            (record, basis), self._held = self._held, None
            self._emit(stamped(record, self._meta(basis, last=last)))

    def _meta(self, basis: _Basis, *, last: bool) -> Meta:
        """Identify an outcome."""
        given, begun = self.input.event.meta, self.begun
        return Meta(
            id=outcome_id(given.id, self.step.name, basis.ordinal),
            tenant=given.tenant,
            lane=given.lane,
            request=given.request,
            session=given.session,
            cause=self.input.cause,
            at=basis.at,
            step=StepVersion(
                name=self.step.name, code=begun.code, configuration=begun.configuration
            ),
            attempt=begun.attempt,
            ordinal=basis.ordinal,
            last=last,
            trace=begun.trace,
            effects=basis.effects,
        )


def stamped(event: Event, meta: Meta) -> Event:
    """Return the event with another meta."""
    return replace(event, meta=meta)
