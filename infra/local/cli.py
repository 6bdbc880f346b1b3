"""playhead up, down, status: the local stack from the command line."""

import json
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click
import psutil

from infra.local import components, ports
from infra.local.detached import start_detached
from infra.local.keeper import POLL_S, State
from infra.local.parts_cli import ShownStackError, fetch_shown, parts
from infra.local.run_folder import is_up, supervisor
from infra.local.status import entries_of, is_starting, is_well, report
from infra.local.supervisor import Stack, Wish
from infra.parts.display import say
from infra.stack_error import StackError

DOWN_PATIENCE_S = 90.0  # the workers' drain, then Kafka's stop, with room for a loaded machine


def run_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --run."""
    return click.option(
        "--run",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".playhead"),
        envvar="PLAYHEAD_RUN",
        show_default=True,
        show_envvar=True,
        help="Run folder: data, logs and keys of this stack.",
    )(command)


def _named_ports(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> Any:
    named = {}
    for item in given:
        name, _, number = item.partition("=")
        if name not in ports.NAMES or not number.isdigit():
            message = f"{item!r} is not NAME=PORT with a name of: {', '.join(ports.NAMES)}"
            raise click.BadParameter(message)
        named[name] = int(number)
    return named


@click.command()
@run_option
@click.option("--detach", is_flag=True, help="Return when all is ready, and leave it running.")
@click.option("--only", metavar="A,B", help="Only these components.")
@click.option("--no-worker", is_flag=True, help="All but the workers.")
@click.option("--no-gateway", is_flag=True, help="All but the gateway.")
@click.option("--workers", type=click.IntRange(1, ports.WORKERS_MAX), default=1, show_default=True)
@click.option(
    "--port",
    "named",
    multiple=True,
    metavar="NAME=PORT",
    callback=_named_ports,
    help=f"One port (or PLAYHEAD_PORT_NAME). Names: {', '.join(ports.NAMES)}.",
)
@click.option(
    "--ports-from",
    type=click.IntRange(1, 65_535 - ports.SPAN),
    help=f"First of the block of ports.  [default: {ports.FIRST}, or those of the last time]",
)
@click.option(
    "--free-ports",
    is_flag=True,
    envvar="PLAYHEAD_FREE_PORTS",
    help="Any ports that are free.",
)
def up(
    run: Path,
    *,
    detach: bool,
    only: str | None,
    no_worker: bool,
    no_gateway: bool,
    workers: int,
    named: dict[str, int],
    ports_from: int | None,
    free_ports: bool,
) -> None:
    """Start the local stack: Kafka, registry, Weaviate, Triton, workers, gateway.

    \b
    Example:
      playhead up --detach
      playhead up --run /tmp/other --free-ports --only kafka,registry
    """
    names = frozenset(only.replace(" ", "").split(",")) if only else frozenset(components.NAMES)
    names -= {"worker"} if no_worker else set()
    names -= {"gateway"} if no_gateway else set()
    wish = Wish(names, workers, named, ports_from, free_ports)
    run = run.absolute()
    try:
        chosen = components.select(names, workers)
        if _already_up(run, names):
            return
        fetch_shown([component.part for component in chosen if component.part])
        if detach:
            _detached(run, wish)
        else:
            _attached(run, wish)
    except StackError as error:
        raise ShownStackError(str(error)) from None


def _already_up(run: Path, names: frozenset[str]) -> bool:
    while (process := supervisor(run)) and is_starting(run, names):
        time.sleep(POLL_S)  # another `up` is at it
    if process is None:
        return False
    said = entries_of(report(run))
    running = {name for name, entry in said.items() if entry["state"] != State.STOPPED}
    if missing := sorted(names - running):
        message = f"{run} is already up, without {', '.join(missing)}; "
        raise StackError(message + "run playhead down, then up again")
    unwell = [
        f"{name} is {said[name]['state']}" for name in sorted(names) if not is_well(said[name])
    ]
    if unwell:
        message = f"{run} is already up, but {', '.join(unwell)}; see {run / 'logs'}"
        raise StackError(message)
    say(f"{run} is already up.")
    _show_addresses(run)
    return True


def _detached(run: Path, wish: Wish) -> None:
    if start_detached(run, wish):
        _show_addresses(run)
    elif not _already_up(run, wish.names):
        sys.exit(1)


def _attached(run: Path, wish: Wish) -> None:
    stop = threading.Event()
    stack = Stack(run, wish, say)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            say("killing everything now")
            threading.Thread(target=stack.kill_now, daemon=True).start()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    stack.start(stop)
    _show_addresses(run)
    while not stop.wait(3600):
        pass
    say("stopping (again to kill)")
    stack.stop()
    say("stopped")


def _show_addresses(run: Path) -> None:
    said = entries_of(report(run))
    for name, entry in said.items():
        if entry["state"] != State.STOPPED and entry["url"]:
            say(f"  {name:<9} {entry['url']}")
    say(f"  logs      {run / 'logs'}")
    say(f"stop with: playhead down --run {shlex.quote(str(run))}")


@click.command()
@run_option
def down(run: Path) -> None:
    """Stop the local stack; its data stays in the run folder.

    \b
    Example:
      playhead down
    """
    run = run.absolute()
    process = supervisor(run)
    deadline = time.monotonic() + DOWN_PATIENCE_S
    if process is None and not is_up(run):
        say(f"{run} is not up.")
        return
    if process is not None:
        process.terminate()
    while is_up(run):
        if time.monotonic() > deadline and process is not None:
            say("it does not stop by itself; killing it")
            with suppress(psutil.NoSuchProcess):
                process.kill()  # its guard ends the components
            process = None
        time.sleep(POLL_S)
    say(f"{run} is stopped.")


@click.command()
@run_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def status(run: Path, *, as_json: bool) -> None:
    """Say how each component is; exit 0 when all are ready.

    \b
    Example:
      playhead status --json
    """
    said = report(run)
    entries = entries_of(said)
    if as_json:
        click.echo(json.dumps(said, indent=2))
    else:
        for name, entry in entries.items():
            pid = f"process {entry['pid']}" if entry["pid"] else ""
            again = f"restarted {entry['restarts']}x" if entry["restarts"] else ""
            words = [f"{name:<9}", f"{entry['state']:<10}", f"{pid:<15}", entry["url"] or "", again]
            click.echo("  ".join(words).rstrip())
    sys.exit(0 if all(map(is_well, entries.values())) else 1)


@click.group()
def main() -> None:
    """Run the local stack."""


for _command in (up, down, status, parts):
    main.add_command(_command)

if __name__ == "__main__":
    main(prog_name="playhead")
