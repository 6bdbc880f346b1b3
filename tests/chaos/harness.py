"""Workers, broker and registry under a seeded load and seeded faults, then a judgement of the log.

    python -m tests.chaos.harness --seed 7 --requests 5000 --minutes 3 --kills 30
    python -m tests.chaos.harness --outage broker --away-s 60 --requests 3000

The steps do little and the connectors are fakes that answer at once (`tests.chaos.steps`, `tests.chaos.worker`); broker,
registry, runner and worker are the real ones. The seed decides the load, the faults and their times
(`tests.chaos.plan`). What the scheduler of the machine does with them it can't decide, so a seed that failed may have
to be run more than once.
"""

import asyncio
import heapq
import itertools
import json
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click

from infra.local.guard import MARKER
from infra.local.supervisor import Stack, State, Wish
from replay.log import BrokerLog, Snapshot
from replay.verify import Report, Verifier
from replay.verify import merged as merged_reports
from streams.log.codec import Codec
from streams.log.setup import prepare
from streams.settings import Settings
from streams.topics import topic_of
from tests.chaos.judge import judge
from tests.chaos.judgement import Expected, Judgement, Sample, merged
from tests.chaos.load import Load
from tests.chaos.plan import OUTAGES, Fault, Plan, Start, faults, start
from tests.chaos.result import Result
from tests.chaos.steps import chain
from tests.chaos.watch import Reader, Watcher
from tests.fakes import DIGEST_KEY
from worker.wiring import known_schemas

ROOT = Path(__file__).parents[2]
STEPS = chain()
NAMES = tuple(step.name for step in STEPS)
PROGRESS = frozenset(topic_of(step.writes[-1 if step.name != "moderate" else 1]) for step in STEPS)
"""One topic a step, on which every lane has a record now and then."""
TICK_S = 0.01
STOP_PATIENCE_S = 15.0  # a worker promises 10
DRAIN_PATIENCE_S = 120.0  # without any further end
SETTLE_PATIENCE_S = 60.0  # for the commits behind the last end
SAY_S = 15.0
OUTAGE_ATTEMPTS = 5  # as the settings say: what a component that is away leads to is a refusal
CONNECTORS = ("triton", "weaviate")


