"""A clock for the running event loop that goes on only while nothing else is left to do.

What waits on it waits no time, and a machine that stands still is not late. For tests whose work is
all on the loop: a thread or a socket that takes its time is not waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


class _NeverWaits:
    """A selector in the place of the loop's, which moves the clock instead of waiting."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.now_s = 0.0
        self._selector = selector

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._selector.select(0)
        if not ready and timeout is None:
            raise AssertionError("the loop would wait for ever: nothing is due")
        if not ready:
            self.now_s += max(timeout or 0.0, 0.0)
        return ready

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)


@contextmanager
def virtual_time() -> Iterator[None]:
    """Let the running loop's time be virtual; enter it before anything is timed."""
    loop = cast(Any, asyncio.get_running_loop())
    real = loop._selector
    never_waits = _NeverWaits(real)
    never_waits.now_s = loop.time()
    loop._selector, loop.time = never_waits, lambda: never_waits.now_s
    try:
        yield
    finally:
        loop._selector = real
        del loop.time
