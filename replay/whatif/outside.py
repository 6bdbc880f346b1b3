"""What a counterfactual run may ask outside of it, and what it never may.

The log, the index, the tables, the key store and foreign hosts stay as they are. So each request of
a step is of one kind: asked (a model or the index, which only read), kept here (a write, which is
answered as if it were done and counts for the rest of this request alone), executed here (sealing,
unsealing: with the keys that there are, and no key is made), or refused.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.errors import BeyondMeans, KeyDestroyed, Transient
from schemas import (
    Calculate,
    CallTool,
    CheckPolicy,
    Classify,
    CountTokens,
    Detect,
    Digest,
    Embed,
    Fetch,
    FetchAdjacent,
    Generate,
    IndexChunks,
    Parse,
    PublishVersion,
    RateRoute,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadRoutes,
    ReadTurns,
    RecallValues,
    Record,
    RememberValues,
    Request,
    Rerank,
    RouteRated,
    RoutesRead,
    RouteState,
    Seal,
    Sealed,
    SealedValues,
    SealItem,
    Search,
    StreamRequest,
    Unseal,
    WithdrawVersions,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from streams.running.world import Call, Handler, World

RequestKind = type[Request[Any]]

OF_THE_INDEX: frozenset[RequestKind] = frozenset({Search, Rerank, Fetch, FetchAdjacent})
ASKED: frozenset[RequestKind] = frozenset(
    (Embed, Detect, Classify, Generate, Calculate, CheckPolicy, *OF_THE_INDEX)
)
"""Models, the index, and what is worked out: whoever answers these changes nothing."""
KEPT_HERE: frozenset[RequestKind] = frozenset(
    {WritePlaceholders, WriteRelease, WriteDocument, RememberValues, RateRoute}
)
"""Writes: answered as if they were done."""
OF_TABLES: frozenset[RequestKind] = frozenset(
    {ReadTurns, ReadPlaceholders, ReadRelease, ReadDocument}
)
"""Tables of the workers: what was recorded, or what this request left here."""
EXECUTED: frozenset[RequestKind] = frozenset({Seal, Unseal, Digest, CountTokens, Parse})
"""Local effects, with what is at rest on this machine."""
AT_REST: frozenset[RequestKind] = frozenset({ReadRoutes, RecallValues})
"""Answered by what lies here: nobody outside is asked."""
REFUSED: Mapping[RequestKind, str] = {
    CallTool: "it would call a tool, which may change something where it leads",
    IndexChunks: "it would write to the index",
    PublishVersion: "it would write to the index",
    WithdrawVersions: "it would write to the index",
}
"""Never asked, and why."""

TRIES = 4  # of a call whose service is away for a moment
BACKOFF_S = 0.25
CHARACTERS_A_TOKEN = 4  # of English prose, for what a prompt costs before anybody counts it
MEANING_TOKENS = 128  # of an answer, where the record tells of none


class NotRun(BaseException):
    """A request can't be run to its end here: the reason is its message.

    Not an Exception: a step that catches the errors of its effects must not catch this.
    """


class RefusedHere(NotRun):
    """It asks for what a counterfactual run never does."""


class Lacking(NotRun):
    """This process lacks what it takes: a key store, say."""


class Away(NotRun):
    """Whoever would answer is away."""


class SubjectErased(NotRun):
    """A key that it needs was destroyed."""


class WouldAsk(NotRun):
    """It would ask outside, and this run is not to."""

    def __init__(self, request: Request[Any]) -> None:
        super().__init__(request.SCHEMA)
        self.request = request


class CapReached(BaseException):
    """One more call would pass a cap: the whole run ends here."""


@dataclass
class CallCaps:
    """How much may be asked outside, and how much was."""

    calls_max: int | None = None
    cost_max_micros: int | None = None
    calls: Counter[str] = field(default_factory=Counter)
    cost_micros: int = 0

    def begin(self, request: Request[Any]) -> None:
        """Count a call; raises CapReached where it would pass a cap.

        What a generation will cost is known when it is over. So the one that is begun may pass the
        cap by the price of its answer; none is begun whose prompt alone would, nor any that has a
        price once the cap is spent.
        """
        if self.calls_max is not None and self.calls.total() >= self.calls_max:
            raise CapReached(f"--max-calls {self.calls_max} is reached")
        if self.cost_max_micros is not None:
            left = self.cost_max_micros - self.cost_micros
            if prompt_price(request) > max(left, 0) or (left <= 0 and _has_price(request)):
                raise CapReached(f"--max-cost {self.cost_max_micros / 1_000_000:g} is reached")
        self.calls[request.SCHEMA] += 1


def prompt_price(request: Request[Any]) -> int:
    """Return what the prompt of a generation costs about, in millionths; 0 for all else."""
    if not isinstance(request, Generate):
        return 0
    tokens = len(request.prompt) // CHARACTERS_A_TOKEN
    return -(-tokens * request.input_price // 1_000)


def _has_price(request: Request[Any]) -> bool:
    return isinstance(request, Generate) and bool(request.input_price or request.output_price)


def likely_price(request: Request[Any], answer_tokens: int | None) -> int:
    """Return what a generation costs about, in millionths: by its prices, and tokens of before."""
    if not isinstance(request, Generate):
        return 0
    tokens = min(request.max_tokens, MEANING_TOKENS if answer_tokens is None else answer_tokens)
    return prompt_price(request) + -(-tokens * request.output_price // 1_000)


class Outside:
    """Answers what a counterfactual run may ask."""

    def __init__(
        self,
        local: Mapping[RequestKind, Handler],
        world: Callable[[], World] | None,
        caps: CallCaps | None = None,
        *,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        """`local` executes local effects; `world` makes what is asked outside, None for nobody."""
        self._local = local
        self._make = world
        self._world: World | None = None
        self._backoff_s = backoff_s
        self.caps = caps or CallCaps()

    async def close(self) -> None:
        """Let go of connections."""
        if self._world is not None:
            await self._world.close()

    async def execute(self, request: Request[Any], call: Call) -> Record:
        """Execute a local effect; raises KeyDestroyed, Lacking, and what the handler does."""
        try:
            if isinstance(request, Seal):
                return await self._sealed(request, call)
            return await self._handler(request)(request, call)
        except (Transient, BeyondMeans) as error:
            raise Lacking(str(error)) from None

    async def _sealed(self, request: Seal, call: Call) -> Record:
        """Seal under the keys that there are; a value without a key stays unsealed, and is gone."""
        seal = self._handler(request)
        try:
            return await seal(request, call)
        except BeyondMeans:
            values = [await self._sealed_item(item, seal, call) for item in request.values]
            return SealedValues(values=tuple(values))

    async def _sealed_item(self, item: SealItem, seal: Handler, call: Call) -> Sealed:
        try:
            answer = await seal(Seal(values=(item,)), call)
        except BeyondMeans:
            return Sealed(key=item.key, event=item.event, field=item.field, ciphertext=b"")
        assert isinstance(answer, SealedValues)
        return answer.values[0]

    def _handler(self, request: Request[Any]) -> Handler:
        handler = self._local.get(type(request))
        if handler is None:
            raise Lacking(f"nothing here executes {request.SCHEMA}")
        return handler

    def is_asked(self, request: Request[Any]) -> bool:
        """Say whether a request goes outside; raises RefusedHere for one that never does."""
        kind = type(request)
        if kind in ASKED:
            return True
        if kind in KEPT_HERE or kind in AT_REST:
            return False
        raise RefusedHere(f"{request.SCHEMA}: {REFUSED.get(kind, 'nobody may be asked for it')}")

    async def ask(self, request: Request[Any], call: Call) -> Record:
        """Ask for a plain answer; raises Permanent as whoever answers does.

        Where the service is away for a moment it is asked again, and then raises Away: a step would
        go on without it, and what came of that would tell of the service.
        """
        if not self.is_asked(request):
            return await self._here(request, call)
        world = self._ready(request)
        for number in range(TRIES):
            try:
                answer = await world.ask(request, call)
            except Transient as error:
                await self._wait(number, request, error)
            else:
                self.caps.cost_micros += getattr(answer, "cost_micros", 0)
                return answer
        raise AssertionError("the last try raises")

    async def ask_stream(self, request: StreamRequest[Any], call: Call) -> AsyncIterator[Record]:
        """Ask for an answer in parts; errors as for `ask`, and after a part those of the world."""
        self.is_asked(request)
        world = self._ready(request)
        for number in range(TRIES):
            begun = False
            try:
                async for part in world.ask_stream(request, call):
                    begun = True
                    self.caps.cost_micros += getattr(part, "cost_micros", 0)
                    yield part
            except Transient as error:
                if begun:
                    raise
                await self._wait(number, request, error)
                continue
            return

    def _ready(self, request: Request[Any]) -> World:
        if self._make is None:
            raise WouldAsk(request)
        self.caps.begin(request)
        if self._world is None:
            self._world = self._make()
        return self._world

    async def _wait(self, number: int, request: Request[Any], error: Transient) -> None:
        if number == TRIES - 1:
            raise Away(f"{request.SCHEMA} is not answered: {error}") from None
        await asyncio.sleep(self._backoff_s * 2**number)

    async def _here(self, request: Request[Any], call: Call) -> Record:
        if isinstance(request, ReadRoutes):  # how they fare now says nothing of then
            return RoutesRead(states=(RouteState(),) * len(request.routes))
        if isinstance(request, RateRoute):
            return RouteRated(rated=0)
        if isinstance(request, RecallValues):
            try:
                return await self._handler(request)(request, call)
            except (Transient, BeyondMeans, KeyDestroyed) as error:
                raise Lacking(str(error)) from None
        return Written()
