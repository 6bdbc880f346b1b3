"""The supervisor: starts the components, watches them, restarts what dies, stops them all.

One thread keeps one component (keeper.py). What the supervisor knows stands in `<run>/state.json`
after every change, for `playhead status`; what clients need stands in `<run>/stack.json`; each
component's output is in `<run>/logs/<name>.log`.
"""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from infra.local import components, guard, ports
from infra.local.components import Component
from infra.local.inherited import without_secrets
from infra.local.keeper import BACKOFF_S, POLL_S, Keeper, State, last_lines
from infra.local.leaning import refuse_absent
from infra.local.network import without_proxy
from infra.local.parts import all_parts
from infra.local.run_folder import last_ports, make_private, read_state, take_lock, write_json
from infra.local.site import Site
from infra.local.status import report
from infra.local.verb_template import NoFork, VerbTemplate
from infra.parts.fetching import with_needs
from infra.stack_error import StackError
from streams.running import grpc_sockets
from streams.settings import Settings

LOG_BYTES_MAX = 16 << 20  # a larger log is set aside as .1 when the stack starts


@dataclass(frozen=True)
class Wish:
    """What the user wants a stack to be."""

    names: frozenset[str] = frozenset(components.NAMES)
    workers: int = 1
    ports: Mapping[str, int] | None = None  # single ports, by name
    ports_from: int | None = None  # first of a block
    free_ports: bool = False  # any block that is free
    setup: bool = True  # topics, schemas and configurations, where there is what they lie in


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
        self,
        run: Path,
        wish: Wish | None = None,
        say: Callable[[str], None] = _ignore,
        *,
        select: Callable[[frozenset[str], int], tuple[Component, ...]] = components.select,
        backoff_s: Sequence[float] = BACKOFF_S,
        poll_s: float = POLL_S,
        log_bytes_max: int = LOG_BYTES_MAX,
    ) -> None:
        self.run = run.absolute()
        self.site: Site | None = None
        self._wish = wish or Wish()
        self._say = say
        self._select = select
        self._backoff_s = backoff_s
        self._poll_s = poll_s
        self._log_bytes_max = log_bytes_max
        self._marker = uuid.uuid4().hex
        self._keepers: dict[str, Keeper] = {}
        self._writing = threading.Lock()
        self._lock: IO[str] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._template: VerbTemplate | None = None

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
        chosen = tuple(
            component
            for component in self._select(self._wish.names, self._wish.workers)
            if self._wish.setup or component.name != components.TOPICS.name
        )
        make_private(self.run / "logs")
        self._lock = take_lock(self.run)
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
        refuse_absent(chosen, Settings.load(run=self.run))
        for component in chosen:
            log = self.run / "logs" / f"{component.name}.log"
            if log.exists() and log.stat().st_size > self._log_bytes_max:
                log.replace(log.with_suffix(".log.1"))
        self._template = self._load_verbs(chosen)
        for component in chosen:
            needs = tuple(self._keepers[name] for name in component.needs if name in self._keepers)
            self._keepers[component.name] = Keeper(
                component,
                site,
                self._marker,
                needs,
                self._write_state,
                self._say,
                backoff_s=self._backoff_s,
                poll_s=self._poll_s,
                template=self._template,
            )
        self._write_state()
        self._post_guard()
        for keeper in self._keepers.values():
            keeper.open()

    def _load_verbs(self, chosen: tuple[Component, ...]) -> VerbTemplate | None:
        """Begin to load what workers and the gateway run, while what they need starts."""
        verbs = {component.verb for component in chosen if component.verb}
        if not verbs:
            return None
        inherited = without_secrets(os.environ)
        environment = {**inherited, **without_proxy(inherited), guard.MARKER: self._marker}
        # gRPC looks once, when it is imported: here, for all forks
        environment.setdefault(grpc_sockets.VARIABLE, grpc_sockets.FORMER_SOCKETS)
        modules = components.loaded_by(verbs)
        log = self.run / "logs" / "verbs.log"
        template = VerbTemplate("infra.cli:main", modules, environment, log)
        with suppress(
            NoFork
        ):  # each component is started as a process of its own then, and says so
            template.start()
        return template

    def _post_guard(self) -> None:
        assert self._lock is not None
        self._guard = subprocess.Popen(  # noqa: S603 - this very package
            [sys.executable, "-m", guard.__name__, self._marker],
            cwd=Path(__file__).parents[2],
            env=without_secrets(os.environ),
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
        last = last_ports(self.run)
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
            if interrupted.wait(self._poll_s):
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
        if self._template is not None:
            self._template.end()
            self._template = None
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
        # it has no process for a moment before it is said to restart
        while keeper.pid in {pid, None} and keeper.state is State.READY:
            time.sleep(self._poll_s / 2)

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
                "template": self._template.pid if self._template is not None else None,
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


def _places(chosen: tuple[Component, ...]) -> dict[str, Path]:
    known = all_parts()
    needed = with_needs([known[component.part] for component in chosen if component.part])
    if absent := [part.name for part in needed if not part.present]:
        raise StackError(f"{', '.join(absent)} not fetched yet; run: playhead parts")
    return {name: part.place for name, part in known.items() if part.present}
