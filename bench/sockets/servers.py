"""The bare echo under several servers, those that are installed: `python -m bench.sockets.servers`.

What the gateway needs of a server, and why it keeps the one that it has: docs/decisions/0093.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

import click
from rich.console import Console

from bench.child import Child, running
from bench.gateway_starts import await_ready
from bench.sockets.measured_sockets import Serving, SocketsPlan, echoes, measured
from bench.sockets.socket_figures import SocketFigures, show
from infra.local import ports
from infra.local.process_trees import cpu_s_of, tree_of
from streams.running.open_files import allow_open_files

APP = f"{__package__}.echo_app"
PLAN = SocketsPlan(idle=(1_000,), tokens=25, idle_s=10.0)
WITH_WSPROTO, WITHOUT_BOUNDS = "wsproto", "plain"

SERVERS: Mapping[str, tuple[str, Callable[[str], tuple[str, ...]]]] = {
    "uvicorn, our bounds": ("uvicorn", lambda port: (APP, port)),
    "uvicorn, as it comes": ("uvicorn", lambda port: (APP, port, WITHOUT_BOUNDS)),
    "uvicorn, wsproto": ("wsproto", lambda port: (APP, port, WITH_WSPROTO)),
    "granian": (
        "granian",
        lambda port: (
            *("granian", "--interface", "asgi", "--loop", "uvloop", "--no-log"),
            *("--host", ports.HOST, "--port", port, f"{APP}:app"),
        ),
    ),
    "hypercorn": (
        "hypercorn",
        lambda port: ("hypercorn", "-k", "uvloop", "-b", f"{ports.HOST}:{port}", f"{APP}:app"),
    ),
}
"""Name -> the package that it needs, and the module with its arguments for a port."""


class Tree:
    """A program with all that it started."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def check(self) -> None:
        """Raise MeasurementFailed if it has ended."""
        self._child.check()

    def cpu_s(self) -> float:
        """Return the CPU seconds of all."""
        return cpu_s_of(tree_of(self._child.pid))

    def held_mib(self) -> float:
        """Return the resident memory of all in MiB."""
        return sum(one.memory_info().rss for one in tree_of(self._child.pid)) / (1 << 20)


@contextmanager
def _served(name: str) -> Iterator[Serving]:
    port = str(ports.free_block()["gateway"])
    module, *arguments = SERVERS[name][1](port)
    with running(module, *arguments) as child:
        await_ready(child, f"{ports.HOST}:{port}")
        yield Serving(name, Tree(child), f"ws://{ports.HOST}:{port}/v1/chat")


@click.command()
@click.option("--only", metavar="NAME", help=f"Only this one of {', '.join(SERVERS)}.")
def servers(only: str | None) -> None:
    """Hold a thousand sockets to a bare echo under each server that is installed."""
    allow_open_files(sys.maxsize)
    found: list[SocketFigures] = []
    for name, (package, _) in SERVERS.items():
        if only not in (None, name):
            continue
        if find_spec(package) is None:
            click.echo(f"{name}: {package} is not installed", err=True)
            continue
        with _served(name) as serving:
            found.append(asyncio.run(measured(serving, PLAN, PLAN.idle[0], echoes)))
        click.echo(found[-1].line(), err=True)
    show(found, Console(width=160))


if __name__ == "__main__":
    servers()
