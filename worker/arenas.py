"""How many places the C library takes memory from."""

from __future__ import annotations

import ctypes
import sys

ARENAS = 2
_M_ARENA_MAX = -8  # from malloc.h


def share_arenas() -> None:
    """Have threads take memory from few places, before any of them begins.

    By default there are eight for each core, and what is free in one serves no thread of another: a
    worker has some 75 threads, most of them of clients, that hold little and seldom want more. Does
    nothing where the C library is another.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
