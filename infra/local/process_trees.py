"""Process trees: a program is its first process and all below it, those that ended included."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil


def tree_of(pid: int) -> list[psutil.Process]:
    """List a process and all below it; raises psutil.Error where it has gone."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_s_of(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds that processes have used, those of children that ended included."""
    cpu_s = 0.0
    for one in processes:
        with suppress(psutil.Error):  # it ended since: its parent's times hold its own
            times = one.cpu_times()
            cpu_s += times.user + times.system + times.children_user + times.children_system
    return cpu_s
