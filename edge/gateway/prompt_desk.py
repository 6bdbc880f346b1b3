"""The prompt desk: has prompts computed again, in few threads of its own.

Each is a run of a step over records that anybody's question has led to. One that would not end
keeps one of these threads, and none of those by which the gateway does everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agents.errors import Permanent, Transient
from edge.answering.receipt_claims import AnswerPlace
from edge.gateway.log_evidence import RecallsPrompts
from edge.problems import Problem, not_found, overloaded, too_many

AT_ONCE = 2
"""Prompts that are computed at a time: each runs a step again."""
WAITING_MAX = 16
"""Looks that wait for that; whoever comes then is told to come again."""
COMPUTED_S = 60.0
"""Until a look is given up: a step of a worker is ended after 10 s of CPU."""


class PromptDesk:
    """Hands out prompts; lives on one event loop."""

    def __init__(self, prompts: RecallsPrompts | None, computed_s: float = COMPUTED_S) -> None:
        """Without `prompts` none are shown."""
        self._prompts = prompts
        self._computed_s = computed_s
        self._threads = ThreadPoolExecutor(AT_ONCE, "prompts")
        self._waiting = 0

    async def recalled(self, places: Sequence[AnswerPlace]) -> list[dict[str, Any]]:
        """Return what models were asked in the runs whose records lie there; raises Problem."""
        if self._prompts is None:
            raise not_found("this gateway recalls no prompts")
        if self._waiting >= WAITING_MAX:
            raise too_many(f"{self._waiting} others wait for prompts: try again")
        self._waiting += 1
        computing = asyncio.get_running_loop().run_in_executor(self._threads, self._prompts, places)
        computing.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(computing, self._computed_s)
        except TimeoutError:
            raise overloaded(
                f"the prompt was not computed within {self._computed_s:g} s: `playhead replay "
                "debug` runs the step"
            ) from None
        except Transient as error:
            raise overloaded(str(error)) from None
        except Permanent as error:
            raise Problem(422, "not-recalled", f"the prompt can't be computed: {error}") from None

    def _done(self, _: asyncio.Future[Any]) -> None:
        self._waiting -= 1

    def close(self) -> None:
        """Begin no more; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
