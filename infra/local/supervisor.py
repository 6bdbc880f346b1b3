"""The supervisor: starts the components, watches them, restarts what dies, stops them all.

One thread keeps one component. What the supervisor knows stands in `<run>/state.json` after every
change, for `playhead status`; what clients need stands in `<run>/stack.json`; each component's
output is in `<run>/logs/<name>.log`. A file lock, held for the supervisor's life, says whether
a run folder is up: the kernel frees it, so a crash can't leave a stale answer.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from infra.local import components, guard, parts, ports
from infra.local.components import Component, Site
from infra.local.errors import StackError

POLL_S = 0.1
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # before each try after a death; the last one repeats
TRIES_FIRST = 2  # at the first start: what fails twice is misconfigured rather than unlucky
TRIES_LATER = 10  # without once becoming ready in between
LAST_LINES = 12  # of a log, shown when its component dies
LINE_MAX = 200
LOG_BYTES_MAX = 16 << 20  # a larger log is set aside as .1 when the stack starts
LEFT_OVER_S = 15.0  # for a killed supervisor's guard to finish


class State(StrEnum):
    """What a component is doing."""

    WAITING = "waiting"  # for the components that it needs
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # died, and waits for its next try
    UNHEALTHY = "unhealthy"  # runs, but does not answer its health check
    STOPPED = "stopped"
    FAILED = "failed"  # died too often; given up


def last_lines(log: Path, number: int = LAST_LINES) -> str:
    """Return the end of a log, indented."""
    with suppress(OSError), log.open(errors="replace") as lines:
        return "".join(
            f"    {line.rstrip()[:LINE_MAX]}\n" for line in deque(lines, maxlen=number)
        ).rstrip()
    return "    (no log)"


def write_json(path: Path, content: object) -> None:
    """Replace a file by JSON, at once: a reader sees the old or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)


