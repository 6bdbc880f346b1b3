"""Says in what a stack that is up differs from the one that is asked for.

Whoever runs `playhead up` again wants what the options say, so an option that what runs does not
meet is told of, never ignored.
"""

from collections.abc import Iterator, Mapping

from infra.local import components, ports
from infra.local.keeper import State
from infra.local.status import ComponentStatus, is_well
from infra.local.supervisor import Wish
from infra.stack_error import StackError


def match(
    wish: Wish,
    entries: Mapping[str, ComponentStatus],
    now: ports.Ports,
    environment: Mapping[str, str],
) -> str:
    """Return the names of what is up beyond what is asked for, empty where there is nothing.

    `entries` say how each component is, and `now` where each listens. Raises StackError that names
    what is missing, listens elsewhere or is not well.
    """
    wanted = {one.name for one in components.select(wish.names, wish.workers)}
    wanted -= {components.TOPICS.name}  # a task, which has ended by now
    running = [name for name, entry in entries.items() if entry["state"] != State.STOPPED]
    differs = list(_elsewhere(wish, now, environment))
    if missing := sorted(wanted.difference(running)):
        differs.insert(0, f"without {', '.join(missing)}")
    if differs:
        raise StackError(f"{', '.join(differs)}; run playhead down, then up again")
    if unwell := [name for name in running if name in wanted and not is_well(entries[name])]:
        states = [f"{name} is {entries[name]['state']}" for name in unwell]
        raise StackError(f"but {', '.join(states)}")
    return ", ".join(name for name in running if name not in wanted)


def _elsewhere(wish: Wish, now: ports.Ports, environment: Mapping[str, str]) -> Iterator[str]:
    """Tell of each port that was asked for and is another one."""
    asked = {} if wish.ports_from is None else ports.block(wish.ports_from)
    asked |= ports.chosen(environment, wish.ports or {})
    for name, port in asked.items():
        if name in now and now[name] != port:
            yield f"with {name} at port {now[name]} instead of {port}"
