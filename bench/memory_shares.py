"""What each process of the stack takes of memory, and what it took to start, once it has worked.

Memory is the proportional set size: what several processes map counts for each in parts, so the
figures of forks add up. What a process maps alone stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from bench.figure_tables import figure_table
from infra.local.process_trees import tree_of
from infra.local.run_folder import read_state

CHAT = ("worker", "gateway", "template")
"""Components that a chat needs of our own; each with all that it started."""
MB = 1_000_000


@dataclass(frozen=True)
class MemoryShare:
    """The share of one process."""

    component: str
    process: str
    """What it runs."""
    pss_mb: float
    own_mb: float
    """What no other process maps."""
    cpu_s: float


def shares(run: Path) -> list[MemoryShare]:
    """Return the shares of all processes of a running stack, by component."""
    state: dict[str, Any] = read_state(run)
    found = [
        share
        for name, component in state["components"].items()
        if component["pid"] is not None  # a task, which has ended
        for process in tree_of(component["pid"])
        for share in _share(name, process)
    ]
    with suppress(psutil.NoSuchProcess):
        if template := state.get("template"):  # whose forks are the workers and the gateway
            found += _share("template", psutil.Process(template))
    return found


def _share(component: str, process: psutil.Process) -> list[MemoryShare]:
    with suppress(psutil.NoSuchProcess):
        memory, times = process.memory_full_info(), process.cpu_times()
        return [
            MemoryShare(
                component,
                _runs(process.cmdline()),
                memory.pss / MB,
                memory.uss / MB,
                times.user + times.system,
            )
        ]
    return []


def _runs(arguments: Sequence[str]) -> str:
    """Name what a process runs: a program of ours by its function, another by its file."""
    ours = [one for one in arguments if ":" in one and one.startswith("connectors.")]
    return ours[0] if ours else Path(arguments[0]).name if arguments else "?"


def of_a_chat(found: Sequence[MemoryShare]) -> float:
    """Sum what a chat needs of our own processes, in MB."""
    return sum(share.pss_mb for share in found if share.component in CHAT)


def as_json(found: Sequence[MemoryShare]) -> dict[str, Any]:
    """Return one JSON object."""
    return {"shares": [asdict(share) for share in found], "chat_mb": of_a_chat(found)}


def show(found: Sequence[MemoryShare], console: Console) -> None:
    """Print the table."""
    console.print("memory of each process once it has worked; MB, and CPU seconds since its start")
    table = figure_table("component", "process", "PSS", "its own", "CPU s")
    for share in found:
        table.add_row(
            share.component,
            share.process,
            f"{share.pss_mb:,.0f}",
            f"{share.own_mb:,.0f}",
            f"{share.cpu_s:.1f}",
        )
    console.print(table)
    console.print(f"worker and gateway with what they started: {of_a_chat(found):,.0f} MB")
