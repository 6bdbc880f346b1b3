"""Workers and a broker under a seeded load and seeded faults, then a judgement of the log.

    python -m tests.chaos.harness --seed 7 --questions 2000 --minutes 5

The steps do little and the models are fakes that answer at once (see `tests.chaos.worker`); broker, registry,
runner and worker are the real ones. The seed decides the load, the faults and their times. What the scheduler
of the machine does with them it can't decide, so a seed that failed may have to be run more than once.
"""

import asyncio
import contextlib
import heapq
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
from confluent_kafka import (
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)

from infra.local.guard import MARKER
from infra.local.supervisor import Stack, State, Wish
from replay.log import BrokerLog
from replay.verify import Report, Verifier
from schemas import Ask, EventRejected, Meta, QuestionAsked, Sealed, StepVersion
from schemas.registry import Registry
from streams.app import APP
from streams.codec import Codec
from streams.ids import request_id
from streams.lanes import lane_of
from streams.settings import Settings
from streams.setup import prepare
from streams.subjects import subjects
from streams.topics import topic_of
from tests.chaos.judge import TERMINAL, Judgement, Sample, judge
from tests.fakes import DIGEST_KEY
from tests.streams.fake_chain import chain

ROOT = Path(__file__).parents[2]
STEPS = chain()
ASKED = topic_of(QuestionAsked)
TICK_S = 0.01
SAMPLE_S = 1.0
LOOK_S = 3.0
SETTLE_POLL_S = 0.2
STOP_PATIENCE_S = 15.0  # a worker promises 10
DRAIN_PATIENCE_S = 180.0  # after the last fault
SETTLE_PATIENCE_S = 30.0  # for the commits behind the last answer
COPIED = 0.02  # share of questions that are published twice, as a client does that heard nothing


