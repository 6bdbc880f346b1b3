"""Lets the contenders take turns, each as a process of its own, and clears up behind them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaException

from bench import handing_on
from bench.child import MeasurementFailed, running
from bench.measured_topics import own_topics, platform_topics
from bench.transports.chain import HOPS, PARTITIONS, Chain
from bench.transports.contenders import OURS, Contender
from bench.transports.drive import BURST_S, Burst, Drive, Latency
from bench.transports.inputs import AskedInputs, PlainInputs
from streams.settings import Settings
from worker.wiring import known_schemas

WARM_UP = 500  # events: connections, caches, the interpreter's own
RATES = (20.0, 100.0)  # events a second
LATENCY_S = 8.0  # at each rate


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 3
    rates: tuple[float, ...] = RATES
    latency_s: float = LATENCY_S
    hops: int = HOPS
    warm_up: int = WARM_UP
    """Events before anything is measured."""
    burst_s: float = BURST_S
    """How long a burst lasts at least."""


@dataclass(frozen=True)
class ContenderTurn:
    """What one contender reached in one round."""

    contender: str
    burst: Burst | None = None
    latencies: tuple[Latency, ...] = ()
    value_bytes: int = 0
    copies: int = 0
    disorders: int = 0
    failure: str = ""
    """Why there are no figures; empty if there are."""


def contest(
    settings: Settings, entries: Sequence[Contender], plan: Plan, say: Callable[[str], None]
) -> list[ContenderTurn]:
    """Run all rounds on a stack. A contender that fails fails alone."""
    return in_turns(entries, plan, lambda entry: take_turn(settings, entry, plan), say)


def in_turns(
    entries: Sequence[Contender],
    plan: Plan,
    take: Callable[[Contender], ContenderTurn],
    say: Callable[[str], None],
) -> list[ContenderTurn]:
    """Let every contender take one turn in each round; say of each turn how it went."""
    turns = []
    for number in range(1, plan.rounds + 1):
        for entry in entries:
            began = time.perf_counter()
            turn = take(entry)
            turns.append(turn)
            said = turn.failure or (turn.burst and f"{turn.burst.hop_rate:,.0f} hop-events/s")
            took = time.perf_counter() - began
            say(f"round {number} of {plan.rounds}: {entry.name}: {said} ({took:.0f} s)")
    return turns


def take_turn(settings: Settings, entry: Contender, plan: Plan) -> ContenderTurn:
    """Measure one contender over fresh topics."""
    try:
        with (
            chain_of(settings, entry, plan.hops) as chain,
            running(f"{__package__}.{entry.module}", chain.argument()) as child,
        ):
            inputs = AskedInputs(known_schemas(settings)) if entry.name == OURS else PlainInputs()
            drive = Drive.on(chain, inputs, (child,))
            try:
                drive.warm_up(plan.warm_up)
                burst = drive.burst(plan.burst_s)
                latencies = tuple(drive.latency(rate, plan.latency_s) for rate in plan.rates)
            finally:
                drive.close()
            tally = drive.tally
            return ContenderTurn(
                entry.name, burst, latencies, drive.value_bytes, tally.copies, tally.disorders
            )
    except (MeasurementFailed, KafkaException, TimeoutError) as error:
        return ContenderTurn(entry.name, failure=f"{type(error).__name__}: {error}")


@contextmanager
def chain_of(settings: Settings, entry: Contender, hops: int) -> Iterator[Chain]:
    """Make the topics of one turn; they are forgotten at its end."""
    group = f"bench-{entry.module}-{uuid.uuid4().hex[:8]}"
    groups = (group, f"{group}-end")
    if entry.name == OURS:
        topics = handing_on.HOP_TOPICS[: hops + 1]
        made = platform_topics(settings, groups)
    else:
        topics = tuple(f"{group}-{number}" for number in range(hops + 1))
        made = own_topics(settings, topics, PARTITIONS, groups)
    with made:
        yield Chain(settings.kafka, settings.registry, str(settings.run), group, topics)
