"""The gateway's process under fire: the real `playhead gateway`, killed and started again at times that the seed decides."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local import ports
from tests.chaos.plan import Plan

ROOT = Path(__file__).parents[2]
KILLS = 0.06  # kills of the gateway for each one of a worker: each reads the whole log again
AWAY_S = (0.0, 3.0)  # until it is started again
STOPPED = 0.3  # share that is told to stop, and drains, instead


class GatewaySeat:
    """A place for the gateway; a `delay.Seat`."""

    number = -1

    def __init__(self, run: Path, plan: Plan, environment: Mapping[str, str]) -> None:
        self._run = run
        self._environment = environment
        self._chance = random.Random(f"gateway {plan.seed}")
        self.port = ports.free_block()["gateway"]
        self.url = f"http://{ports.HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.kills = 0
        self.stops = 0
        self.died = 0
        kills = 0 if plan.outage else max(2, round(plan.kills * KILLS))
        self.times_s = sorted(self._chance.uniform(0.1, 0.95) * plan.seconds for _ in range(kills))
        """When it is ended, from the beginning of the load."""
        self._back_s: float | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the process."""
        self._stopping = False
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")}
        with (self._run / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env={**kept, **self._environment, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def command(self) -> list[str]:
        """Return what the process runs."""
        where = ["--run", str(self._run), "--port", str(self.port)]
        return [sys.executable, "-m", "infra.cli", "gateway", *where]

    def tend(self, passed_s: float) -> None:
        """Do what is due so many seconds after the load began; start it again once it has ended."""
        if self.process is not None and self.process.poll() is not None:
            if not self._stopping:
                self.died += 1
            self.process = None
            self._back_s = passed_s + self._chance.uniform(*AWAY_S)
        if self.process is None and self._back_s is not None and passed_s >= self._back_s:
            self._back_s = None
            self.start()
        if self.times_s and passed_s >= self.times_s[0]:
            self.times_s.pop(0)
            self._end()

    def _end(self) -> None:
        if self.process is None or self._stopping:
            return
        self._stopping = True
        if self._chance.random() < STOPPED:
            self.stops += 1
            self.process.send_signal(signal.SIGTERM)
        else:
            self.kills += 1
            self.process.kill()

    def calm(self) -> None:
        """End it no more."""
        self.times_s = []

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def as_json(self) -> dict[str, int]:
        """Return how often what was done to it."""
        return {"kill": self.kills, "stop": self.stops, "died": self.died}