class Keeper:
    """Keeps one component running, in a thread of its own."""

    def __init__(
        self,
        component: Component,
        site: Site,
        marker: str,
        needs: tuple["Keeper", ...],
        changed: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.component = component
        self.log = site.run / "logs" / f"{component.name}.log"
        self.state = State.WAITING
        self.restarts = 0
        self.pid: int | None = None
        self._site = site
        self._marker = marker
        self._needs = needs
        self._changed = changed
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = True
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._keep, name=component.name, daemon=True)

    def open(self) -> None:
        """Begin to keep the component."""
        self._thread.start()

    def wait(self, states: frozenset[State], timeout_s: float | None = None) -> State:
        """Wait until the component is in one of these states; returns the state at the end."""
        with self._news:
            self._news.wait_for(lambda: self.state in states, timeout_s)
            return self.state

    def start(self) -> None:
        """Want the component to run again, after `stop` or after it was given up."""
        with self._news:
            self._wanted = True
            self.state = State.STARTING
            self._news.notify_all()

    def stop(self) -> None:
        """End the component's processes, gently first; returns when they are gone."""
        with self._news:
            self._wanted = False
            self._news.notify_all()
            process = self._process
        if process is not None:
            self._terminate(process)
        if self._thread.is_alive():
            self.wait(frozenset({State.STOPPED, State.FAILED}), self.component.grace_s)

    def close(self) -> None:
        """Stop, and keep the component no longer."""
        self.stop()
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(self.component.grace_s)

    def kill(self) -> None:
        """Kill the component's processes, as a crash would; the keeper will start it again."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)

    def _terminate(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.component.grace_s)
        # also what the component itself started: Triton's stubs outlive its exit timeout
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()

    def _set(self, state: State) -> None:
        """Change the state; whoever waits for it finds it in the state file too."""
        with self._news:
            self.state = state
            self._changed()
            self._news.notify_all()

    def _await(self, seconds: float) -> bool:
        """Wait, and say whether the component is no longer wanted."""
        with self._news:
            return self._news.wait_for(lambda: not self._wanted, seconds)

    def _keep(self) -> None:
        while True:
            if self._await_needs():
                self._run_until_unwanted()
            with self._news:
                self.pid = self._process = None
                self._set(self.state if self.state is State.FAILED else State.STOPPED)
                failed = self.state is State.FAILED
                self._news.wait_for(
                    lambda: self._closed or (self._wanted and self.state is State.STARTING)
                )
                if self._closed:
                    return
                if failed:
                    self.restarts += 1

    def _await_needs(self) -> bool:
        while not all(need.state is State.READY for need in self._needs):
            if self._await(POLL_S):
                return False
        return not self._await(0)

    def _run_until_unwanted(self) -> None:
        deaths = 0
        was_ready = False
        while True:
            began = time.monotonic()
            became_ready, why = self._run_once()
            if not self._await(0) and why is None:  # a task that ended well
                with self._news:
                    self._news.wait_for(lambda: not self._wanted)
                return
            if self._await(0):
                return
            was_ready = was_ready or became_ready
            deaths = 1 if became_ready else deaths + 1
            self.pid = None
            self._say(
                f"{self.component.name} {why} after {time.monotonic() - began:.1f} s; "
                f"its last lines, from {self.log}:\n{last_lines(self.log)}"
            )
            if deaths >= (TRIES_LATER if was_ready else TRIES_FIRST):
                self._say(f"{self.component.name} died {deaths} times in a row: given up")
                self._set(State.FAILED)
                return
            self.restarts += 1
            self._set(State.RESTARTING)
            if self._await(BACKOFF_S[min(deaths, len(BACKOFF_S)) - 1]):
                return

    def _run_once(self) -> tuple[bool, str | None]:
        """Run the component until it ends; returns whether it was ready, and how it ended."""
        component = self.component
        self._set(State.STARTING)
        began = time.monotonic()
        try:
            launch = component.launch(self._site)
            process = self._spawn(launch)
        except (OSError, StackError, subprocess.SubprocessError) as error:
            with self.log.open("a") as log:
                log.write(f"{error}\n")
            return False, "could not be started"
        if process is None:
            return False, "was not wanted"
        ready = False
        while process.poll() is None:
            if not ready and not component.once and component.ready(self._site, process.pid):
                ready = True
                self._say(f"{component.name} is ready after {time.monotonic() - began:.1f} s")
                self._set(State.READY)
            if not ready and time.monotonic() - began > component.patience_s:
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
                return False, "did not become ready"
            if self._await(POLL_S):
                process.wait()
        _signal_group(process.pid, signal.SIGKILL)
        if component.once and process.returncode == 0:
            self._say(f"{component.name} done after {time.monotonic() - began:.1f} s")
            self.pid = None
            self._set(State.READY)
            return True, None
        if process.returncode < 0:
            return ready, f"was killed by {signal.Signals(-process.returncode).name}"
        return ready, f"ended with exit status {process.returncode}"

    def _spawn(self, launch: components.Launch) -> subprocess.Popen[bytes] | None:
        environment = {**os.environ, **launch.environment}
        environment |= {"PLAYHEAD_RUN": str(self._site.run), guard.MARKER: self._marker}
        with self._news, self.log.open("ab") as log:
            if not self._wanted:
                return None
            log.write(f"--- {time.strftime('%Y-%m-%dT%H:%M:%S%z')} started\n".encode())
            log.flush()
            self._process = subprocess.Popen(  # noqa: S603 - an argv of our own
                launch.argv,
                cwd=launch.folder or self._site.run,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.pid = self._process.pid
        self._changed()
        return self._process


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


@dataclass(frozen=True)
class Wish:
    """What the user wants a stack to be."""

    names: frozenset[str] = frozenset(components.NAMES)
    workers: int = 1
    ports: Mapping[str, int] | None = None  # single ports, by name
    ports_from: int | None = None  # first of a block
    free_ports: bool = False  # any block that is free


def _ignore(_line: str) -> None:
    """Say nothing."""


class Stack:
    """A local stack. As a context manager it starts on entry and stops on exit.

        with Stack(folder, Wish(free_ports=True)) as stack:
            stack.kill("triton")
            stack.wait_ready("triton")

    The parts must have been fetched: `parts.fetch`.
    """

    def __init__(
        self, run: Path, wish: Wish | None = None, say: Callable[[str], None] = _ignore
    ) -> None:
        self.run = run.absolute()
        self.site: Site | None = None
        self._wish = wish or Wish()
        self._say = say
        self._marker = uuid.uuid4().hex
        self._keepers: dict[str, Keeper] = {}
        self._writing = threading.Lock()
        self._lock: IO[str] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, interrupted: threading.Event | None = None) -> None:
        """Start everything and return when all is ready.

        Raises StackError, with everything stopped again, where a component can't be started.
        """
        chosen = components.select(self._wish.names, self._wish.workers)
        _make_private(self.run / "logs")
        self._lock = _take_lock(self.run)
        try:
            self._open(chosen)
            self._await_all(interrupted or threading.Event())
        except BaseException:
            self.stop()
            raise

    def _open(self, chosen: tuple[Component, ...]) -> None:
        before = read_state(self.run)
        if isinstance(marker := before.get("marker"), str):
            guard.sweep(marker)
        site = Site(self.run, self._choose_ports(chosen), _places(chosen))
        self.site = site
        write_json(self.run / "stack.json", site.description())
        for component in chosen:
            log = self.run / "logs" / f"{component.name}.log"
            if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
                log.replace(log.with_suffix(".log.1"))
        for component in chosen:
            needs = tuple(self._keepers[name] for name in component.needs if name in self._keepers)
            self._keepers[component.name] = Keeper(
                component, site, self._marker, needs, self._write_state, self._say
            )
        self._write_state()
        self._post_guard()
        for keeper in self._keepers.values():
            keeper.open()

    def _post_guard(self) -> None:
        assert self._lock is not None
        self._guard = subprocess.Popen(  # noqa: S603 - this very package
            [sys.executable, "-m", guard.__name__, self._marker],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._lock.fileno(),),
            start_new_session=True,
        )

    def _choose_ports(self, chosen: tuple[Component, ...]) -> ports.Ports:
        """Choose ports: what was asked for, else those of the last time here, else a block."""
        wish = self._wish
        asked = ports.chosen(os.environ, wish.ports or {})
        used = frozenset(port for component in chosen for port in component.ports)
        last = _last_ports(self.run)
        if wish.ports_from is not None:
            base = ports.block(wish.ports_from)
        elif last and not (wish.free_ports and not all(map(ports.is_free, last.values()))):
            base = last
        elif wish.free_ports:
            base = ports.free_block()
        else:
            base = ports.block(ports.FIRST)
        result = base | asked
        ports.refuse_busy(result, used)
        return result

    def _await_all(self, interrupted: threading.Event) -> None:
        while True:
            states = {name: keeper.state for name, keeper in self._keepers.items()}
            if failed := [name for name, state in states.items() if state is State.FAILED]:
                name = failed[0]
                log = self._keepers[name].log
                message = f"{name} could not be started; the end of {log}:\n{last_lines(log)}"
                raise StackError(message)
            if all(state is State.READY for state in states.values()):
                self._write_state()
                return
            if interrupted.wait(POLL_S):
                raise StackError("interrupted; everything was stopped again")

    def stop(self) -> None:
        """Stop everything, the last started first: edge and workers, then what they lean on."""
        layers: list[list[Keeper]] = [[], [], []]
        for name, keeper in self._keepers.items():
            edge = name in {"gateway", "topics"}
            layers[0 if edge else 1 if keeper.component.needs else 2].append(keeper)
        for layer in layers:
            if layer:
                with ThreadPoolExecutor(len(layer)) as threads:
                    list(threads.map(Keeper.close, layer))
        if self._keepers:
            guard.sweep(self._marker)
            self._write_state()
        self._keepers = {}
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill_now(self) -> None:
        """Kill every component at once, for a user who will not wait."""
        guard.sweep(self._marker)

    def wait_ready(self, name: str, timeout_s: float = 120.0) -> None:
        """Wait until the component is ready."""
        keeper = self._keepers[name]
        state = keeper.wait(frozenset({State.READY, State.FAILED}), timeout_s)
        if state is not State.READY:
            message = f"{name} is {state}, not ready; the end of {keeper.log}:\n"
            raise StackError(message + last_lines(keeper.log))

    def kill(self, name: str) -> None:
        """Kill a component as a crash would; it is started again after a short while.

        Returns when its death was noticed, so that `wait_ready` waits for the next one.
        """
        keeper = self._keepers[name]
        pid = keeper.pid
        keeper.kill()
        while keeper.pid == pid and keeper.state is State.READY:
            time.sleep(POLL_S / 2)

    def stop_component(self, name: str) -> None:
        """Stop one component, and leave it stopped."""
        self._keepers[name].stop()

    def start_component(self, name: str) -> None:
        """Start a stopped component, and return when it is ready."""
        self._keepers[name].start()
        self.wait_ready(name)

    def restart(self, name: str) -> None:
        """Stop a component and start it again; returns when it is ready."""
        self.stop_component(name)
        self.start_component(name)

    def status(self) -> dict[str, object]:
        """Return what `playhead status --json` prints."""
        return report(self.run)

    def _write_state(self) -> None:
        assert self.site is not None
        site = self.site
        with self._writing:
            state = {
                "marker": self._marker,
                "supervisor": os.getpid(),
                "supervisor_began": psutil.Process().create_time(),
                "components": {
                    name: {
                        "state": keeper.state.value,
                        "url": keeper.component.url(site),
                        "pid": keeper.pid,
                        "restarts": keeper.restarts,
                    }
                    for name, keeper in self._keepers.items()
                },
            }
            write_json(self.run / "state.json", state)


def _make_private(folder: Path) -> None:
    """Create the run folder: it will hold data and keys, so it is its owner's alone."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)