@dataclass(frozen=True)
class Plan:
    """What is done to the system; all of it follows from the seed."""

    seed: int
    questions: int
    seconds: float
    """How long questions are asked and faults happen."""
    workers: int = 2
    gap_s: float = 2.5
    """Between two faults, on the average."""
    pause_s: tuple[float, float] = (2.0, 6.0)
    tenants: int = 6
    sessions: int = 40


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that goes wrong."""

    at_s: float
    kind: str
    """kill, stop, pause or broker."""
    slot: int
    """Which worker, if it runs; else the next one that does."""
    for_s: float
    """Until the worker is started again, or goes on."""


def faults(plan: Plan) -> list[Fault]:
    """Draw the schedule: mostly kills, at least one of the broker."""
    chance = random.Random(f"faults {plan.seed}")
    drawn, at_s = [], chance.uniform(0.5, 1.5) * plan.gap_s
    while at_s < plan.seconds:
        kind = chance.choices(("kill", "stop", "pause", "broker"), (50, 20, 25, 5))[0]
        for_s = chance.uniform(*plan.pause_s) if kind == "pause" else chance.uniform(0, 2)
        drawn.append(Fault(at_s, kind, chance.randrange(plan.workers), for_s))
        at_s += chance.uniform(0.5, 1.5) * plan.gap_s
    if drawn and all(fault.kind != "broker" for fault in drawn):
        middle = drawn[len(drawn) // 2]
        drawn[len(drawn) // 2] = Fault(middle.at_s, "broker", 0, 0.0)
    return drawn


class Worker:
    """A worker slot: a process that is started again whenever it ended."""

    def __init__(self, slot: int, run: Path, marker: str, seed: int) -> None:
        self.slot = slot
        self.ready = run / f"worker-{slot}.ready"
        self.paused = self.stopping = False
        self._run = run
        self._marker = marker
        self._seed = seed
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.ready.unlink(missing_ok=True)
        self.paused = self.stopping = False
        self._starts += 1
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")}
        name = f"{self._seed}-{self.slot}-{self._starts}"
        with (self._run / f"worker-{self.slot}.log").open("ab") as log:
            log.write(f"--- start {name}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker", str(self._run), name],
                cwd=ROOT,
                env={
                    **kept,
                    "PLAYHEAD_READY_FILE": str(self.ready),
                    "PYTHONPATH": str(ROOT),
                    MARKER: self._marker,  # the stack's guard ends it if this process is killed
                },
                stderr=log,
            )

    @property
    def code(self) -> int | None:
        """Exit code once it has ended."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            assert self._process is not None
            self._process.send_signal(number)

    def end(self) -> None:
        """Kill, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.paused = self.stopping = False


class Load:
    """Questions of several tenants in many sessions; whose turn it is decides the seed."""

    def __init__(self, plan: Plan, settings: Settings, codec: Codec) -> None:
        self._chance = random.Random(f"load {plan.seed}")
        self._plan = plan
        self._settings = settings
        self._codec = codec
        self.acknowledged: set[str] = set()
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 0,
            }
        )

    def ask(self) -> None:
        """Publish one question; it is delivered later where the broker is away."""
        chance, plan = self._chance, self._plan
        session = chance.randrange(plan.sessions)
        tenant = session % plan.tenants
        lane = lane_of(
            f"tenant-{tenant}",
            f"session-{plan.seed}-{session}",
            self._settings.partitions,
            1 + tenant % self._settings.partitions,
        )
        fingerprint = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        request = request_id(f"tenant-{tenant}", fingerprint)
        event = QuestionAsked(
            meta=Meta(
                id=request,
                tenant=f"tenant-{tenant}",
                lane=lane,
                request=request,
                session=f"session-{plan.seed}-{session}",
                at=time.time_ns() // 1_000,
                step=StepVersion(name="chaos", code="chaos", configuration=""),
            ),
            subject=chance.choice(("hop", "answer")),
            text=Sealed(key="user/u", event=request, field="text", ciphertext=b"c" * 20),
            ask=Ask(deadline=time.time_ns() // 1_000 + 3_600_000_000),
        )
        value = self._codec.encode(event)
        for _ in range(2 if chance.random() < COPIED else 1):
            self._producer.produce(
                ASKED,
                value,
                event.meta.tenant.encode(),
                lane,
                on_delivery=lambda error, _: error or self.acknowledged.add(request),
            )
        self._producer.poll(0)

    def poll(self) -> None:
        self._producer.poll(0)

    def flush(self) -> int:
        """Wait for the broker; returns how many records it has not acknowledged."""
        return self._producer.flush(60)


def _looking(settings: Settings, group: str) -> Consumer:
    return Consumer({"bootstrap.servers": settings.kafka, "group.id": group, "log_level": 0})


class Watcher:
    """Looks at the commit positions and the ends of the topics, once a second, from a thread."""

    def __init__(self, settings: Settings) -> None:
        lanes = range(settings.partitions)
        self._reads = {
            step.name: [TopicPartition(topic_of(r), lane) for r in step.reads for lane in lanes]
            for step in STEPS
        }
        written = {topic_of(r) for step in STEPS for r in (*step.reads, *step.writes)}
        self._places = [
            TopicPartition(name, lane)
            for name in sorted(written | {topic_of(EventRejected)})
            for lane in lanes
        ]
        # consumers, though they consume nothing: librdkafka's admin client aborts the process
        # when its requests time out, which they do while the broker is away
        self._of_step = {step: _looking(settings, APP.format(step)) for step in self._reads}
        self._looking = _looking(settings, "chaos")
        self.samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for consumer in (*self._of_step.values(), self._looking):
            consumer.close()

    def sample(self) -> Sample:
        """Look once; raises KafkaException while the broker is away."""
        committed = {
            step: {
                (place.topic, place.partition): max(place.offset, 0)
                for place in self._of_step[step].committed(reads, timeout=LOOK_S)
            }
            for step, reads in self._reads.items()
        }
        ends = {
            (place.topic, place.partition): self._looking.get_watermark_offsets(
                place, timeout=LOOK_S
            )[1]
            for place in self._places
        }
        return Sample(committed, ends)

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            try:
                self.samples.append(self.sample())
            except KafkaException:
                continue

    def last(self) -> Sample:
        """Look once, again and again where the broker does not answer."""
        for _ in range(10):
            with contextlib.suppress(KafkaException):
                return self.sample()
        return self.sample()

    def behind(self) -> int:
        """Count the inputs that no step has acknowledged yet."""
        time.sleep(SETTLE_POLL_S)
        now = self.last()
        return sum(
            now.ends[place] - offset
            for positions in now.committed.values()
            for place, offset in positions.items()
        )


class Answers:
    """Reads along until every question has its end."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._codec = codec
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka,
                "group.id": f"chaos-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self._consumer.assign(
            [
                TopicPartition(topic_of(record), lane, 0)
                for record in TERMINAL
                for lane in range(settings.partitions)
            ]
        )
        self.requests: set[str] = set()

    def read(self, timeout_s: float) -> None:
        for message in self._consumer.consume(500, timeout_s):
            if not message.error():
                event = self._codec.decode_any(message.value())
                self.requests.add(event.meta.request)

    def close(self) -> None:
        self._consumer.close()


