"""Lets the contenders take turns, each as a process of its own, and clears up behind them."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.bench.transports import noop_steps
from infra.bench.transports.chain import HOPS, PARTITIONS, Chain
from infra.bench.transports.contenders import OURS, Contender
from infra.bench.transports.drive import Burst, Drive, Latency, Stuck
from infra.bench.transports.inputs import Asked, Plain
from streams.settings import Settings
from streams.setup import create_topics
from streams.topics import TOPICS

ROOT = Path(__file__).parents[3]
WARM_UP = 500  # events: connections, caches, the interpreter's own
RATES = (20.0, 100.0)  # events a second
LATENCY_S = 8.0  # at each rate
STOP_S = 15.0  # for a contender to end after SIGTERM
TOPICS_S = 30.0  # for the broker to make or forget topics
LAST_LINES = 5  # of what a failed contender said


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    rates: tuple[float, ...] = RATES
    latency_s: float = LATENCY_S
    hops: int = HOPS


@dataclass(frozen=True)
class Turn:
    """What one contender reached in one round."""

    contender: str
    burst: Burst | None = None
    latencies: tuple[Latency, ...] = ()
    value_bytes: int = 0
    copies: int = 0
    disorders: int = 0
    failure: str = ""
    """Why there are no figures; empty if there are."""


class Failed(Exception):
    """A contender's process ended before it was told to."""


def contest(
    settings: Settings, entries: Sequence[Contender], plan: Plan, say: Callable[[str], None]
) -> list[Turn]:
    """Run all rounds: in each, every contender has one turn. One that fails fails alone."""
    turns = []
    for number in range(1, plan.rounds + 1):
        for entry in entries:
            began = time.perf_counter()
            turn = take_turn(settings, entry, plan)
            turns.append(turn)
            said = turn.failure or (turn.burst and f"{turn.burst.hop_rate:,.0f} hop-events/s")
            took = time.perf_counter() - began
            say(f"round {number} of {plan.rounds}: {entry.name}: {said} ({took:.0f} s)")
    return turns


def take_turn(settings: Settings, entry: Contender, plan: Plan) -> Turn:
    """Measure one contender over fresh topics."""
    try:
        with chain_of(settings, entry, plan.hops) as chain, running(entry, chain) as child:
            inputs = Asked(settings.registry) if entry.name == OURS else Plain()
            drive = Drive(chain, inputs, psutil.Process(child.pid), child.check)
            try:
                drive.warm_up(WARM_UP)
                burst = drive.burst()
                latencies = tuple(drive.latency(rate, plan.latency_s) for rate in plan.rates)
            finally:
                drive.close()
            return Turn(
                entry.name, burst, latencies, drive.value_bytes, drive.copies, drive.disorders
            )
    except (Failed, Stuck, KafkaException, TimeoutError) as error:
        return Turn(entry.name, failure=f"{type(error).__name__}: {error}")


class Child:
    """A contender's process, with its output in a file."""

    def __init__(self, entry: Contender, chain: Chain, output: Path) -> None:
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - a module of ours
                [
                    sys.executable,
                    "-m",
                    f"{__package__}.{entry.module}",
                    chain.argument(),
                ],
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def check(self) -> None:
        """Raise Failed, with its last words, if it has ended."""
        if (code := self._process.poll()) is not None:
            lines = self._output.read_text(errors="replace").strip().splitlines()
            words = " | ".join(line.strip()[:200] for line in lines[-LAST_LINES:])
            raise Failed(f"ended with {code}: {words or 'no word'}")

    def stop(self) -> None:
        """End it, gently first."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(entry: Contender, chain: Chain) -> Iterator[Child]:
    """Run a contender."""
    with tempfile.TemporaryDirectory(prefix="playhead-contender-") as folder:
        child = Child(entry, chain, Path(folder) / "output")
        try:
            yield child
        finally:
            child.stop()


@contextmanager
def chain_of(settings: Settings, entry: Contender, hops: int) -> Iterator[Chain]:
    """Make the topics of one turn; forget them and the consumer groups at its end.

    Playhead's names are fixed, so no worker may run on this broker meanwhile.
    """
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    run = uuid.uuid4().hex[:8]
    group = f"bench-{entry.module}-{run}"
    if entry.name == OURS:
        used = tuple(topic.name for topic in TOPICS)
        topics = noop_steps.TOPICS[: hops + 1]
        groups = [f"playhead-{step.name}" for step in noop_steps.steps(hops)]
        forget(admin, used, groups)
        create_topics(settings)
    else:
        topics = used = tuple(f"{group}-{number}" for number in range(hops + 1))
        groups = [group]
        for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics]).values():
            made.result()
    chain = Chain(settings.kafka, settings.registry, str(settings.run), group, topics)
    try:
        yield chain
    finally:
        forget(admin, used, [*groups, f"{group}-end"])


def forget(admin: AdminClient, topics: Sequence[str], groups: Sequence[str]) -> None:
    """Delete topics and consumer groups, and wait until the broker shows them no more."""
    known = admin.list_topics(timeout=TOPICS_S).topics
    present = [name for name in topics if name in known]
    if present:
        for deleted in admin.delete_topics(present, operation_timeout=TOPICS_S).values():
            deleted.result()
    for left in admin.delete_consumer_groups(list(groups)).values():
        with suppress(KafkaException):  # it was never used
            left.result()
    deadline = time.monotonic() + TOPICS_S
    while set(admin.list_topics(timeout=TOPICS_S).topics) & set(present):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker still shows deleted topics after {TOPICS_S:g} s")
        time.sleep(0.1)