def _places(chosen: tuple[Component, ...]) -> dict[str, Path]:
    known = parts.all_parts()
    needed = [known[component.part] for component in chosen if component.part]
    if absent := [part.name for part in needed if not part.present]:
        raise StackError(f"{', '.join(absent)} not fetched yet; run: playhead parts")
    return {name: part.place for name, part in known.items() if part.present}


def _last_ports(run: Path) -> ports.Ports:
    try:
        said = json.loads((run / "stack.json").read_text())["ports"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return said if isinstance(said, dict) and set(said) == set(ports.NAMES) else {}


def _take_lock(run: Path) -> IO[str]:
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
            time.sleep(POLL_S)
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


def report(run: Path) -> dict[str, object]:
    """Say how each component of a run folder is, asking those that should be ready."""
    run = run.absolute()
    alive = supervisor(run) is not None
    recorded = read_state(run).get("components")
    found = recorded if isinstance(recorded, dict) else {}
    names = [*components.NAMES, *(name for name in found if name not in components.NAMES)]
    said: dict[str, dict[str, object]] = {}
    for name in names:
        entry = found.get(name, {})
        if name == "topics" and entry.get("state") != State.FAILED:
            continue  # a task that runs once, at the start
        if name in found or name in components.NAMES:
            said[name] = {
                "state": entry.get("state", State.STOPPED.value) if alive else State.STOPPED.value,
                "url": entry.get("url") if alive else None,
                "pid": entry.get("pid") if alive else None,
                "restarts": entry.get("restarts", 0) if alive else 0,
            }
    if alive:
        _ask(run, said)
    return {"run": str(run), "components": said}


def _ask(run: Path, said: dict[str, dict[str, object]]) -> None:
    """Ask each component that should be ready, all at once, and correct what is not so."""
    site = Site(run, _last_ports(run), {})
    known = {component.name: component for component in (*components.SERVICES, components.GATEWAY)}
    ready = [name for name, entry in said.items() if entry["state"] == State.READY]

    def check(name: str) -> None:
        component = known.get(name) or components.worker(_number(name))
        pid = said[name]["pid"]
        if not isinstance(pid, int) or not component.ready(site, pid):
            said[name]["state"] = State.UNHEALTHY.value

    if ready:
        with ThreadPoolExecutor(len(ready)) as threads:
            list(threads.map(check, ready))


def _number(worker: str) -> int:
    _, _, number = worker.partition("-")
    return int(number or 1)