@dataclass
class Result:
    """How a run went."""

    plan: Plan
    judged: Judgement
    verified: Report
    done: Counter
    """Faults by kind; `died` counts workers that ended by themselves."""
    stuck: list[str] = field(default_factory=list)
    """Workers that would not stop, questions that had no answer in time."""
    recovery_s: float = 0.0
    """From the end of the faults to the last answer."""
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        diverged = [f"verify: {entry.as_json()}" for entry in self.verified.diverged]
        return [*self.stuck, *self.judged.failures, *diverged]

    @property
    def faults(self) -> int:
        return sum(self.done[kind] for kind in ("kill", "stop", "pause", "broker"))

    def __str__(self) -> str:
        judged, done = self.judged, self.done
        kinds = ("kill", "stop", "pause", "broker", "died")
        lines = [
            ("seed", f"{self.plan.seed}, {self.plan.workers} workers, fake steps and models"),
            (
                "questions",
                f"{judged.questions}: {judged.answered} answered, {judged.rejected} rejected",
            ),
            ("records", f"{judged.records}"),
            ("faults", ", ".join(f"{kind} {done[kind]}" for kind in kinds)),
            ("lost", f"{len(judged.lost)}"),
            ("duplicates", f"{len(judged.duplicates)}"),
            ("disorder", f"{len(judged.disorder)}"),
            (
                "offsets",
                f"{len(judged.offsets)} wrong in {judged.samples} samples, {judged.pending} pending",
            ),
            (
                "superseded",
                f"{judged.superseded} records, {judged.repeated} repeated runs, {judged.copies} copies",
            ),
            ("verify", f"{self.verified.equal} equal, {len(self.verified.diverged)} diverged"),
            ("recovery", f"{self.recovery_s:.1f} s after the last fault"),
            ("seconds", f"{self.seconds:.0f}"),
        ]
        if self.failures:
            lines += [("FAILED", failure[:300]) for failure in self.failures[:20]]
            lines.append(("reproduce", reproduce(self.plan)))
        else:
            questions, happened = bound(judged.questions), bound(self.faults)
            text = f"0 failures in {judged.questions} questions: < {questions} of them; "
            lines.append(("bound", f"{text}in {self.faults} faults: < {happened} (95 %)"))
        return "\n".join(f"{name:<11} {text}" for name, text in lines)


def bound(trials: int) -> str:
    """Spell the upper end of the 95 % interval after no failure: the rule of three."""
    return f"{min(1.0, 3 / trials):.2%}" if trials else "100%"


def reproduce(plan: Plan) -> str:
    """Spell the command that runs a plan again."""
    minutes = plan.seconds / 60
    return (
        f"make chaos SEED={plan.seed} QUESTIONS={plan.questions} MINUTES={minutes:g} "
        f"WORKERS={plan.workers}"
    )


