"""The course of one run: load and faults, then quiet until all has its end, then the judgement."""

import math
import time
from collections.abc import Callable
from typing import Any

from streams.log.codec import Codec
from streams.log.setup import prepare
from streams.topics import topic_of
from tests.chaos.delay import LifeWatch, parts_of
from tests.chaos.edge_under_fire import EdgeUnderFire
from tests.chaos.examine import examine
from tests.chaos.fairness import waits
from tests.chaos.faults.lost_logs import LostLogs
from tests.chaos.ground import Ground
from tests.chaos.injector import STOP_PATIENCE_S, Injector
from tests.chaos.judgement import Sample
from tests.chaos.load import Load, register_lacking, register_newer
from tests.chaos.memory import RssWatch, growth_of
from tests.chaos.pace import Pace, waiting_max_of
from tests.chaos.plan import Fault, Plan, faults
from tests.chaos.profiles import TOPICS, includes
from tests.chaos.recovery import after_outage, longest_waits, recoveries
from tests.chaos.result import Result
from tests.chaos.slots import Slot
from tests.chaos.steps import chain
from tests.chaos.versions import make_newer
from tests.chaos.watch import Follower, Watcher
from worker.wiring import known_schemas

STEPS = chain()
PROGRESS = frozenset(topic_of(step.writes[-1 if step.name != "moderate" else 1]) for step in STEPS)
"""One topic a step, on which every lane has a record now and then."""
TICK_S = 0.01
READY_PATIENCE_S = 60.0  # until the first worker is ready
DRAIN_PATIENCE_S = 120.0  # without any further end
SETTLE_PATIENCE_S = 60.0  # for the commits behind the last end
SAY_S = 15.0
REST_S = 1.0  # between kills that had hit nobody
AFTER_ALL = 200  # number of the worker that meets a log that lost something


