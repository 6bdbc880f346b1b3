"""The world outside a step: connectors, by the requests that they answer.

No call of what is outside takes longer than a bound, and a connector that speaks for a service
stands behind a circuit breaker (see `breaker`). What is within the process has none: one lane whose
table is still being read must not keep the others from theirs.

Why it is so: on behalf of a question, one call may wait for SHARE of the time that is left until
its deadline, and no longer; writes apart. So a service that hangs leaves the step the time to do
without it: to search by words alone, to quote a sentence, to refuse. When the deadline has passed
nobody waits any longer, and the general bound holds. Where there is none, what a call waits for its
turn in a `fair_queue` does not count: the bound is one of work.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from agents.errors import Permanent, Transient
from schemas import Record, Request, StreamRequest, Written
from streams.log.clock import now_us
from streams.running.breaker import Circuit, Overdue
from streams.running.fair_queue import Bound, current_bound
from streams.running.retry import deadline_of
from streams.running.run import Input

SHARE = 0.5  # of the time left, for one call; what degrades after it has as much again
BLAMED_S = 5.0  # a call given less time than this and not answered is not held against the service


@dataclass(frozen=True)
class Call:
    """On whose behalf a connector is asked."""

    tenant: str
    lane: int
    request: str
    session: str
    event: str
    """meta.id of the step's input."""
    topic: str
    """Topic of the step's input."""
    offset: int
    """Offset of the step's input in its lane."""
    deadline: int = 0
    """When an answer is no longer of use, in microseconds since the Unix epoch; 0: never."""
    subject: str = ""
    """Keyed digest of the user whose conversation the input is of; empty for a document."""

    @classmethod
    def over(cls, given: Input) -> Call:
        """Return the call of a run over an input; live and at replay it is the same."""
        meta = given.event.meta
        return cls(
            tenant=meta.tenant,
            lane=meta.lane,
            request=meta.request,
            session=meta.session,
            event=meta.id,
            topic=given.topic,
            offset=given.offset,
            deadline=deadline_of(given.event),
            subject=getattr(given.event, "subject", ""),
        )


class _HadNoTime(Exception):
    """A call ended because its asker was in a hurry, whatever the service may be like."""


AnyRequest = Request[Any] | StreamRequest[Any]
Guard = Callable[[AnyRequest, str], AbstractContextManager[Callable[[], None]]]
"""Takes the request and the tenant who asks."""
Handler = Callable[[Any, Call], Awaitable[Record]]
StreamHandler = Callable[[Any, Call], AsyncIterator[Record]]
HandlerT = TypeVar("HandlerT", Handler, StreamHandler)


class Connector(Protocol):
    """A service or store that answers requests.

    One that may be away as a whole has the name of its service in an attribute `service`; one that
    speaks for several has a method `circuit` that returns the circuit of a request, or None; one
    that loads something ahead of whoever asks has a coroutine function `loaded` that waits for it.
    """

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request; the handlers raise Transient or Permanent."""

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return who answers which streamed request."""

    async def close(self) -> None:
        """Let go of connections."""


