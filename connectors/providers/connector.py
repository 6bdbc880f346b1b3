"""The connector: which provider is asked, how often, for how long, and what it cost.

Each model of a provider has a circuit of its own, since one that is broken says nothing of the
others. A provider that asks to be left alone (Retry-After) is not asked meanwhile: its calls fail
at once, with the time after which to come back, so that the next route is tried.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from opentelemetry import trace

from agents.errors import Permanent, Transient
from connectors.arrivals import describe
from connectors.bounded_cache import BoundedCache
from connectors.providers.configured import ProviderSettings, configured
from connectors.providers.hedged_calls import CHARACTERS_A_TOKEN, HedgeBudget, Racer, raced
from connectors.providers.kept_answers import KeptAnswers
from connectors.providers.kinds import KINDS, Provider, make
from connectors.providers.windows import CallOutcome, Windows
from schemas import (
    Generate,
    Generated,
    RateRoute,
    ReadRoutes,
    Request,
    RouteRated,
    RoutesRead,
    RouteState,
    StreamRequest,
    Usage,
)
from streams.running.breaker import CLOSED, OPEN, Circuit, Overdue
from streams.running.cache_mark import mark_cached
from streams.running.cancellations import Cancellations, Wanted
from streams.running.fair_queue import FairQueue
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

TRITON = "triton"
OWN = ProviderSettings(kind="triton", total_timeout_s=3_600.0, first_token_timeout_s=3_600.0)
"""Our own Triton: the bound of a call is the settings', and its connector makes them wait."""
RESERVED = 4  # one in so many places is for tenants that ask for one at a time
CIRCUITS_MAX = 256
PAUSE_S = 0.2  # before another try where nobody says how long
WAITED_MAX_S = 1.0  # for another try; whoever asks for more patience is left alone
STATES = {CLOSED: "closed", OPEN: "open"}


@dataclass
class _Entry:
    """One provider as it is used."""

    name: str
    own: ProviderSettings
    provider: Provider
    turns: FairQueue | None
    quiet_until: float = 0.0
    """Until when it wants to be left alone, by the event loop's clock."""


