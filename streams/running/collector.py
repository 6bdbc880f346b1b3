"""The garbage collector of a process that loads much and then serves for days."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

GC_OBJECTS = 50_000  # more allocated than freed, between two looks of the collector
SELDOM = (50, 50)
"""Looks at what is new, for one at what survived one of them; and of these, for one at all."""
CONNECTIONS_OBJECTS = 5_000
"""The same where connections are held: what they hold is looked at twice before it counts as old.

With GC_OBJECTS all that thousands hold was one look: 160 ms in which nobody heard anything."""
CONNECTIONS = (5, 20)
"""Where connections come and go: each leaves some 65 objects, 13 KiB, in cycles.

Those that were open at a look wait for the next one behind it. At SELDOM that is 2.5 million
objects away: 23,000 connections that were lost never came to it."""


@contextmanager
def while_loading() -> Iterator[None]:
    """Look seldom while modules are loaded: next to nothing of them is ever let go of.

    With the defaults an eighth of what a worker's imports cost went to looking.
    """
    before = gc.get_threshold()
    gc.set_threshold(GC_OBJECTS, *SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def spare_the_collector(looks: tuple[int, int] = SELDOM, objects: int = GC_OBJECTS) -> None:
    """Have the garbage collector leave what the process has loaded alone, and look less often.

    A step makes many thousand short-lived objects a second, nearly none of them in cycles: with the
    defaults the collector walked over libraries and models again and again, for a quarter of the
    time. In a gateway it walks over all that open connections hold.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(objects, *looks)
