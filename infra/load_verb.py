"""`playhead load`, with what the programs of a local stack used meanwhile."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

from edge.cli.load import load_command
from infra.local.process_trees import cpu_s_of, tree_of
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
                found[name] = cpu_s_of(tree_of(pid))
    return {**found, "driver": cpu_s_of([psutil.Process()])}


load = load_command(cpu_used)