class World:
    """Everything that can be asked: all connectors together, with a bound on each call."""

    def __init__(
        self,
        connectors: tuple[Connector, ...],
        timeout_s: float,
        *,
        blamed_s: float = BLAMED_S,
        circuit: Callable[[str], Circuit] = Circuit,
    ) -> None:
        """Take the connectors; `circuit` makes the circuit breaker of a service."""
        self.timeout_s = timeout_s
        self._blamed_s = blamed_s
        self._connectors = connectors
        self._handlers: dict[type[Any], tuple[Handler, Guard]] = {}
        self._streams: dict[type[Any], tuple[StreamHandler, Guard]] = {}
        for connector in connectors:
            guard = _guard_of(connector, circuit)
            for request, handler in connector.handlers().items():
                if request in self._handlers:
                    raise ValueError(f"two connectors answer {request.__name__}: keep one")
                self._handlers[request] = handler, guard
            for streamed, parts in connector.stream_handlers().items():
                self._streams[streamed] = parts, guard

    async def ask(self, request: Request[Any], call: Call) -> Record:
        """Ask; raises Transient or Permanent, and Transient on a timeout or an open circuit."""
        handler, guard = _registered(self._handlers, request)
        with _in_a_hurry(), guard(request, call.tenant):
            async with self._within(self._bound_s(request, call), request, call):
                return await handler(request, call)

    async def ask_stream(self, request: StreamRequest[Any], call: Call) -> AsyncIterator[Record]:
        """Ask for an answer in parts; errors as for `ask`, each part within the bound of a call."""
        handler, guard = _registered(self._streams, request)
        loop = asyncio.get_running_loop()
        end = loop.time() + self.timeout_s
        with _in_a_hurry(), guard(request, call.tenant) as answered:
            answer = handler(request, call)
            try:
                while True:
                    bound_s = min(self._bound_s(request, call), end - loop.time())
                    async with self._within(bound_s, request, call):
                        part = await anext(answer, None)
                    if part is None:
                        return
                    answered()
                    yield part
            finally:
                close = getattr(answer, "aclose", None)
                if close is not None:
                    await close()

    def _bound_s(self, request: AnyRequest, call: Call) -> float:
        """Return how long a call may take.

        Local ones wait for nobody outside. What they do is bounded as work where it is done; while
        others are before them they wait, and that must not fail them.

        What is written stands, also where nobody waited for its end: given up at a question's
        deadline, it would be there beside the rejection, and what rests on it would go on.
        """
        if request.EFFECT == "local":
            return math.inf
        if call.deadline and request.RESPONSE is not Written:
            left_s = (call.deadline - now_us()) / 1_000_000
            if left_s > 0:
                return min(self.timeout_s, SHARE * left_s)
        return self.timeout_s

    @asynccontextmanager
    async def _within(self, bound_s: float, request: AnyRequest, call: Call) -> AsyncIterator[None]:
        """Bound what is done inside; raises Overdue.

        It is _HadNoTime where the service is not to blame: the bound was short, or over before it
        was the call's turn to be answered.
        """
        try:
            async with asyncio.timeout(None if bound_s == math.inf else bound_s) as timeout:
                bound = Bound(timeout, hurried=call.deadline > 0)
                token = current_bound.set(bound)
                try:
                    yield
                finally:
                    current_bound.reset(token)
        except TimeoutError:
            blamed = bound_s >= self._blamed_s and not bound.waited_in_vain
            kind = Overdue if blamed else _HadNoTime
            raise kind(f"{request.SCHEMA} took longer than {bound_s:.3g} s") from None

    async def loaded(self) -> None:
        """Wait for what connectors load ahead of whoever asks, until it is there or can't be."""
        waits = (getattr(connector, "loaded", None) for connector in self._connectors)
        await asyncio.gather(*(wait() for wait in waits if wait is not None))

    async def close(self) -> None:
        """Close every connector."""
        for connector in self._connectors:
            await connector.close()


def _registered(
    table: Mapping[type[Any], tuple[HandlerT, Guard]], request: AnyRequest
) -> tuple[HandlerT, Guard]:
    """Look up who answers a request; raises Permanent where nobody does."""
    try:
        return table[type(request)]
    except KeyError:
        raise Permanent(
            f"no connector answers {request.SCHEMA}: see connectors/who_answers.py"
        ) from None


def _guard_of(connector: Connector, make: Callable[[str], Circuit]) -> Guard:
    """Return what stands before a connector's calls."""
    service = getattr(connector, "service", None)
    if service:
        circuit = make(service)
        return lambda _, tenant: circuit.guard(tenant)
    circuit_of: Callable[[AnyRequest], Circuit | None] | None = getattr(connector, "circuit", None)
    if circuit_of is None:
        return _unguarded

    def guard(request: AnyRequest, tenant: str) -> AbstractContextManager[Callable[[], None]]:
        own = circuit_of(request)
        return own.guard(tenant) if own is not None else _unguarded(request, tenant)

    return guard


def _unguarded(_: AnyRequest, _tenant: str) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(lambda: None)


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    """Make a step see lack of time as Transient, once the circuit has let it pass."""
    try:
        yield
    except (_HadNoTime, Overdue) as error:
        raise Transient(str(error)) from None
