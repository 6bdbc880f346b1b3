"""`fx`: all that a step may ask of the world.

A step is a pure async generator over an event and `fx`. Whatever is not a function of the event
goes through `fx`, which records it live and answers from the record at replay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar, overload

from agents.changes import RuleChange
from agents.policies.policy_in_force import PolicyInForce
from schemas import Event, Record, Request, StreamRequest

A = TypeVar("A", bound=Record)
B = TypeVar("B", bound=Record)
C = TypeVar("C", bound=Record)


class Effects(Protocol):
    """What a step sees of the world."""

    @property
    def began_us(self) -> int:
        """When this run of the step began, in microseconds since the Unix epoch, UTC."""

    @property
    def cancelled(self) -> bool:
        """Whether who had asked wanted no answer any more when the run began."""

    @property
    def configuration(self) -> dict[str, Any]:
        """Configuration of the step that was in force when the run began, in the request's arm."""

    @property
    def policy(self) -> PolicyInForce | None:
        """The policy in force when the run began; None for none: see `agents.policies`."""

    def has(self, change: RuleChange) -> bool:
        """Say whether a change of behaviour is in force for this run: see `agents.changes`."""

    async def __call__(self, request: Request[A]) -> A:
        """Ask, and wait for the answer.

        Raises Transient or Permanent as the connector does; a step that can do without the answer
        catches them, and the replay takes the same path.
        """

    @overload
    async def gather(self, first: Request[A], second: Request[B], /) -> tuple[A, B]: ...
    @overload
    async def gather(
        self, first: Request[A], second: Request[B], third: Request[C], /
    ) -> tuple[A, B, C]: ...
    @overload
    async def gather(self, *requests: Request[A]) -> tuple[A, ...]: ...
    async def gather(self, *requests: Request[Any]) -> tuple[Any, ...]:
        """Ask several things at once; numbered in the order given, whichever answer comes first."""

    async def pause(self) -> None:
        """Let others have their turn amid long work. It is no effect: nothing is recorded of it."""

    def stream(self, request: StreamRequest[A]) -> AsyncIterator[A]:
        """Ask for an answer in parts. To stop early, break out of the loop."""


StepFunction = Callable[[Any, Effects], AsyncIterator[Event]]
"""A step: yields at least one event for every input, the last of which closes the outcome.

The run stamps `meta`; the step leaves it out. An event is published when the step asks for the next
effect or yields again, and it is the last one when the step ends.
"""
