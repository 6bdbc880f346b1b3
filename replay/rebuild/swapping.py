"""Swap a generation in: no write is lost, and no reader sees an older state than before.

1. The generation is brought up to the log's end while everything goes on, again and again, until
   little is left.
2. Writes are held back (`Index.hold`), in every worker; searches go on.
3. All that lies on the log by then is written: inputs too that the live step has begun and not
   finished, since they may be visible in the old generation already. It writes them again later.
4. What the old generation may lack from now on is noted beside it, so that it can be swapped back.
5. The alias is moved. When every reader has followed it, writes go on, into the new generation.

Where 3 takes too long for a hold, writes go on and all of it is tried again.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from agents.errors import Permanent
from connectors.weaviate.build_states import BuildState, BuildStates
from connectors.weaviate.generations import GENERATION_S, HELD_S, Index
from replay.log import Log
from replay.rebuild.filler import Filler, Rate
from replay.rebuild.log_sources import LogSource


class SwapTimes(NamedTuple):
    """How long the parts of a swap may take, in seconds."""

    swap_s: float = 10.0
    """After the hold began; the alias is not asked to move any later."""
    moved_s: float = HELD_S - GENERATION_S - 2.0
    """After the hold began; by then the index has said that it has moved, and all can follow."""
    followed_s: float = GENERATION_S + 0.5
    """Until everyone has read the alias again."""


TIMES = SwapTimes()
LITTLE = 50  # records that a hold may begin with
TRIES = 5


class NotSwapped(Permanent):
    """The swap was given up; everything is as before, unless the message says otherwise."""


class Swap:
    """Puts the generation of a filler in force."""

    def __init__(
        self,
        live: Index,
        target: Index,
        filler: Filler,
        source: LogSource,
        times: SwapTimes = TIMES,
    ) -> None:
        """Take the index in force and the one to put there."""
        self._times = times
        self._live = live
        self._target = target
        self._filler = filler
        self._source = source

    async def run(self, old: Index, rate: Rate) -> None:
        """Swap; `old` is the generation that is in force until then. Raises NotSwapped."""
        for _ in range(TRIES):
            await self._catch_up(rate)
            if await self._held(old):
                return
        raise NotSwapped(
            f"documents come in faster than they could be written within {self._times.swap_s:g} s, "
            f"{TRIES} times: nothing was swapped; try again when fewer come in"
        )

    async def _catch_up(self, rate: Rate) -> None:
        """Bring the generation near the log's end."""
        while True:
            if await self._filler.fill(await self._source.look(), rate) <= LITTLE:
                return

    async def _held(self, old: Index) -> bool:
        """Hold writes back and swap; False where that took too long, and nothing was swapped."""
        began = await self._live.hold()
        try:
            async with asyncio.timeout_at(began + self._times.swap_s) as bound:
                log = await self._source.look()
                await self._filler.fill(log, Rate(0), pending=True)
                await self._note(old, log)
            await self._move(began)
            await asyncio.sleep(self._times.followed_s)
        except TimeoutError:
            if not bound.expired():
                raise
            return False
        finally:
            await self._live.release()
        return True

    async def _move(self, began: float) -> None:
        """Move the alias while writes are held: later some would go where it has led before."""
        try:
            async with asyncio.timeout_at(began + self._times.moved_s):
                await self._target.put_in_force()
        except TimeoutError:
            number = self._filler.state.generation
            raise NotSwapped(
                f"the index did not say in time whether generation {number} is in force: `playhead "
                "replay rebuild status` tells. If it is, it may lack what was written meanwhile: "
                f"`playhead replay rebuild roll-back`, then `drop {number}`, and build another one"
            ) from None

    async def _note(self, old: Index, log: Log) -> None:
        """Write down what the old generation will lack."""
        number, states = await old.number(), BuildStates(old)
        known = await states.read() or BuildState(generation=number)
        known.filled, known.archive, known.owner = True, "", ""
        known.lanes = self._filler.first_pending(log)
        known.replaced = self._filler.state.generation
        await states.write(known)
