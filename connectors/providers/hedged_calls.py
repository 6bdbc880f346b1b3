"""Hedged calls: two models race for the first part, and the other one is let go.

Each runs in a task of its own from its beginning to its end, since what it holds (a turn, a
connection) must be let go of where it was taken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec.structs import replace

from schemas import Generate, Generated, Hedged

WAITING_MAX = 64  # parts of one model that nobody has taken yet
CHARACTERS_A_TOKEN = 4
BURST_MAX = 10.0
RacingParts = AsyncGenerator[Generated, None]


class HedgeBudget:
    """Bounds the part of calls that ask a second model, by one account for all of them."""

    def __init__(self) -> None:
        self._left = 1.0

    def earn(self, share: float) -> None:
        """Count a call that may ask one."""
        self._left = min(self._left + share, BURST_MAX)

    def spend(self) -> bool:
        """Say whether one may be asked now."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Racer:
    """One model's parts as they come, taken by a task of its own."""

    def __init__(self, parts: Callable[[Racer], RacingParts]) -> None:
        """`parts` asks the model; it may look whether this one has lost."""
        self.lost = False
        """Whether it is let go because the other one was first."""
        self._come: asyncio.Queue[Generated | Exception | None] = asyncio.Queue(WAITING_MAX)
        self._running = asyncio.create_task(self._run(parts(self)))
        self.first = asyncio.create_task(self._come.get())
        """Its first part; None where it said nothing, an error where it failed before."""

    @property
    def failed(self) -> bool:
        """Whether it failed before it said anything."""
        return self.first.done() and isinstance(self.first.result(), Exception)

    async def rest(self) -> AsyncGenerator[Generated, None]:
        """Yield all that comes; raises what it failed with."""
        part = await self.first
        while part is not None:
            if isinstance(part, Exception):
                raise part
            yield part
            part = await self._come.get()

    async def end(self) -> None:
        """Let go of the model."""
        self._running.cancel()
        self.first.cancel()
        await asyncio.gather(self._running, self.first, return_exceptions=True)

    async def _run(self, parts: RacingParts) -> None:
        end: Exception | None = None
        try:
            async with aclosing(parts):
                async for part in parts:
                    await self._come.put(part)
        except Exception as error:  # noqa: BLE001 - raised where the parts are taken
            end = error
        await self._come.put(end)


async def raced(
    request: Generate,
    ask: Callable[[Generate, Racer], RacingParts],
    budget: HedgeBudget,
) -> RacingParts:
    """Ask the model of a request, and that of its hedge where the first one takes too long.

    The first part tells what came of it. Who fails leaves the field to the other; where both do,
    the first one's error is raised. `ask` asks one model.
    """
    hedge = request.hedge
    assert hedge is not None
    budget.earn(hedge.share_max)
    racers = [Racer(lambda racer: ask(request, racer))]
    first = racers[0]
    outcome: Hedged | None = None
    began, later_us = time.perf_counter(), 0
    try:
        await asyncio.wait({first.first}, timeout=hedge.after_ms / 1_000)
        winner = first
        if not first.first.done():
            outcome = Hedged(outcome="too_many", route=hedge.route, after_ms=hedge.after_ms)
            if budget.spend():
                other = Racer(lambda racer: ask(_second(request), racer))
                racers.append(other)
                asked_us = round((time.perf_counter() - began) * 1_000_000)
                winner = await _sooner(first, other)
                loser = other if winner is first else first
                cost = 0 if loser.failed else _prompt_cost(request, of_hedge=loser is other)
                outcome = replace(
                    outcome, outcome="lost" if winner is first else "won", cost_micros=cost
                )
                later_us = 0 if winner is first else asked_us
                loser.lost = True
                await loser.end()
        async with aclosing(winner.rest()) as parts:
            async for part in parts:
                told = _later(part, later_us)
                if outcome is not None:
                    paid = part.cost_micros + outcome.cost_micros
                    told = replace(told, hedged=outcome, cost_micros=paid)
                    outcome = None
                yield told
    finally:
        for racer in racers:
            await racer.end()


async def _sooner(first: Racer, other: Racer) -> Racer:
    """Return who says something first; the first one where both fail."""
    waiting = {first.first, other.first}
    while waiting:
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for racer in (first, other):
            if racer.first.done() and not racer.failed:
                return racer
    return first


def _later(part: Generated, us: int) -> Generated:
    """Tell the times of tokens since the first model was asked."""
    if not us:
        return part
    return replace(
        part, tokens=tuple(replace(token, at_us=token.at_us + us) for token in part.tokens)
    )


def _second(request: Generate) -> Generate:
    """Return what the other model is asked."""
    hedge = request.hedge
    assert hedge is not None
    return replace(
        request,
        provider=hedge.provider,
        model=hedge.model,
        route=hedge.route,
        system=hedge.system,
        input_price=hedge.input_price,
        output_price=hedge.output_price,
        hedge=None,
    )


def _prompt_cost(request: Generate, *, of_hedge: bool) -> int:
    """Estimate what was paid for a prompt that was read for nothing, in millionths."""
    asked = _second(request) if of_hedge else request
    tokens = (len(asked.system) + len(asked.prompt)) // CHARACTERS_A_TOKEN + 1
    return -(-tokens * asked.input_price // 1_000)
