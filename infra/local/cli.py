"""playhead up, down, status: the local stack from the command line."""

import json
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
import psutil
from click.core import ParameterSource

from infra.local import components, ports
from infra.local.detached import start_detached
from infra.local.keeper import POLL_S, State
from infra.local.matching import match
from infra.local.parts_cli import ShownStackError, fetch_shown, parts
from infra.local.run_folder import is_up, last_ports, supervisor
from infra.local.status import entries_of, is_starting, is_well, report
from infra.local.supervisor import Stack, Wish
from infra.parts.display import say
from infra.stack_error import StackError
from streams.operations.options import Group

DOWN_PATIENCE_S = 90.0  # the workers' drain, then Kafka's stop, with room for a loaded machine


def run_option(**more: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command --run: a folder that a stack may yet be started in."""
    return click.option(
        "--run",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".playhead"),
        envvar="PLAYHEAD_RUN",
        show_default=True,
        show_envvar=True,
        help="Run folder: data, logs and keys of this stack.",
        **more,
    )


def _existing(context: click.Context, option: click.Parameter, run: Path) -> Path:
    """Refuse a folder that was named by the option, and that does not exist."""
    named = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    if named and not run.exists():
        raise click.BadParameter(f"there is no folder {run}", param=option)
    return run


def _named_ports(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> Any:
    named = {}
    for item in given:
        name, _, number = item.partition("=")
        if name not in ports.NAMES or not number.isdecimal():
            message = f"{item!r} is not NAME=PORT with a name of: {', '.join(ports.NAMES)}"
            raise click.BadParameter(message)
        if not 0 < int(number) <= ports.LAST:
            raise click.BadParameter(f"{item!r}: ports go from 1 to {ports.LAST}")
        named[name] = int(number)
    return named


@click.command()
@run_option()
@click.option("--detach", is_flag=True, help="Return when all is ready, and leave it running.")
@click.option("--only", metavar="A,B", help="Start only these components.")
@click.option(
    "--no-setup",
    is_flag=True,
    help="Leave both empty, for `playhead replay import`; with --only kafka,registry.",
)
@click.option("--no-worker", is_flag=True, help="Start all but the workers.")
@click.option("--no-gateway", is_flag=True, help="Start all but the gateway.")
@click.option(
    "--workers",
    type=click.IntRange(1, ports.WORKERS_MAX),
    default=1,
    show_default=True,
    help="How many workers share the steps.",
)
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
    type=click.IntRange(1, ports.LAST - ports.SPAN),
    help=f"First of the block of ports.  [default: {ports.FIRST}, or those of the last time]",
)
@click.option(
    "--free-ports",
    is_flag=True,
    envvar="PLAYHEAD_FREE_PORTS",
    show_envvar=True,
    help="Use any ports that are free.",
)
@click.option("--json", "as_json", is_flag=True, help="What `playhead status --json` prints.")
def up(
    run: Path,
    *,
    detach: bool,
    only: str | None,
    no_setup: bool,
    no_worker: bool,
    no_gateway: bool,
    workers: int,
    named: dict[str, int],
    ports_from: int | None,
    free_ports: bool,
    as_json: bool,
) -> None:
    """Start the local stack: Kafka, registry, Weaviate, Triton, workers, gateway.

    Stays in the foreground until Ctrl-C, or returns when all is ready with --detach. What is up
    already stays as it is; where that is not what the options ask for, it says so and exits 1.

    \b
    Example:
      playhead up --detach
      playhead up --run /tmp/other --free-ports --only kafka,registry
    """
    names = frozenset(only.replace(" ", "").split(",")) if only else frozenset(components.NAMES)
    names -= {"worker"} if no_worker else set()
    names -= {"gateway"} if no_gateway else set()
    if no_setup and names - {"kafka", "registry"}:
        raise click.UsageError("--no-setup goes with --only kafka,registry: others need the topics")
    wish = Wish(names, workers, named, ports_from, free_ports, setup=not no_setup)
    run = run.absolute()
    try:
        chosen = components.select(names, workers)
        for component in chosen:
            component.refuse(os.environ)
        shown = partial(_show, run, as_json=as_json)
        if _already_up(run, wish):
            shown()
            return
        fetch_shown([component.part for component in chosen if component.part])
        if detach:
            _detached(run, wish)
            shown()
        else:
            _attached(run, wish, shown)
    except StackError as error:
        raise ShownStackError(str(error)) from None


def _already_up(run: Path, wish: Wish) -> bool:
    """Whether it is up as asked for; raises StackError where it is up in another way."""
    told = False
    while (process := supervisor(run)) and is_starting(run, wish.names):
        if not told:
            say(f"{run} is being started already; waiting until it is ready")
            told = True
        time.sleep(POLL_S)
    if process is None:
        return False
    try:
        more = match(wish, entries_of(report(run)), last_ports(run), os.environ)
    except StackError as error:
        raise StackError(f"{run} is already up, {error}; its logs: {run / 'logs'}") from None
    say(f"{run} is already up" + (f", with more than was asked for: {more}." if more else "."))
    return True


def _detached(run: Path, wish: Wish) -> None:
    if not start_detached(run, wish) and not _already_up(run, wish):
        sys.exit(1)


def _attached(run: Path, wish: Wish, ready: Callable[[], None]) -> None:
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
    ready()
    while not stop.wait(3600):
        pass
    say("stopping (Ctrl-C again kills everything at once)")
    stack.stop()
    say("stopped")


def _show(run: Path, *, as_json: bool) -> None:
    """Say where each component is: on standard error for people, else as JSON."""
    said = report(run)
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    for name, entry in entries_of(said).items():
        if entry["state"] != State.STOPPED and entry["url"]:
            say(f"  {name:<9} {entry['url']}")
    say(f"  logs      {run / 'logs'}")
    say(f"stop with: playhead down --run {shlex.quote(str(run))}")


@click.command()
@run_option(callback=_existing)
@click.option("--json", "as_json", is_flag=True, help="What `playhead status --json` prints.")
def down(run: Path, *, as_json: bool) -> None:
    """Stop the local stack; its data stays in the run folder.

    \b
    Example:
      playhead down
      playhead down --run /tmp/other
    """
    run = run.absolute()
    _stop(run)
    if as_json:
        click.echo(json.dumps(report(run), indent=2))


def _stop(run: Path) -> None:
    process = supervisor(run)
    deadline = time.monotonic() + DOWN_PATIENCE_S
    if process is None and not is_up(run):
        say(f"{run} is not up.")
        return
    if process is not None:
        process.terminate()
    while is_up(run):
        if time.monotonic() > deadline and process is not None:
            say(f"it did not stop within {DOWN_PATIENCE_S:.0f} s; killing it")
            with suppress(psutil.NoSuchProcess):
                process.kill()  # its guard ends the components
            process = None
        time.sleep(POLL_S)
    say(f"{run} is stopped.")


@click.command()
@run_option(callback=_existing)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def status(run: Path, *, as_json: bool) -> None:
    """Show the state of each component; exit 0 when all are ready.

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


@click.group(cls=Group)
def main() -> None:
    """Run the local stack."""


for _command in (up, down, status, parts):
    main.add_command(_command)

if __name__ == "__main__":
    main(prog_name="playhead")