class Providers:
    """Answers Generate by whoever serves the model. Make it anywhere; it connects when asked."""

    def __init__(
        self,
        settings: Settings,
        tracer: trace.Tracer | None = None,
        circuit: Callable[[str], Circuit] = Circuit,
    ) -> None:
        """Read the providers; raises BadSetting for what can't be used."""
        self._tracer = tracer or trace.get_tracer("connectors.providers")
        self._make_circuit = circuit
        self._circuits: OrderedDict[str, Circuit] = OrderedDict()
        self._windows = Windows()
        self._hedges = HedgeBudget()
        self._cancellations = Cancellations()
        answers_bytes = settings.cache_mb * 1_000_000
        self._kept = KeptAnswers(BoundedCache("answers", answers_bytes, settings.answer_cache_s))
        entries = {TRITON: OWN} | configured(settings)
        self._entries = {name: _entry(name, own, settings) for name, own in entries.items()}

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer how routes fare, and take ratings."""
        return {ReadRoutes: self.read_routes, RateRoute: self.rate}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer Generate."""
        return {Generate: self.generate}

    async def close(self) -> None:
        """Close all connections."""
        for entry in self._entries.values():
            await entry.provider.close()

    def heed(self, cancellations: Cancellations) -> None:
        """Stop models for these from now on."""
        self._cancellations = cancellations

    def forget_tenant(self, tenant: str) -> None:
        """Drop what is kept of a tenant's answers."""
        self._kept.forget_tenant(tenant)

    def circuit(self, request: Request[Any]) -> Circuit | None:
        """Return the circuit of the model that a request asks; None for what is answered here.

        Where two may be asked each is asked behind its own, here.
        """
        if not isinstance(request, Generate) or request.hedge is not None:
            return None
        return self._circuit_of(request.provider, request.model)

    def _circuit_of(self, provider: str, model: str) -> Circuit:
        name = f"{provider or TRITON}/{model}"
        if name not in self._circuits:
            self._circuits[name] = self._make_circuit(name)
            if len(self._circuits) > CIRCUITS_MAX:
                self._circuits.popitem(last=False)
        self._circuits.move_to_end(name)
        return self._circuits[name]

    async def read_routes(self, request: ReadRoutes, _call: Call) -> RoutesRead:
        """Tell how routes have fared, as this process saw it."""
        states = []
        for named in request.routes:
            window = self._windows.of(named.route)
            circuit = self._circuit_of(named.provider, named.model)
            wait_s = max(circuit.wait_s, self._quiet_s(named.provider))
            states.append(
                RouteState(
                    circuit="open" if wait_s > 0 else STATES.get(circuit.state, "half open"),
                    wait_ms=math.ceil(wait_s * 1_000),
                    running=window.running,
                    calls=len(window.calls),
                    failures=window.failures,
                    first_token_ms=window.first_token_ms,
                    rated=len(window.ratings),
                    ungrounded=window.ratings.count(False),
                    first_token_p95_ms=window.first_token_p95_ms,
                )
            )
        return RoutesRead(states=tuple(states))

    async def rate(self, request: RateRoute, _call: Call) -> RouteRated:
        """Count whether an answer could stand."""
        ratings = self._windows.of(request.route).ratings
        ratings.append(request.grounded)
        return RouteRated(rated=len(ratings))

    async def generate(self, request: Generate, call: Call) -> AsyncIterator[Generated]:
        """Continue a prompt by the provider that the request names.

        Raises Transient where it is away, slow or overloaded, Permanent where it refuses or is not
        known. Another try is made before the first token alone. Where nobody wants the answer any
        more, the model is let go of, or not asked, and the last part says so.
        """
        if _wanted(call) in self._cancellations:
            yield Generated(tokens=(), last=True, finish_reason="cancelled")
            return
        if (kept := self._kept.of(request, call)) is not None:
            mark_cached()
            for part in kept:
                yield part
                mark_cached()  # of each part, and of the end, it is told anew
            return
        if request.hedge is None:
            asking = self._asked(request, call, CallOutcome())
        else:
            asking = raced(
                request, lambda one, racer: self._guarded(one, call, racer), self._hedges
            )
        async with (
            aclosing(asking) as parts,
            aclosing(self._kept.keeping(parts, request, call)) as passed_on,
        ):
            async for part in passed_on:
                yield part

    async def _asked(
        self, request: Generate, call: Call, outcome: CallOutcome
    ) -> AsyncGenerator[Generated, None]:
        """Ask one model, and count how it went."""
        entry = self._entry_of(request.provider)
        answered = self._in_turn(entry, request, call, outcome)
        heard, tokens = Generated(tokens=(), model=request.model), 0
        with self._windows.of(request.route or request.model).counted(outcome):
            async with aclosing(self._cancellations.heeded(answered, _wanted(call))) as parts:
                async for part in parts:
                    heard, tokens = part, tokens + len(part.tokens)
                    yield _priced(part, request)
        if not heard.last and _wanted(call) in self._cancellations:
            yield _stopped(request, tokens, heard.model)

    async def _in_turn(
        self, entry: _Entry, request: Generate, call: Call, outcome: CallOutcome
    ) -> AsyncGenerator[Generated, None]:
        turn = entry.turns.turn(call) if entry.turns else nullcontext()
        async with turn, aclosing(self._tried(entry, request, call, outcome)) as parts:
            async for part in parts:
                yield part

    async def _guarded(
        self, request: Generate, call: Call, racer: Racer
    ) -> AsyncGenerator[Generated, None]:
        """Ask one of two models behind its circuit.

        One that is let go has not failed; that it took as long as it did is remembered.
        """
        began, outcome = time.perf_counter(), CallOutcome()
        with self._circuit_of(request.provider, request.model).guard(call.tenant) as answered:
            try:
                async with aclosing(self._asked(request, call, outcome)) as parts:
                    async for part in parts:
                        answered()
                        yield part
            finally:
                if racer.lost and outcome.first_token_ms is None:
                    outcome.first_token_ms = _ms_since(began)
                    outcome.failed = False

    async def _tried(
        self, entry: _Entry, request: Generate, call: Call, outcome: CallOutcome
    ) -> AsyncGenerator[Generated, None]:
        began, tries = time.perf_counter(), 0
        while True:
            self._refuse_while_quiet(entry)
            tries += 1
            try:
                async with aclosing(self._traced(entry, request, call)) as parts:
                    async for part in parts:
                        if part.tokens and outcome.first_token_ms is None:
                            outcome.first_token_ms = _ms_since(began)
                        yield part
            except Transient as error:
                wait_s = PAUSE_S if error.retry_after_s is None else error.retry_after_s
                if error.retry_after_s:
                    entry.quiet_until = asyncio.get_running_loop().time() + error.retry_after_s
                over = outcome.first_token_ms is not None or tries >= entry.own.tries_max
                if over or isinstance(error, Overdue) or wait_s > WAITED_MAX_S:
                    raise
            else:
                return
            await asyncio.sleep(wait_s)

    async def _traced(
        self, entry: _Entry, request: Generate, call: Call
    ) -> AsyncGenerator[Generated, None]:
        """Ask once, within the provider's bounds; a span tells of models and numbers alone.

        Our own Triton's connector tells of its calls itself.
        """
        parts = _within(entry.provider.generate(request, call), entry.own, entry.name)
        if entry.own.kind in _TELLING:
            async with aclosing(parts):
                async for part in parts:
                    yield part
            return
        span = self._tracer.start_span(f"generate {request.model}", kind=trace.SpanKind.CLIENT)
        span.set_attribute("gen_ai.provider.name", entry.name)
        span.set_attribute("gen_ai.request.model", request.model)
        span.set_attribute("playhead.request", call.request)
        try:
            async with aclosing(parts):
                async for part in parts:
                    if part.last:
                        describe(span, part)
                    yield part
        except (Transient, Permanent) as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    def _entry_of(self, name: str) -> _Entry:
        entry = self._entries.get(name or TRITON)
        if entry is None:
            raise Permanent(f"there is no provider {name}: give it an entry in providers.json")
        return entry

    def _quiet_s(self, name: str) -> float:
        entry = self._entries.get(name or TRITON)
        if entry is None:
            return 0.0
        return max(0.0, entry.quiet_until - asyncio.get_running_loop().time())

    def _refuse_while_quiet(self, entry: _Entry) -> None:
        if (wait_s := self._quiet_s(entry.name)) > 0:
            raise Transient(
                f"provider {entry.name} is not asked for {wait_s:.1f} s: it said so",
                retry_after_s=wait_s,
            )


