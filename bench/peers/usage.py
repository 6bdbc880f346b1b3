"""CPU time and memory of programs, each with all that it started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from infra.local.process_trees import cpu_s_of, tree_of

MB = 1_000_000


@dataclass(frozen=True)
class Programs:
    """Programs by name, each by the ids of its processes' first ones."""

    pids: Mapping[str, tuple[int, ...]]
    alone: frozenset[str] = frozenset()
    """Names of those whose children are programs by themselves."""

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds that each has used, those of its children that ended included."""
        return {name: cpu_s_of(self._processes(name)) for name in self.pids}

    def pss_mb(self) -> dict[str, float]:
        """Return each one's share of memory: what several processes map counts in parts."""
        return {name: sum(map(_pss_mb, self._processes(name))) for name in self.pids}

    def _processes(self, name: str) -> list[psutil.Process]:
        pids = self.pids[name]
        return [psutil.Process(pid) for pid in pids] if name in self.alone else trees(pids)


def trees(pids: Iterable[int]) -> list[psutil.Process]:
    """List some processes and all below them."""
    return [process for pid in pids for process in tree_of(pid)]


def _pss_mb(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_full_info().pss) / MB
    return 0.0


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what each has used between two looks."""
    return {name: after[name] - before[name] for name in before}
