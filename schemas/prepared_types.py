"""Types that msgspec reads into, built before anything runs.

msgspec builds what it needs to know of a type at its first use, piece by piece, and what is half
built is already in use for other threads: two that read the first value of a type at once, one of
whose fields is a structure itself, end the process (SIGSEGV in msgspec 0.22). Modules are loaded by
one thread, so whoever has msgspec decode or convert to a type calls `prepared` below it.
"""

from __future__ import annotations

from typing import Any

import msgspec


def prepared(*kinds: Any) -> None:
    """Have msgspec build all that it needs to know of some types, and of those within them."""
    for kind in kinds:
        msgspec.msgpack.Decoder(kind)
