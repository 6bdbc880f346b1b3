"""Starts a supervisor in a session of its own, and waits until its stack is ready."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra.local.keeper import POLL_S
from infra.local.parts_cli import INTERRUPTED
from infra.local.run_folder import is_up, make_private, supervisor
from infra.local.status import all_ready
from infra.local.supervisor import Wish
from infra.parts.display import say
from infra.stack_error import StackError

MODULE = "infra.local.cli"


def start_detached(run: Path, wish: Wish) -> bool:
    """Return when all is ready; or False where another `up` was quicker, and starts now.

    Ends the program where the supervisor ended, or Ctrl-C came: nothing is left running then.
    """
    log = run / "logs" / "supervisor.log"
    make_private(log.parent)
    with log.open("ab") as output:
        begin = output.tell()
        child = subprocess.Popen(  # noqa: S603 - this very program
            _command(run, wish),
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _follow(run, child, _lines_of(log, begin))
    except KeyboardInterrupt:
        say("interrupted; stopping what was started")
        child.terminate()
        child.wait()
        sys.exit(INTERRUPTED)


def _command(run: Path, wish: Wish) -> list[str]:
    argv = [sys.executable, "-m", MODULE, "up", "--run", str(run)]
    argv += ["--only", ",".join(sorted(wish.names)), "--workers", str(wish.workers)]
    for name, port in (wish.ports or {}).items():
        argv += ["--port", f"{name}={port}"]
    if wish.ports_from is not None:
        argv += ["--ports-from", str(wish.ports_from)]
    argv += ["--no-setup"] * (not wish.setup)
    return argv + ["--free-ports"] * wish.free_ports


def _lines_of(log: Path, begin: int) -> Callable[[], list[str]]:
    """Return what reads the whole lines that a log got since `begin`."""

    def read() -> list[str]:
        text = log.read_bytes()[begin:].decode(errors="replace")
        return [line.rstrip() for line in text.splitlines(keepends=True) if line.endswith("\n")]

    return read


def _follow(run: Path, child: subprocess.Popen[bytes], lines: Callable[[], list[str]]) -> bool:
    """Pass on what the supervisor says, until its stack is ready or it ends."""
    told = 0
    while True:
        ended = child.poll() is not None  # before the log is read, so that none of it is missed
        said = lines()
        for line in said[told:]:
            say(line)
        told = len(said)
        if ended:
            if _another_has_it(run):
                return False
            if not told:
                message = "the supervisor ended without a word; "
                raise StackError(message + "run playhead up without --detach to see more")
            sys.exit(1)
        if all_ready(run, child.pid):
            return True
        time.sleep(POLL_S)


def _another_has_it(run: Path) -> bool:
    """Whether another `up` was quicker; it has the lock, and writes its state within a moment."""
    while is_up(run) and supervisor(run) is None:
        time.sleep(POLL_S)
    return supervisor(run) is not None