class Worker:
    """A worker slot: a process that is started again whenever it ended."""

    def __init__(self, slot: int, stack: Stack, plan: Plan) -> None:
        self.slot = slot
        self.ready = stack.run / f"worker-{slot}.ready"
        self.paused = self.stopping = False
        self.process: subprocess.Popen[bytes] | None = None
        self._stack = stack
        self._plan = plan
        self._starts = 0

    def start(self) -> Start:
        """Start the process in one of the ways that the seed has for it."""
        self.ready.unlink(missing_ok=True)
        self.paused = self.stopping = False
        self._starts += 1
        how = start(self._plan, self.slot, self._starts, NAMES)
        run = self._stack.run
        module = ["tests.chaos.worker", str(run), how.name]
        if how.hours:
            clock = ["tests.chaos.clock", f"{how.hours:.3f}", f"{how.after_s:.1f}"]
            module = [*clock, *module]
        if how.steps:
            module += ["--steps", ",".join(how.steps)]
        if self._plan.outage:
            module += ["--attempts", str(OUTAGE_ATTEMPTS)]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")}
        if self.slot % 2 == 0:  # these return to their lanes at once, the others after a rebalance
            kept["PLAYHEAD_SLOT"] = f"worker-{self.slot}"
        with (run / f"worker-{self.slot}.log").open("ab") as log:
            log.write(f"--- start {' '.join(module)}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env={
                    **kept,
                    "PLAYHEAD_READY_FILE": str(self.ready),
                    "PYTHONPATH": str(ROOT),
                    MARKER: self._stack._marker,  # the stack's guard ends it if we are killed
                },
                stderr=log,
                start_new_session=True,  # an interrupt at the terminal is for us alone
            )
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

    def end(self) -> None:
        """Kill, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.paused = self.stopping = False


class Chaos:
    """One run of the harness."""

    def __init__(self, plan: Plan, stack: Stack, say: Callable[[str], None], jobs: int) -> None:
        self._plan = plan
        self._stack = stack
        self._say = say
        self._jobs = jobs
        self._settings = Settings.load(environment={}, run=stack.run)
        self._workers = [Worker(slot, stack, plan) for slot in range(plan.workers)]
        self._later: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()
        self._done: Counter[str] = Counter()
        self._stuck: list[str] = []
        self._hits: list[tuple[str, float]] = []
        self._threads: list[threading.Thread] = []
        self._back_s = 0.0
        self._began = 0.0

    def run(self) -> Result:
        """Run it all; the stack must be up."""
        self._began = time.monotonic()
        prepare(self._settings)
        codec = Codec(known_schemas(self._settings))  # all ids now: the registry may go away
        load = Load(self._plan, self._settings, codec)
        reader = Reader(self._settings, codec, STEPS)
        try:
            with Watcher(self._settings, STEPS) as watcher:
                for worker in self._workers:
                    self._start(worker)
                self._while(lambda: not any(w.ready.exists() for w in self._workers), 60, reader)
                self._under_fire(load, reader)
                drained_s = self._drain(load, reader, watcher)
                self._stop_all(reader)
                samples = watcher.samples
        finally:
            for worker in self._workers:
                worker.end()
            for thread in self._threads:
                thread.join()
            reader.close()
        judging = time.monotonic()
        judged, verified, verifying_s = examine(self._settings, load.expected, samples, self._jobs)
        recoveries, alone = self._recoveries(reader)
        ends = reader.ends_s
        return Result(
            self._plan,
            judged,
            verified,
            self._done,
            [*self._stuck, *load.failed],
            recoveries,
            alone,
            [ends[id_] - at_s for id_, at_s in load.asked_s.items() if id_ in ends],
            drained_s,
            self._outage(load, reader),
            load.copies,
            seconds=time.monotonic() - self._began,
            judging_s=time.monotonic() - judging,
            verifying_s=verifying_s,
            log_bytes=sum(f.stat().st_size for f in self._stack.run.rglob("*.log")),
        )

    def _recoveries(self, reader: Reader) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """Return how long all lanes took to go on after each fault; and after those that stood alone."""
        every: defaultdict[str, list[float]] = defaultdict(list)
        alone: defaultdict[str, list[float]] = defaultdict(list)
        calm_s = 0.0  # when all lanes had gone on after the faults so far
        for (kind, at_s), (_, next_s) in itertools.pairwise([*self._hits, ("", math.inf)]):
            waited_s = reader.progress_after(at_s, PROGRESS)
            if waited_s is None:
                continue
            every[kind].append(waited_s)
            if calm_s < at_s and at_s + waited_s < next_s:
                alone[kind].append(waited_s)
            calm_s = max(calm_s, at_s + waited_s)
        return dict(every), dict(alone)

    def _outage(self, load: Load, reader: Reader) -> dict[str, float]:
        if not self._plan.outage or not self._back_s:
            return {}
        waiting = [id_ for id_, at_s in load.asked_s.items() if at_s < self._back_s]
        ended_s = max((reader.ends_s.get(id_, self._back_s) for id_ in waiting), default=0.0)
        return {
            "away_s": self._plan.outage_s,
            "lanes_went_on_s": reader.progress_after(self._back_s, PROGRESS) or 0.0,
            "all_that_waited_had_ended_s": max(0.0, ended_s - self._back_s),
        }

    # ------------------------------------------------------------------ the course of a run

    def _while(self, condition: Callable[[], Any], patience_s: float, reader: Reader) -> bool:
        """Tend the workers while a condition holds; say whether it ended in time."""
        deadline = time.monotonic() + patience_s
        while condition():
            if time.monotonic() > deadline:
                return False
            self._tend()
            reader.read(TICK_S)
        return True

    def _under_fire(self, load: Load, reader: Reader) -> None:
        plan, began, asked, said = self._plan, time.monotonic(), 0, 0.0
        for fault in faults(plan):
            self._at(began + fault.at_s, lambda fault=fault: self._do(fault))

        def going_on() -> bool:
            nonlocal asked, said
            passed = time.monotonic() - began
            due = min(plan.requests, int(plan.requests * passed / plan.seconds))
            while asked < due:
                load.ask()
                asked += 1
            load.poll()
            if passed > said:
                said += SAY_S
                self._say(
                    f"{passed:6.0f} s  {asked} requests, {len(reader.ends_s)} ended, "
                    f"{self._done['kill']} kills"
                )
            return asked < plan.requests or passed < plan.seconds

        self._while(going_on, plan.seconds + 60, reader)

    def _drain(self, load: Load, reader: Reader, watcher: Watcher) -> float:
        """Stop the faults, and wait until all has its end and is acknowledged."""
        began = time.monotonic()
        self._while(lambda: self._later, STOP_PATIENCE_S, reader)
        self._stack.wait_ready("kafka")
        if unsent := load.flush():
            self._stuck.append(f"{unsent} requests were not taken by the broker")

        def missing() -> int:
            owed = len(load.expected.fates) + len(load.expected.unreadable)
            return owed - len(reader.ends_s) - len(reader.unreadable)

        least, since = missing(), time.monotonic()

        def waiting() -> bool:
            nonlocal least, since
            if (left := missing()) < least:
                least, since = left, time.monotonic()
            return least > 0 and time.monotonic() - since < DRAIN_PATIENCE_S

        self._while(waiting, 10 * DRAIN_PATIENCE_S + self._plan.seconds, reader)
        if least:
            self._stuck.append(f"{least} requests had no end, and {DRAIN_PATIENCE_S:g} s none came")
        drained_s = time.monotonic() - began
        if not self._while(watcher.behind, SETTLE_PATIENCE_S, reader):
            self._stuck.append(f"{watcher.behind()} inputs stayed unacknowledged")
        watcher.samples.append(watcher.last())
        return drained_s

    def _stop_all(self, reader: Reader) -> None:
        self._while(lambda: self._later, STOP_PATIENCE_S, reader)
        for worker in self._workers:
            worker.stopping = True
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        while any(worker.running for worker in self._workers) and time.monotonic() < deadline:
            time.sleep(TICK_S)
        self._stuck += [self._did_not_stop(w) for w in self._workers if w.running]

    def _did_not_stop(self, worker: Worker) -> str:
        return f"worker {worker.slot} did not stop in {STOP_PATIENCE_S:g} s"

    # ------------------------------------------------------------------ faults

    def _at(self, when: float, action: Callable[[], Any]) -> None:
        heapq.heappush(self._later, (when, next(self._order), action))

    def _tend(self) -> None:
        """Do what is due, and start workers again that ended by themselves."""
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
        for worker in self._workers:
            if worker.code is not None:
                if not worker.stopping:
                    self._done["died"] += 1
                    self._say(f"worker {worker.slot} ended by itself: exit code {worker.code}")
                worker.end()
                self._at(time.monotonic() + 1.0, lambda it=worker: self._start(it))

    def _start(self, worker: Worker) -> None:
        how = worker.start()
        self._done["start"] += 1
        self._done["some steps"] += bool(how.steps)
        self._done["wrong clock"] += bool(how.hours)

    def _hit(self, kind: str, number: int = 1) -> None:
        self._done[kind] += number
        self._hits.append((kind, time.monotonic()))

    def _do(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                self._kill(fault)
            case "stop" | "pause":
                self._stop_or_pause(fault)
            case "broker" | "registry":
                name = "kafka" if fault.kind == "broker" else "registry"
                if self._stack._keepers[name].state is State.READY:
                    self._hit(fault.kind)
                    self._stack.kill(name)
            case "connector":
                self._hit("connector")
                name = CONNECTORS[fault.slot % len(CONNECTORS)]
                self._take_away(name)
                self._at(time.monotonic() + fault.for_s, lambda: self._give_back(name))
            case "outage":
                self._hit("outage")
                self._in_thread(lambda: self._take_away(self._plan.outage))
                self._at(
                    time.monotonic() + fault.for_s,
                    lambda: self._in_thread(lambda: self._give_back(self._plan.outage)),
                )

    def _kill(self, fault: Fault) -> None:
        found = [*self._workers[fault.slot :], *self._workers[: fault.slot]]
        hit = [worker for worker in found if worker.running][: fault.count]
        if hit:
            self._hit("kill", len(hit))
        for worker in hit:
            worker.end()
        for worker in hit:
            self._at(time.monotonic() + fault.for_s, lambda it=worker: self._start(it))

    def _stop_or_pause(self, fault: Fault) -> None:
        found = [*self._workers[fault.slot :], *self._workers[: fault.slot]]
        worker = next((w for w in found if w.running and not w.paused and not w.stopping), None)
        if worker is None:
            return
        self._hit(fault.kind)
        now, process = time.monotonic(), worker.process
        if fault.kind == "stop":
            worker.stopping = True
            worker.signal(signal.SIGTERM)
            self._at(now + STOP_PATIENCE_S, lambda: self._overdue(worker, process))
        else:
            worker.paused = True
            worker.signal(signal.SIGSTOP)
            self._at(now + fault.for_s, lambda: self._go_on(worker, process))

    def _go_on(self, worker: Worker, process: Any) -> None:
        if worker.process is process:
            worker.signal(signal.SIGCONT)
            worker.paused = False

    def _overdue(self, worker: Worker, process: Any) -> None:
        if worker.process is process and worker.running:
            self._stuck.append(self._did_not_stop(worker))
            worker.end()
            self._start(worker)

    def _in_thread(self, action: Callable[[], Any]) -> None:
        thread = threading.Thread(target=action)
        thread.start()
        self._threads.append(thread)

    def _take_away(self, name: str) -> None:
        if name in CONNECTORS:
            (self._stack.run / f"outage-{name}").touch()
        else:
            self._stack.stop_component("kafka" if name == "broker" else name)

    def _give_back(self, name: str) -> None:
        if name in CONNECTORS:
            (self._stack.run / f"outage-{name}").unlink(missing_ok=True)
        else:
            self._stack.start_component("kafka" if name == "broker" else name)
        self._back_s = time.monotonic()


# ---------------------------------------------------------------------- after the run


def examine(
    settings: Settings, expected: Expected, samples: list[Sample], jobs: int
) -> tuple[Judgement, Report, float]:
    """Judge and verify the log, lane by lane, in processes of their own; returns verify's seconds too."""
    log = BrokerLog(settings)
    snapshot = log.snapshot
    log.close()
    lanes = range(settings.partitions)
    context = multiprocessing.get_context("spawn")  # librdkafka's threads don't survive a fork
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupts) as pool:
        try:
            judging = [
                pool.submit(_judge, settings, snapshot, lane, _of_lane(expected, lane), samples)
                for lane in lanes
            ]
            judged = merged([future.result() for future in judging])
            began = time.monotonic()
            verifying = [pool.submit(_verify, settings, snapshot, lane) for lane in lanes]
            verified = merged_reports([future.result() for future in verifying])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in (pool._processes or {}).values():
                process.kill()
            raise
    return judged, verified, time.monotonic() - began


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one: it ends all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _of_lane(expected: Expected, lane: int) -> Expected:
    return Expected(
        {id_: fate for id_, fate in expected.fates.items() if fate[0] == lane},
        {at for at in expected.unreadable if at[1] == lane},
    )


