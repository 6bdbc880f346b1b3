"""Ports of the local stack: one block, each port movable by flag or environment.

Weaviate reaches itself at its gossip port plus one, so those two stay neighbours.
"""

import random
import socket
from collections.abc import Mapping
from contextlib import suppress

import psutil

from infra.stack_error import StackError
from streams.variables import PORTS

HOST = "127.0.0.1"
FIRST = 7700  # of the default block; unassigned by IANA up to 7706, and in no common tool's way
LAST = 65_535  # of all ports that there are
NAMES = PORTS  # worker_metrics is the last one: those of further workers follow it
WORKERS_MAX = 32
SPAN = len(NAMES) + 2 * WORKERS_MAX - 1  # of a block, with one for each worker there may be
# Below the range from which Linux picks the ports of outgoing connections (32768 and up).
FREE_RANGE = range(12_000, 32_000)
ATTEMPTS = 200

Ports = dict[str, int]


def block(first: int) -> Ports:
    """Give each port a number, from `first` on."""
    return {name: first + offset for offset, name in enumerate(NAMES)}


def number_of(ports: Mapping[str, int], name: str) -> int:
    """Return the number of a port; `worker_metrics-3` lies two behind `worker_metrics`."""
    first, _, number = name.partition("-")
    return ports[first] + int(number or 1) - 1


def chosen(environment: Mapping[str, str], flags: Mapping[str, int]) -> Ports:
    """Collect the ports that the user asked for: flags win over PLAYHEAD_PORT_<NAME>."""
    asked: Ports = {}
    for name in NAMES:
        variable = f"PLAYHEAD_PORT_{name.upper()}"
        if text := environment.get(variable, ""):
            if not text.isdigit():
                message = f"{variable} is {text!r}, not a port; set it to a number up to {LAST}"
                raise StackError(message)
            asked[name] = int(text)
    for name, port in flags.items():
        if name not in NAMES:
            raise StackError(f"no port is called {name!r}; there are {', '.join(NAMES)}")
        asked[name] = port
    for name, port in asked.items():
        if not 0 < port <= LAST:
            raise StackError(f"port {port} for {name} is out of range; choose one up to {LAST}")
    if "weaviate_gossip" in asked:
        asked.setdefault("weaviate_data", asked["weaviate_gossip"] + 1)
    return asked


def is_free(port: int) -> bool:
    """Try whether `port` can be listened on, on 127.0.0.1 and on all addresses."""
    for host in (HOST, ""):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def free_block() -> Ports:
    """Find a block of free neighbouring ports, at a random place so that two searches differ."""
    places = random.SystemRandom()
    for _ in range(ATTEMPTS):
        first = places.choice(FREE_RANGE)
        if all(map(is_free, range(first, first + SPAN))):
            return block(first)
    message = f"no {SPAN} free neighbouring ports in {ATTEMPTS} tries; "
    raise StackError(message + "close some programs or choose ports with --ports-from")


def refuse_busy(ports: Mapping[str, int], names: frozenset[str]) -> None:
    """Raise an error that names each busy port among `names`, and who holds it."""
    wanted = {
        name: number_of(ports, name)
        for name in sorted(names, key=lambda name: (*NAMES, name).index(name))
    }
    busy = {name: port for name, port in wanted.items() if not is_free(port)}
    if not busy:
        return
    lines = [f"port {port} for {name} is in use{_holder(port)}" for name, port in busy.items()]
    some = next(iter(busy))
    lines.append(
        f"stop what holds it, or choose others by the environment, such as PLAYHEAD_FREE_PORTS=1 "
        f"or PLAYHEAD_PORT_{some.partition('-')[0].upper()}=PORT; `playhead up` also has "
        "--free-ports, --port and --ports-from"
    )
    raise StackError("\n".join(lines))


def _holder(port: int) -> str:
    """Name the process that listens on `port`, where this user may know it."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            address = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN
            if listens and address and address.port == port and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by {name} (process {connection.pid})"
    return ""
