"""Keeps one component running: starts it, watches it, starts it again when it dies, stops it."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from infra.local import guard
from infra.local.components import Component
from infra.local.inherited import without_secrets
from infra.local.network import without_proxy
from infra.local.site import Launch, Site
from infra.local.start_limit import StartLimit, work_done_by
from infra.local.verb_template import NoFork, Running, VerbTemplate, WantedFork
from infra.stack_error import StackError

POLL_S = 0.1
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # before each try after a death; the last one repeats
TRIES_FIRST = 2  # at the first start: what fails twice is misconfigured rather than unlucky
TRIES_LATER = 10  # without once becoming ready in between
TRIES_TO_FORK = 2  # files may have changed since the template loaded them
LAST_LINES = 12  # of a log, shown when its component dies
LINE_CHARS_MAX = 200


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
            f"    {line.rstrip()[:LINE_CHARS_MAX]}\n" for line in deque(lines, maxlen=number)
        ).rstrip()
    return "    (no log)"


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
        backoff_s: Sequence[float] = BACKOFF_S,
        poll_s: float = POLL_S,
        template: VerbTemplate | None = None,
    ) -> None:
        """With a template, a component that is a verb of ours is forked from it."""
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
        self._backoff_s = backoff_s
        self._poll_s = poll_s
        self._template = template
        self._process: Running | None = None
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

    def _terminate(self, process: Running) -> None:
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
            if self._await(self._poll_s):
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
            if self._await(self._backoff_s[min(deaths, len(self._backoff_s)) - 1]):
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
        limit = StartLimit(component.patience_s, lambda: work_done_by(process.pid, self.log))
        while (status := process.poll()) is None:
            if not ready and not component.once and component.ready(self._site, process.pid):
                ready = True
                self._say(f"{component.name} is ready after {time.monotonic() - began:.1f} s")
                self._set(State.READY)
            if not ready and self._gives_up(limit):
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
                return False, "did not become ready"
            if self._await(self._poll_s):
                process.wait()
        _signal_group(process.pid, signal.SIGKILL)
        if component.once and status == 0:
            self._say(f"{component.name} done after {time.monotonic() - began:.1f} s")
            self.pid = None
            self._set(State.READY)
            return True, None
        if status < 0:
            return ready, f"was killed by {signal.Signals(-status).name}"
        return ready, f"ended with exit status {status}"

    def _gives_up(self, limit: StartLimit) -> bool:
        """Say whether a component that is not ready yet has used up its time."""
        before_s = limit.limit_s
        if limit.is_over():
            return True
        if limit.limit_s > before_s:
            self._say(
                f"{self.component.name} is not ready after {before_s:g} s, but at work: waiting on"
            )
        return False

    def _spawn(self, launch: Launch) -> Running | None:
        inherited = without_secrets(os.environ, but=launch.secrets)
        environment = {**inherited, **without_proxy(inherited), **launch.environment}
        environment |= {"PLAYHEAD_RUN": str(self._site.run), guard.MARKER: self._marker}
        with self.log.open("ab") as log:
            if self._await(0):
                return None
            log.write(f"--- {time.strftime('%Y-%m-%dT%H:%M:%S%z')} started\n".encode())
            log.flush()
            process = self._fork(launch, environment, log)
            with self._news:
                wanted = self._wanted
                if wanted and process is None:
                    process = subprocess.Popen(  # noqa: S603 - an argv of our own
                        launch.argv,
                        cwd=launch.folder or self._site.run,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                if wanted and process is not None:
                    self._process = process
                    self.pid = process.pid
        if not wanted and process is not None:  # a fork that came too late
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        self._changed()
        return process if wanted else None

    def _fork(self, launch: Launch, environment: dict[str, str], log: BinaryIO) -> Running | None:
        """Have a verb of ours forked; None where there is no fork, or it is wanted no more."""
        if self._template is None or not launch.verb:
            return None
        folder, name = launch.folder or self._site.run, self.component.name
        for _ in range(TRIES_TO_FORK):
            try:
                wanted = self._template.fork(launch.verb, environment, folder, log.fileno(), name)
                return self._fork_of(wanted, self._template)
            except NoFork as none:
                why = none
                self._template.retire()
        self._say(f"{name} is started as a process of its own: {why}")
        return None

    def _fork_of(self, wanted: WantedFork, template: VerbTemplate) -> Running | None:
        """Wait for a fork while its template loads, and the component is wanted; raises NoFork."""
        limit = StartLimit(self.component.patience_s, template.work_done)
        while (fork := wanted.begun(self._poll_s)) is None:
            if self._await(0) or limit.is_over():
                wanted.give_up()
                return None
        return fork


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
