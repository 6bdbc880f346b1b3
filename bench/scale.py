"""What more worker processes bring: the question's chain of no-op steps, in 1, 2 and 4 of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from bench import handing_on
from bench.child import Child, running
from bench.figure_tables import figure_table
from bench.measured_topics import platform_topics
from bench.spread import Spread, spread
from bench.transports.chain import Chain
from bench.transports.drive import BURST_S, Burst, Drive
from bench.transports.inputs import AskedInputs
from streams.settings import Settings
from worker.wiring import known_schemas

WORKERS = (1, 2, 4)
HOPS = 5  # as many as a question's way to its answer
GROUP = "bench-scale"
WARM_UP = 1_000
SETTLE_S = 15.0  # for all workers to share the lanes out
PROGRAM = f"{__package__}.transports.playhead"


@dataclass(frozen=True)
class Scaling:
    """How much is measured."""

    rounds: int = 3
    workers: tuple[int, ...] = WORKERS
    """The first is what the others stand beside."""
    warm_up: int = WARM_UP
    settle_s: float = SETTLE_S
    burst_s: float = BURST_S


@dataclass(frozen=True)
class ScaleRow:
    """One number of workers, over the rounds."""

    workers: int
    hop_rate: Spread
    """Hop-events a second; its ratio, as the others, to one worker."""
    cpu_us: Spread
    cpus: Spread
    """Cores that the workers kept busy; the rest goes to broker, driver and other programs."""
    idle_share: Spread
    """Share of the machine's CPU time that nobody took."""


def contest(settings: Settings, plan: Scaling, say: Callable[[str], None]) -> list[ScaleRow]:
    """Measure each number of workers on a stack. Raises what a failed worker raises."""
    return rows(in_turns(plan, lambda workers: _turn(settings, plan, workers), say))


def in_turns(
    plan: Scaling, take: Callable[[int], Burst], say: Callable[[str], None]
) -> dict[int, list[Burst]]:
    """Measure each number of workers once a round; say of each turn what it reached."""
    turns: dict[int, list[Burst]] = {workers: [] for workers in plan.workers}
    for number in range(1, plan.rounds + 1):
        for workers in plan.workers:
            turn = take(workers)
            turns[workers].append(turn)
            reached = f"{workers} workers: {turn.hop_rate:,.0f} hop-events/s"
            say(f"round {number} of {plan.rounds}: {reached}")
    return turns


def rows(turns: dict[int, list[Burst]]) -> list[ScaleRow]:
    """Sum the rounds up, each beside the first number of workers in the same round."""
    base = next(iter(turns.values()))

    def over(workers: int, figure: Callable[[Burst], float]) -> Spread:
        return spread([figure(each) for each in turns[workers]], [figure(each) for each in base])

    return [
        ScaleRow(
            workers,
            over(workers, lambda burst: burst.hop_rate),
            over(workers, lambda burst: burst.cpu_us),
            over(workers, lambda burst: burst.cpu_us * burst.hop_rate / 1e6),
            over(workers, lambda burst: burst.idle_share),
        )
        for workers in turns
    ]


def _turn(settings: Settings, plan: Scaling, workers: int) -> Burst:
    topics = handing_on.HOP_TOPICS[: HOPS + 1]
    chain = Chain(settings.kafka, settings.registry, str(settings.run), GROUP, topics)
    with platform_topics(settings, (GROUP,)), _workers(chain, workers) as children:
        drive = Drive.on(chain, AskedInputs(known_schemas(settings)), children)
        try:
            drive.warm_up(plan.warm_up)
            if workers > 1:
                time.sleep(plan.settle_s)
                drive.warm_up(plan.warm_up)
            return drive.burst(plan.burst_s)
        finally:
            drive.close()


@contextmanager
def _workers(chain: Chain, count: int) -> Iterator[list[Child]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running(PROGRAM, chain.argument())) for _ in range(count)]


def as_json(rows: Sequence[ScaleRow]) -> dict[str, Any]:
    """Return one JSON object."""
    return {"hops": HOPS, "rows": [asdict(row) for row in rows]}


def show(rows: Sequence[ScaleRow], console: Console) -> None:
    """Print the table."""
    console.print(
        f"{HOPS} no-op hops with every guarantee on; x = ratio to one worker;"
        " idle is a share of the machine's CPU time"
    )
    table = figure_table("workers", "hop-events/s", "x", "CPU µs a hop", "workers' cores", "idle")
    for row in rows:
        table.add_row(
            str(row.workers),
            str(row.hop_rate),
            row.hop_rate.times,
            str(row.cpu_us),
            str(row.cpus),
            str(row.idle_share),
        )
    console.print(table)
