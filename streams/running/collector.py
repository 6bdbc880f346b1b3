"""The garbage collector of a process that serves for days."""

from __future__ import annotations

import gc

GC_OBJECTS = 50_000  # more allocated than freed, between two looks of the collector


def spare_the_collector() -> None:
    """Have the garbage collector leave what the process has loaded alone, and look less often.

    A step makes many thousand short-lived objects a second, nearly none of them in cycles: with the
    defaults the collector walked over libraries and models again and again, for a quarter of the
    time. In a gateway it walks over all that open connections hold.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 50, 50)
