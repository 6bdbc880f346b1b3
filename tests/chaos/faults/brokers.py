"""Brokers of a cluster: killed and away for a while, or standing still for longer than a group's session."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from infra.local import health
from infra.local.supervisor import Stack, State
from tests.chaos.faults.happening import Effects, Happenings, note
from tests.chaos.ground import Ground
from tests.chaos.plan import Fault
from tests.standing_process import standing

PATIENCE_S = 45.0  # a broker that was away is back within it
QUORUM = Path("__cluster_metadata-0", "quorum-state")


def controller_of(ground: Ground) -> int | None:
    """Return which broker controls the cluster, from 0, as the one that knows the newest election says."""
    elections = []
    for name in ground.brokers:
        with suppress(OSError, ValueError):
            said = json.loads((ground.data_of(name) / QUORUM).read_text())
            elections.append((said["leaderEpoch"], said["leaderId"]))
    _, leader = max(elections, default=(0, 0))
    return leader - 1 if leader > 0 else None


class BrokerFaults:
    """Takes one broker at a time away: of three, the two others hold all that is acknowledged."""

    def __init__(self, ground: Ground, effects: Effects, patience_s: float = PATIENCE_S) -> None:
        """`patience_s` is how long a fault waits for the one before: a slow machine makes none drop out."""
        self._patience_s = patience_s
        self._ground = ground
        self._stack: Stack = ground.stack
        self._effects = effects
        self._one = threading.Lock()

    def happenings(self) -> Happenings:
        """Return the faults by kind."""
        return {
            "broker killed": partial(
                self._away, lambda fault: fault.slot % len(self._ground.brokers)
            ),
            "controller killed": partial(self._away, lambda _: controller_of(self._ground)),
            "broker paused": self._paused,
        }

    @contextmanager
    def _away(self, choose: Callable[[Fault], int | None], fault: Fault) -> Iterator[bool]:
        """Kill a broker and leave it dead for a while."""
        with self._alone() as alone:
            number = choose(fault) if alone else None
            if number is None or not self._ready(number):
                yield False
                return
            name = self._ground.brokers[number]
            before = controller_of(self._ground)
            self._stack.kill(name)
            self._stack.stop_component(name)
            try:
                yield True
                after = controller_of(self._ground)
                self._look(fault, number, {"controllers moved": int(after not in {before, None})})
            finally:
                self._stack.start_component(name)

    @contextmanager
    def _paused(self, fault: Fault) -> Iterator[bool]:
        with self._alone() as alone:
            number = fault.slot % len(self._ground.brokers)
            pid = self._stack._keepers[self._ground.brokers[number]].pid
            if not alone or not self._ready(number) or pid is None:
                yield False
                return
            with standing(pid):
                yield True
                self._look(fault, number, {})

    def _look(self, fault: Fault, number: int, seen: dict[str, int]) -> None:
        """Note whether the broker really does not answer anybody."""
        answers = health.kafka_ok(self._ground.address_of(number))
        note(self._effects, fault.kind, {"brokers without an answer": int(not answers), **seen})

    def _ready(self, number: int) -> bool:
        return self._stack._keepers[self._ground.brokers[number]].state is State.READY

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Yield whether no other broker is away by now, and keep others from being taken meanwhile."""
        if not self._one.acquire(timeout=self._patience_s):
            yield False
            return
        try:
            yield True
        finally:
            self._one.release()
