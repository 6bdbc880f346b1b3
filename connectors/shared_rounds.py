"""Shared rounds: one piece of work at a time serves all who wait for one.

Who asks while a round is under way is served by the next one, so by one that began after they
asked: whatever it reads is no older, and whatever it writes lies behind what they wrote before.
However many ask, nobody waits for more than two rounds where none fails.

A round is worked by the first who waits for it, in their own task. Where it fails that is theirs
alone: the others are served by the next one. What was refused (Permanent, Transient) together with
others' asks is tried alone first, so an ask that is refused takes none along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from agents.errors import Permanent, Transient

AskT = TypeVar("AskT")
AnswerT = TypeVar("AnswerT")


@dataclass(eq=False)
class _Asking(Generic[AskT, AnswerT]):
    """One who waits."""

    what: AskT
    answer: AnswerT | None = None
    is_served: bool = False


class SharedRounds(Generic[AskT, AnswerT]):
    """Serves many at once; lives on one event loop."""

    def __init__(self, work: Callable[[Sequence[AskT]], Awaitable[AnswerT]]) -> None:
        """`work` takes what is asked, in order, and returns what answers all of it."""
        self._work = work
        self._turn = asyncio.Lock()
        self._waiting: list[_Asking[AskT, AnswerT]] = []

    async def ask(self, what: AskT) -> AnswerT:
        """Return the answer of a round that began after this; raises what `work` raises."""
        mine: _Asking[AskT, AnswerT] = _Asking(what)
        self._waiting.append(mine)
        try:
            async with self._turn:
                if not mine.is_served:
                    await self._serve(mine)
        finally:
            if mine in self._waiting:  # it was cancelled before a round came to it
                self._waiting.remove(mine)
        return mine.answer  # type: ignore[return-value]  # it is served

    async def _serve(self, mine: _Asking[AskT, AnswerT]) -> None:
        asked, self._waiting = self._waiting, []
        try:
            await self._answer(asked)
        except BaseException as error:
            others = [one for one in asked if one is not mine]
            self._waiting = others + self._waiting
            if not others or not isinstance(error, Permanent | Transient):
                raise
            await self._answer([mine])

    async def _answer(self, asked: Sequence[_Asking[AskT, AnswerT]]) -> None:
        answer = await self._work([one.what for one in asked])
        for one in asked:
            one.answer, one.is_served = answer, True
