"""Worker slots: processes that are started again, each time in another way, whenever they have ended.

They are forks of a template, as those of `playhead up`.
"""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from infra.local.verb_template import VerbFork
from tests.chaos.ground import Ground
from tests.chaos.plan import Plan, Start, start
from tests.chaos.steps import chain
from tests.chaos.versions import root_of

NAMES = tuple(step.name for step in chain())
FORKED_WITHIN_S = 120.0  # the first waits until its template has loaded
OUTAGE_ATTEMPTS = 5  # as the settings say: what a component that is away leads to is a refusal


class Slot:
    """A place for a worker process."""

    def __init__(self, number: int, ground: Ground, plan: Plan, place: str | None = None) -> None:
        self.number = number
        self.place = ("" if number % 2 else f"worker-{number}") if place is None else place
        """Who has one returns to its lanes at once, the others after a rebalance."""
        self.ready = ground.run / f"worker-{number}.ready"
        self.log = ground.run / f"worker-{number}.log"
        self.paused = self.stopping = False
        self.process: subprocess.Popen[bytes] | VerbFork | None = None
        self.newer: Path | None = None
        """Root of another version of the code, which some starts run."""
        self._ground = ground
        self._plan = plan
        self._starts = 0

    def start(self, how: Start | None = None) -> Start:
        """Start the process; in one of the ways that the seed has for it, unless one is given."""
        self.ready.unlink(missing_ok=True)
        self.paused = self.stopping = False
        self._starts += 1
        how = how or start(self._plan, self.number, self._starts, NAMES)
        run = self._ground.run
        module = ["tests.chaos.worker", str(run), how.name]
        if how.hours:
            clock = ["tests.chaos.clock", f"{how.hours:.3f}", f"{how.after_s:.1f}"]
            module = [*clock, *module]
        if how.steps:
            module += ["--steps", ",".join(how.steps)]
        if self._plan.outage:
            module += ["--attempts", str(OUTAGE_ATTEMPTS)]
        more = {"PLAYHEAD_READY_FILE": str(self.ready)}
        if self.place:
            more["PLAYHEAD_SLOT"] = self.place
        if how.memory_mb:
            more["PLAYHEAD_MEMORY_MB"] = str(how.memory_mb)
        root = root_of(how.name, self.newer)
        environment = {**self._ground.environment_of(root), **more}
        with self.log.open("ab") as log:
            log.write(f"--- start {' '.join(module)} of {root}\n".encode())
            log.flush()
            if how.hours:  # its clock is set before anything else is loaded
                self.process = subprocess.Popen(
                    [sys.executable, "-m", *module],
                    cwd=root,
                    env=environment,
                    stderr=log,
                    start_new_session=True,  # an interrupt at the terminal is for us alone
                )
            else:
                template = self._ground.template_of(root)
                wanted = template.fork(module[1:], environment, root, log.fileno())
                self.process = wanted.begun(FORKED_WITHIN_S)
                assert self.process, f"no fork of a worker within {FORKED_WITHIN_S:g} s"
        return how

    @property
    def code(self) -> int | None:
        """Exit code once it has ended."""
        return self.process.poll() if self.process else None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            assert self.process is not None
            self.process.send_signal(number)

    def leave(self, patience_s: float = 15.0) -> None:
        """Give it time to stop after it was told to, then kill it."""
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
        self.end()

    def end(self) -> None:
        """Kill, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.paused = self.stopping = False
