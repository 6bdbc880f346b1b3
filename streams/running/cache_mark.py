"""Whether an answer came from a cache: whoever answers says so, and the run records it.

The response is the same record either way, so a replay needs no cache; that it was not asked for
anew is a fact about the effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class CacheMark:
    """What is told of one call."""

    cached: bool = False


_current: ContextVar[CacheMark | None] = ContextVar("cache_mark", default=None)


@contextmanager
def cache_mark() -> Iterator[CacheMark]:
    """Give a mark that calls within this context may set."""
    mark = CacheMark()
    token = _current.set(mark)
    try:
        yield mark
    finally:
        _current.reset(token)


def mark_cached() -> None:
    """Say that the call that is being answered took its answer from a cache."""
    mark = _current.get()
    if mark is not None:
        mark.cached = True
