"""Says how the components of a run folder are."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from infra.local import components
from infra.local.components import Component
from infra.local.keeper import State
from infra.local.run_folder import last_ports, read_state, supervisor
from infra.local.site import Site


def report(
    run: Path, services: Sequence[Component] = (*components.SERVICES, components.GATEWAY)
) -> dict[str, object]:
    """Say how each component of a run folder is, asking those that should be ready."""
    run = run.absolute()
    alive = supervisor(run) is not None
    entries = entries_of(read_state(run))
    names = [*components.NAMES, *(name for name in entries if name not in components.NAMES)]
    said: dict[str, dict[str, object]] = {}
    for name in names:
        entry = entries.get(name, {})
        if name == "topics" and entry.get("state") != State.FAILED:
            continue  # a task that runs once, at the start
        if name in entries or name in components.NAMES:
            said[name] = {
                "state": entry.get("state", State.STOPPED.value) if alive else State.STOPPED.value,
                "url": entry.get("url") if alive else None,
                "pid": entry.get("pid") if alive else None,
                "restarts": entry.get("restarts", 0) if alive else 0,
            }
    if alive:
        _ask(run, said, services)
    return {"run": str(run), "components": said}


def _ask(run: Path, said: dict[str, dict[str, object]], services: Sequence[Component]) -> None:
    """Ask each component that should be ready, all at once, and correct what is not so."""
    site = Site(run, last_ports(run), {})
    known = {component.name: component for component in services}
    ready = [name for name, entry in said.items() if entry["state"] == State.READY]

    def check(name: str) -> None:
        component = known.get(name) or components.further(name)
        pid = said[name]["pid"]
        if not isinstance(pid, int) or not component.ready(site, pid):
            said[name]["state"] = State.UNHEALTHY.value

    if ready:
        with ThreadPoolExecutor(len(ready)) as threads:
            list(threads.map(check, ready))


ComponentStatus = dict[str, Any]


def entries_of(said: dict[str, object]) -> dict[str, ComponentStatus]:
    """Return what a report, or a state file, says of each component."""
    entries = said.get("components")
    return entries if isinstance(entries, dict) else {}


def is_well(entry: ComponentStatus) -> bool:
    """Whether a component is ready."""
    return bool(entry["state"] == State.READY)


def is_starting(run: Path, names: frozenset[str]) -> bool:
    """Whether any of these components is on its way."""
    return any(
        entry["state"] in {State.WAITING, State.STARTING, State.RESTARTING}
        for name, entry in entries_of(read_state(run)).items()
        if name in names
    )


def all_ready(run: Path, supervisor_pid: int) -> bool:
    """Whether this very supervisor has started all that it was to start."""
    state = read_state(run)
    entries = entries_of(state)
    return (
        state.get("supervisor") == supervisor_pid
        and bool(entries)
        and all(map(is_well, entries.values()))
    )
