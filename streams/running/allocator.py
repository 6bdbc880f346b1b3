"""The allocator of a process that serves for days: what was freed goes back to the system.

glibc's gives each thread an arena of its own, up to eight a core, and once a large block was freed
it takes the next of that size (up to 32 MiB) from an arena, too. Responses of the broker are such
blocks, read by a thread for each broker and let go of by another, with small ones that stay between
them: a gateway that used 30 MiB of its arenas held 80 after 8,000 requests, and more with time.
"""

from __future__ import annotations

import ctypes
import os

ARENAS = 2
"""For all threads: those of a process here wait for the broker or for Python, most of the time."""
LARGE_BYTES = 131_072
"""From here on a block is a mapping of its own, which ends when it is freed. glibc's default, at
which it stays only when told so."""

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # from malloc.h
OPTIONS = {ARENA_MAX: ARENAS, MMAP_THRESHOLD: LARGE_BYTES, TRIM_THRESHOLD: LARGE_BYTES}
BY_OPERATOR = ("MALLOC_", "GLIBC_TUNABLES")
"""How variables begin by which whoever runs the process says what its allocator does."""


def give_back_early() -> bool:
    """Have what is freed given back; tells whether it is. For the beginning of a process.

    Not with another C library than glibc, and not where the environment says anything of it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name.startswith(BY_OPERATOR) for name in os.environ):
        return False
    taken = [mallopt(option, value) == 1 for option, value in OPTIONS.items()]
    return all(taken)