class Chaos:
    """One run of the harness."""

    def __init__(self, plan: Plan, stack: Stack, say=lambda _: None) -> None:
        self._plan = plan
        self._stack = stack
        self._say = say
        self._settings = Settings.load(environment={}, run=stack.run)
        registry = Registry(self._settings.registry)
        registry.expect(subjects())
        self._codec = Codec(registry)
        self._workers = [
            Worker(slot, stack.run, stack._marker, plan.seed) for slot in range(plan.workers)
        ]
        self._later: list = []
        self._order = itertools.count()
        self._done: Counter = Counter()
        self._stuck: list[str] = []
        self._began = 0.0

    def run(self) -> Result:
        """Run it all; the stack must be up."""
        self._began = time.monotonic()
        prepare(self._settings)
        load = Load(self._plan, self._settings, self._codec)
        answers = Answers(self._settings, self._codec)
        try:
            with Watcher(self._settings) as watcher:
                for worker in self._workers:
                    worker.start()
                self._while(lambda: not any(w.ready.exists() for w in self._workers), 60)
                self._under_fire(load)
                recovery_s = self._drain(load, answers, watcher)
                self._stop_all()
                samples = watcher.samples
        finally:
            answers.close()
            for worker in self._workers:
                worker.end()
        log = BrokerLog(self._settings)
        try:
            judged = judge(log, STEPS, load.acknowledged, samples)
            verifier = Verifier(log, {}, lambda _: DIGEST_KEY, steps=STEPS)
            verified = asyncio.run(verifier.verify())
        finally:
            log.close()
        seconds = time.monotonic() - self._began
        return Result(self._plan, judged, verified, self._done, self._stuck, recovery_s, seconds)

    def _while(self, condition, patience_s: float) -> bool:
        """Tend the workers while a condition holds; say whether it ended in time."""
        deadline = time.monotonic() + patience_s
        while condition():
            if time.monotonic() > deadline:
                return False
            self._tend()
            time.sleep(TICK_S)
        return True

    def _under_fire(self, load: Load) -> None:
        plan, began, asked = self._plan, time.monotonic(), 0
        for fault in faults(plan):
            self._at(began + fault.at_s, lambda fault=fault: self._do(fault))

        def going_on() -> bool:
            nonlocal asked
            passed = time.monotonic() - began
            due = min(plan.questions, int(plan.questions * passed / plan.seconds))
            while asked < due:
                load.ask()
                asked += 1
            load.poll()
            return asked < plan.questions or passed < plan.seconds

        self._while(going_on, plan.seconds + 60)

    def _drain(self, load: Load, answers: Answers, watcher: Watcher) -> float:
        """Stop the faults, and wait until all is answered and acknowledged."""
        began = time.monotonic()
        self._stack.wait_ready("kafka")
        for worker in self._workers:
            if worker.paused:
                worker.signal(signal.SIGCONT)
                worker.paused = False
        if unsent := load.flush():
            self._stuck.append(f"{unsent} questions were not taken by the broker in 60 s")

        def missing() -> set[str]:
            answers.read(0.1)
            return load.acknowledged - answers.requests

        if not self._while(missing, DRAIN_PATIENCE_S):
            self._stuck.append(
                f"{len(missing())} questions had no answer {DRAIN_PATIENCE_S:g} s after the last fault"
            )
        recovery_s = time.monotonic() - began
        if not self._while(watcher.behind, SETTLE_PATIENCE_S):
            self._stuck.append(f"{watcher.behind()} inputs stayed unacknowledged")
        watcher.samples.append(watcher.last())
        return recovery_s

    def _stop_all(self) -> None:
        self._while(lambda: self._later, STOP_PATIENCE_S)
        for worker in self._workers:
            worker.stopping = True
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        while any(worker.running for worker in self._workers) and time.monotonic() < deadline:
            time.sleep(TICK_S)
        self._stuck += [
            f"worker {worker.slot} did not stop in {STOP_PATIENCE_S:g} s"
            for worker in self._workers
            if worker.running
        ]

    # ------------------------------------------------------------------ faults

    def _at(self, when: float, action) -> None:
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
                self._at(time.monotonic() + 1.0, worker.start)

    def _do(self, fault: Fault) -> None:
        now = time.monotonic()
        self._say(f"{now - self._began:6.1f} s  {fault.kind}")
        if fault.kind == "broker":
            if self._stack._keepers["kafka"].state is State.READY:
                self._stack.kill("kafka")
                self._done["broker"] += 1
            return
        found = [*self._workers[fault.slot :], *self._workers[: fault.slot]]
        worker = next((w for w in found if w.running and not w.paused and not w.stopping), None)
        if worker is None:
            self._done["none to hit"] += 1
            return
        self._done[fault.kind] += 1
        match fault.kind:
            case "kill":
                worker.end()
                self._at(now + fault.for_s, worker.start)
            case "stop":
                worker.stopping = True
                worker.signal(signal.SIGTERM)
                self._at(
                    now + STOP_PATIENCE_S, lambda it=worker._process: self._overdue(worker, it)
                )
            case "pause":
                worker.paused = True
                worker.signal(signal.SIGSTOP)
                self._at(now + fault.for_s, lambda it=worker._process: self._go_on(worker, it))

    def _go_on(self, worker: Worker, process) -> None:
        if worker._process is process:
            worker.signal(signal.SIGCONT)
            worker.paused = False

    def _overdue(self, worker: Worker, process) -> None:
        if worker._process is process and worker.running:
            self._stuck.append(f"worker {worker.slot} did not stop in {STOP_PATIENCE_S:g} s")
            worker.end()
            worker.start()


def run(plan: Plan, folder: Path, say=lambda _: None) -> Result:
    """Start a broker and a registry in a folder, run the plan, and stop everything again."""
    wish = Wish(names=frozenset({"kafka", "registry"}), free_ports=True)
    with Stack(folder, wish) as stack:
        return Chaos(plan, stack, say).run()


@click.command()
@click.option("--seed", type=int, help="Decides load and faults; drawn where it is not given.")
@click.option("--questions", type=int, default=10_000, show_default=True)
@click.option("--minutes", type=float, default=20.0, show_default=True)
@click.option("--workers", type=int, default=2, show_default=True)
@click.option(
    "--gap", type=float, default=Plan.gap_s, show_default=True, help="Seconds between faults."
)
@click.option("--pause-max", type=float, default=Plan.pause_s[1], show_default=True)
def main(seed, questions, minutes, workers, gap, pause_max):
    """Run the faults and print what the log shows; the exit code is 1 where it shows a failure."""
    seed = random.randrange(10**6) if seed is None else seed
    plan = Plan(
        seed, questions, minutes * 60, workers, gap, pause_s=(min(2.0, pause_max), pause_max)
    )
    folder = Path(tempfile.mkdtemp(prefix="playhead-chaos-"))
    result = run(plan, folder, lambda line: click.echo(line, err=True))
    click.echo(str(result))
    if result.failures:
        click.echo(f"logs        {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
