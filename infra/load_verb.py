"""`playhead load`, with what the programs of a local stack used meanwhile."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from edge.cli.load import load_command
from infra.local.run_folder import read_state, supervisor
from infra.local.status import entries_of


def cpu_used(run: Path) -> dict[str, float]:
    """Return the CPU seconds of a run folder's programs, each with all that it started.

    Empty where they do not run on this machine; with the driver's own beside them.
    """
    found: dict[str, float] = {}
    if supervisor(run) is None:  # what its file names may be others by now
        return found
    for name, entry in entries_of(read_state(run)).items():
        with suppress(psutil.Error):
            if isinstance(pid := entry.get("pid"), int):
                root = psutil.Process(pid)
                found[name] = sum(map(_cpu_s, [root, *root.children(recursive=True)]))
    return {**found, "driver": _cpu_s(psutil.Process())}


def _cpu_s(process: psutil.Process) -> float:
    with suppress(psutil.Error):  # it ended since: its parent's times hold its own
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


load = load_command(cpu_used)