class Course:
    """One run; what it stands on must be up."""

    def __init__(self, plan: Plan, ground: Ground, say: Callable[[str], None], jobs: int) -> None:
        self._plan = plan
        self._ground = ground
        self._say = say
        self._jobs = jobs
        self._settings = ground.settings
        self._pace = Pace(self._missing, waiting_max_of(plan))
        self._injector = Injector(plan, ground, say, self._pace)
        self._stuck: list[str] = []
        self._lives = LifeWatch()
        self._memory = RssWatch()

    def run(self) -> Result:
        """Go through with it, and judge."""
        began = time.monotonic()
        prepare(self._settings)
        if self._plan.usual:
            root = make_newer(self._ground.run)
            self._ground.template_of(root)
            for slot in self._injector.slots:
                slot.newer = root
        codec = Codec(known_schemas(self._settings))  # all ids now: the registry may go away
        lacking = register_lacking(self._settings.registry)
        newer = [register_newer(self._settings.registry, n) for n in range(self._plan.schemas)]
        self._load = Load(self._plan, self._settings, codec, lacking_id=lacking, newer_ids=newer)
        self._follower = Follower(self._settings, codec, STEPS)
        self._edge = EdgeUnderFire(self._plan, self._ground, self._load, self._pace)
        try:
            samples, drained_s = self._under_watch()
        finally:
            self._edge.close()
            self._injector.close()
            self._follower.close()
        judging = time.monotonic()
        expected = self._load.expected
        judged, verified, verifying_s = examine(self._settings, expected, samples, self._jobs)
        if includes(self._plan.profile, TOPICS):
            self._lose_logs()
        every, alone = recoveries(self._injector.hits, self._progress_after)
        ends_s, asked_s = self._follower.ends_s, self._load.asked_s
        kills_s = [at_s for kind, at_s in self._injector.hits if kind == "kill"]
        during, quiet = waits(self._load.floods, asked_s, ends_s)
        return Result(
            self._plan,
            judged,
            verified,
            self._injector.done,
            [*self._injector.stuck, *self._stuck, *self._load.failed, *self._edge.wrong()],
            every,
            alone,
            [ends_s[id_] - at_s for id_, at_s in asked_s.items() if id_ in ends_s],
            drained_s,
            self._outage(),
            self._load.copies,
            effects=self._injector.effects,
            parts={
                **parts_of(kills_s, self._lives.lives, self._progress_after),
                **longest_waits(self._injector.hits, asked_s, ends_s),
            },
            growth=[growth_of(role, looks) for role, looks in self._memory.looks.items()],
            edge=self._edge.as_json(),
            flooded_s=during,
            quiet_s=quiet,
            seconds=time.monotonic() - began,
            stood_s=self._pace.stood_s,
            judging_s=time.monotonic() - judging,
            verifying_s=verifying_s,
            log_bytes=sum(f.stat().st_size for f in self._ground.run.rglob("*.log")),
        )

    def _lose_logs(self) -> None:
        """Lose parts of a log that was judged, and see whether anybody tells."""
        slot = Slot(AFTER_ALL, self._ground, self._plan, "")
        losses = LostLogs(self._ground, self._load, slot, self._say)
        try:
            losses.run()
        finally:
            slot.end()
        self._stuck += losses.wrong
        self._injector.effects.update(losses.effects)

    def _progress_after(self, at_s: float) -> float | None:
        return self._follower.progress_after(at_s, PROGRESS)

    def _outage(self) -> dict[str, float]:
        back_s = self._injector.back_s
        if not self._plan.outage or not back_s:
            return {}
        asked_s, ends_s = self._load.asked_s, self._follower.ends_s
        return after_outage(self._plan.outage_s, back_s, asked_s, ends_s, self._progress_after)

    # ------------------------------------------------------------------ the course of a run

    def _under_watch(self) -> tuple[list[Sample], float]:
        """Load, faults, quiet; returns the samples and how long the quiet took, in seconds."""
        with Watcher(self._settings, STEPS) as watcher:
            self._injector.start_all()
            self._while(lambda: not self._any_ready(), READY_PATIENCE_S)
            self._under_fire()
            drained_s = self._drain(watcher)
            self._while(lambda: self._injector.busy, STOP_PATIENCE_S)
            self._injector.stop_all()
            return watcher.samples, drained_s

    def _any_ready(self) -> bool:
        return any(worker.ready.exists() for worker in self._injector.slots)

    def _while(self, condition: Callable[[], Any], patience_s: float) -> bool:
        """Tend the workers while a condition holds; say whether it ended in time."""
        deadline = time.monotonic() + patience_s
        while condition():
            if time.monotonic() > deadline:
                return False
            self._injector.tend()
            self._edge.tend()
            self._follower.read(TICK_S)
            self._look_on()
        return True

    def _look_on(self) -> None:
        """Note when workers start and are ready, and what memory they hold."""
        now_s, slots = time.monotonic(), self._injector.slots
        self._lives.look(now_s, slots)
        pids = {slot.process.pid: "worker" for slot in slots if slot.process is not None}
        pids |= self._edge.pids
        self._memory.look(now_s, len(self._load.asked_s), pids)

    def _under_fire(self) -> None:
        plan, load, asked, said = self._plan, self._load, 0, 0.0
        self._injector.schedule(faults(plan))
        began = self._pace.passed_s()
        self._edge.start()

        def going_on() -> bool:
            nonlocal asked, said
            passed = self._pace.passed_s() - began
            due = min(load.steady, int(load.steady * passed / plan.seconds))
            while asked < due:
                load.ask()
                self._edge.ask()
                asked += 1
            load.poll()
            if passed > said:
                said += SAY_S
                self._say(
                    f"{passed:6.0f} s  {asked} requests, {len(self._follower.ends_s)} ended, "
                    f"{self._injector.done['kill']} kills"
                )
            return asked < load.steady or passed < plan.seconds

        if not self._while_ends_come(going_on):
            self._stuck.append(f"{self._missing()} requests waited: the load was given up")
        self._kill_the_rest()

    def _kill_the_rest(self) -> None:
        """Kill as often as is wanted: where workers come up slowly, planned kills hit none."""
        for number in range(2 * self._plan.kills):
            if self._injector.done["kill"] >= self._plan.kills:
                return
            self._injector.schedule([Fault(REST_S, "kill", number % self._plan.workers)])
            self._while(lambda: self._injector.busy, STOP_PATIENCE_S)

    def _drain(self, watcher: Watcher) -> float:
        """Stop the faults, and wait until all has its end and is acknowledged."""
        began = time.monotonic()
        self._while(lambda: self._injector.busy, STOP_PATIENCE_S)
        self._ground.wait_ready()
        self._edge.calm()
        if unsent := self._load.flush():
            self._stuck.append(f"{unsent} requests were not taken by the broker")
        if least := self._wait_for_ends():
            self._stuck.append(f"{least} requests had no end, and {DRAIN_PATIENCE_S:g} s none came")
        drained_s = time.monotonic() - began
        self._edge.give_up()
        self._while(lambda: self._edge.at_work, math.inf)  # its patience is its own
        if not self._while(watcher.behind, SETTLE_PATIENCE_S):
            self._stuck.append(f"{watcher.behind()} inputs stayed unacknowledged")
        watcher.samples.append(watcher.last())
        return drained_s

    def _wait_for_ends(self) -> int:
        """Wait as long as ends come, for clients of the gateway too; returns how many are missing."""
        self._while_ends_come(lambda: self._missing() > 0 or self._edge.waiting > 0)
        return max(0, self._missing())

    def _missing(self) -> int:
        """Count what has no end yet: requests that the broker took, and records that are none."""
        follower = self._follower
        return self._load.expected.missing(follower.ends_s, follower.unreadable)

    def _while_ends_come(self, condition: Callable[[], Any]) -> bool:
        """Tend the workers while a condition holds; say whether ends came as long as something waited for one."""
        seen: tuple[int, ...] = ()
        since = time.monotonic()

        def stuck() -> bool:
            nonlocal seen, since
            follower = self._follower
            now = len(follower.ends_s), len(follower.unreadable), self._edge.waiting
            if now != seen or self._missing() + self._edge.waiting <= 0:
                seen, since = now, time.monotonic()
            return time.monotonic() - since > DRAIN_PATIENCE_S

        self._while(lambda: not stuck() and condition(), math.inf)
        return not stuck()