def _judge(
    settings: Settings, snapshot: Snapshot, lane: int, expected: Expected, samples: list[Sample]
) -> Judgement:
    log = BrokerLog(settings, snapshot)
    try:
        return judge(log, STEPS, expected, samples, [lane])
    finally:
        log.close()


def _verify(settings: Settings, snapshot: Snapshot, lane: int) -> Report:
    log = BrokerLog(settings, snapshot)
    try:
        return asyncio.run(Verifier(log, {}, lambda _: DIGEST_KEY, steps=STEPS).verify([lane]))
    finally:
        log.close()


def run(
    plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None, jobs: int = 2
) -> Result:
    """Start a broker and a registry in a folder, run the plan, and stop everything again."""
    wish = Wish(names=frozenset({"kafka", "registry"}), free_ports=True)
    with Stack(folder, wish) as stack:
        return Chaos(plan, stack, say, jobs).run()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@click.command()
@click.option("--seed", type=int, help="Decides load and faults; drawn where it is not given.")
@click.option("--requests", type=int, help="Questions and documents.  [default: 100000]")
@click.option("--minutes", type=float, help="How long they come.  [default: 21]")
@click.option("--kills", type=int, help="Kills of workers at least.  [default: 300]")
@click.option("--workers", type=int, default=Plan.workers, show_default=True)
@click.option(
    "--outage", type=click.Choice(OUTAGES), help="One component away, instead of all faults."
)
@click.option("--away-s", type=float, default=Plan.outage_s, show_default=True)
@click.option("--jobs", type=int, default=os.cpu_count() or 1, help="Processes of the judgement.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result there."
)
def main(seed, requests, minutes, kills, workers, outage, away_s, jobs, json_file):
    """Run the faults and print what the log shows; the exit code is 1 where it shows a failure."""
    seed = random.randrange(10**6) if seed is None else seed
    given = {"seed": seed, "workers": workers}
    if outage:
        plan = Plan.of_outage(outage, away_s, requests=requests or 6_000, **given)
    else:
        minutes = Plan.seconds / 60 if minutes is None else minutes
        kills = Plan.kills if kills is None else kills
        plan = Plan(
            requests=requests or Plan.requests, seconds=round(minutes * 60, 2), kills=kills, **given
        )
    folder = Path(tempfile.mkdtemp(prefix="playhead-chaos-"))
    signal.signal(signal.SIGTERM, _interrupt)
    click.echo(f"{plan.command()}   ({folder})", err=True)
    try:
        result = run(plan, folder, lambda line: click.echo(line, err=True), jobs)
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        click.echo("interrupted; everything was stopped", err=True)
        sys.exit(130)
    except BaseException:
        click.echo(f"reproduce       {plan.command()}\nlogs            {folder}")
        raise
    text = json.dumps(result.as_json(), indent=1)
    if json_file:
        json_file.write_text(f"{text}\n", encoding="utf-8")
    click.echo(str(result))
    if result.failures:
        (folder / "result.json").write_text(f"{text}\n", encoding="utf-8")
        click.echo(f"logs            {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