def _ms_since(began: float) -> int:
    return max(1, round((time.perf_counter() - began) * 1_000))


_TELLING = {kind for kind, place in KINDS.items() if place.endswith(":TritonModels")}


def _entry(name: str, own: ProviderSettings, settings: Settings) -> _Entry:
    turns = None
    if own.kind not in _TELLING:
        turns = FairQueue(own.running_max, reserved=max(1, own.running_max // RESERVED))
    return _Entry(name, own, make(name, own, settings), turns)


async def _within(
    parts: AsyncIterator[Generated], own: ProviderSettings, name: str
) -> AsyncGenerator[Generated, None]:
    """Bound the time to the first token and that of the whole; raises Overdue."""
    loop = asyncio.get_running_loop()
    end, bound_s = loop.time() + own.total_timeout_s, own.first_token_timeout_s
    async with aclosing(parts) as given:  # type: ignore[type-var]  # all of them have aclose
        while True:
            try:
                async with asyncio.timeout(min(bound_s, end - loop.time())):
                    part = await anext(given, None)
            except TimeoutError:
                raise Overdue(f"provider {name} sent no token within its bounds") from None
            if part is None:
                return
            bound_s = own.total_timeout_s
            yield part


def _wanted(call: Call) -> Wanted:
    return Wanted(call.tenant, call.lane, call.subject, call.request)


def _stopped(request: Generate, tokens: int, model: str) -> Generated:
    """Make the last part of an answer that was stopped, with what it cost as far as that is known.

    A server that is let go of tells no usage; a prompt of which something came was read.
    """
    prompt_tokens = (len(request.system) + len(request.prompt)) // CHARACTERS_A_TOKEN + 1
    usage = Usage(prompt_tokens=prompt_tokens if tokens else 0, completion_tokens=tokens)
    part = Generated(tokens=(), last=True, finish_reason="cancelled", usage=usage, model=model)
    return replace(_priced(part, request), usage=None)


def _priced(part: Generated, request: Generate) -> Generated:
    """Add to the last part what the generation cost; a part of a millionth counts as one."""
    if not part.last or part.usage is None:
        return part
    thousandths = (
        part.usage.prompt_tokens * request.input_price
        + part.usage.completion_tokens * request.output_price
    )
    return replace(part, cost_micros=-(-thousandths // 1_000))
