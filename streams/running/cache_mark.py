"""Whether an answer came from a cache: whoever answers says so, and the run records it.

The response is the same record either way, so a replay needs no cache; that it was not asked for
anew is a fact about the effect. And of the service behind it a call that asked nobody says nothing:
a circuit neither closes nor stays closed for it (`breaker`).
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
    asked: bool = False
    """Whether the service was asked nonetheless: whether what is kept still holds."""


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


def mark_cached(*, asked: bool = False) -> None:
    """Say that the call that is being answered took its answer from a cache."""
    mark = _current.get()
    if mark is not None:
        mark.cached, mark.asked = True, asked


def nobody_was_asked() -> bool:
    """Say whether the call that is being answered has left its service in peace."""
    mark = _current.get()
    return mark is not None and mark.cached and not mark.asked
