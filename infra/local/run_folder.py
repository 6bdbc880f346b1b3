"""What a run folder says of its stack, and who holds it.

A file lock, held for the supervisor's life, says whether a run folder is up: the kernel frees it,
so a crash can't leave a stale answer.
"""

import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from infra.local import ports
from infra.stack_error import StackError

LEFT_OVER_S = 15.0  # for a killed supervisor's guard to finish
LOCK_EVERY_S = 0.1


def write_json(path: Path, content: object) -> None:
    """Replace a file by JSON, at once: a reader sees the old or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)


def make_private(folder: Path) -> None:
    """Create the run folder: it will hold data and keys, so it is its owner's alone."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)


def last_ports(run: Path) -> ports.Ports:
    """Return the ports that the last stack of this run folder had, or none."""
    try:
        said = json.loads((run / "stack.json").read_text())["ports"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return said if isinstance(said, dict) and set(said) == set(ports.NAMES) else {}


def take_lock(run: Path) -> IO[str]:
    """Take the run folder's lock, or say who holds it."""
    lock = (run / "lock").open("a")
    deadline = time.monotonic() + LEFT_OVER_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # a killed supervisor's guard still ends its children; a living one will not let go
            if supervisor(run) is not None or time.monotonic() > deadline:
                lock.close()
                message = f"{run} is already up; see playhead status, or stop it: playhead down"
                raise StackError(message) from None
            time.sleep(LOCK_EVERY_S)
        else:
            return lock


def is_up(run: Path) -> bool:
    """Whether a supervisor, or what a killed one left, holds the run folder."""
    try:
        with (run / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_state(run: Path) -> dict[str, object]:
    """Return what the last supervisor of this run folder wrote."""
    try:
        state = json.loads((run / "state.json").read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def supervisor(run: Path) -> psutil.Process | None:
    """Find the living supervisor of a run folder."""
    state = read_state(run)
    pid, began = state.get("supervisor"), state.get("supervisor_began")
    if not isinstance(pid, int) or not is_up(run):
        return None
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.create_time() == began and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
