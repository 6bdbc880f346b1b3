"""The contenders' figures as tables for people and as one document for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from rich.console import Console

from bench.figure_tables import figure_table
from bench.spread import Spread, spread
from bench.transports.contenders import BASELINE, Contender, Guarantee
from bench.transports.contest import ContenderTurn, Plan
from bench.transports.drive import Latency


@dataclass(frozen=True)
class Paced:
    """Times at one rate, over the rounds."""

    rate: float
    p50_ms: Spread
    p95_ms: Spread
    p99_ms: Spread
    hop_ms: Spread


@dataclass(frozen=True)
class ContenderRow:
    """One contender over all rounds."""

    contender: Contender
    rounds: int
    """Those that it came through."""
    failures: tuple[str, ...]
    hop_rate: Spread | None = None
    """Hop-events a second; None, as the next one, where no round has figures."""
    cpu_us: Spread | None = None
    paced: tuple[Paced, ...] = ()
    value_bytes: int = 0
    copies: int = 0
    disorders: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        values = asdict(self)
        entry = self.contender
        values["contender"] = entry.name
        values["versions"] = {name: version(name) for name in entry.distributions}
        values["guarantees"] = [str(each) for each in Guarantee if each in entry.guarantees]
        return values


def rows(
    entries: Sequence[Contender], turns: Sequence[ContenderTurn], plan: Plan
) -> list[ContenderRow]:
    """Sum the turns up, each contender beside the baseline of the same rounds."""
    of = {entry.name: [t for t in turns if t.contender == entry.name] for entry in entries}
    base = of.get(BASELINE, [])
    return [_row(entry, of[entry.name], base, plan) for entry in entries]


def _row(
    entry: Contender, turns: Sequence[ContenderTurn], base: Sequence[ContenderTurn], plan: Plan
) -> ContenderRow:
    failures = tuple(turn.failure for turn in turns if turn.failure)
    done = [number for number, turn in enumerate(turns) if turn.burst is not None]
    if not done:
        return ContenderRow(entry, 0, failures)

    def over(figure: Callable[[ContenderTurn], float]) -> Spread:
        beside = [
            figure(base[number]) if number < len(base) and base[number].burst else None
            for number in done
        ]
        return spread([figure(turns[number]) for number in done], beside)

    def at(place: int, figure: Callable[[Latency], float]) -> Spread:
        return over(lambda turn: figure(turn.latencies[place]))

    return ContenderRow(
        entry,
        len(done),
        failures,
        hop_rate=over(lambda turn: turn.burst.hop_rate if turn.burst else 0.0),
        cpu_us=over(lambda turn: turn.burst.cpu_us if turn.burst else 0.0),
        paced=tuple(
            Paced(
                rate,
                at(place, lambda latency: latency.p50_ms),
                at(place, lambda latency: latency.p95_ms),
                at(place, lambda latency: latency.p99_ms),
                at(place, lambda latency: latency.hop_ms),
            )
            for place, rate in enumerate(plan.rates)
        ),
        value_bytes=turns[done[-1]].value_bytes,
        copies=sum(turns[number].copies for number in done),
        disorders=sum(turns[number].disorders for number in done),
    )


def show(rows: Sequence[ContenderRow], plan: Plan, console: Console) -> None:
    """Print the tables. A ratio stands beside what it is of, to stock Faust in the same rounds."""
    console.print(
        f"{plan.hops} no-op hops in one process, acks=all; median of {plan.rounds} rounds"
        f" (lowest–highest), x = ratio to {BASELINE} in the same rounds"
    )
    table = figure_table("program", "hop-events/s", "x", "CPU µs a hop", "x", "value bytes")
    for row in rows:
        if row.hop_rate is None or row.cpu_us is None:
            table.add_row(row.contender.name, "failed")
            continue
        table.add_row(
            row.contender.name,
            str(row.hop_rate),
            row.hop_rate.times,
            str(row.cpu_us),
            row.cpu_us.times,
            str(row.value_bytes),
        )
    console.print(table)
    console.print()
    table = figure_table("promises", *Guarantee)
    for row in rows:
        entry = row.contender
        table.add_row(
            entry.name, *("yes" if each in entry.guarantees else "-" for each in Guarantee)
        )
    console.print(table)
    for place, rate in enumerate(plan.rates):
        table = figure_table(
            f"at {rate:g} events/s", "p50 ms", "x", "p95 ms", "p99 ms", "a hop, p50 ms"
        )
        for row in rows:
            if row.paced:
                paced = row.paced[place]
                table.add_row(
                    row.contender.name,
                    str(paced.p50_ms),
                    paced.p50_ms.times,
                    str(paced.p95_ms),
                    str(paced.p99_ms),
                    str(paced.hop_ms),
                )
        console.print()
        console.print(table)
    for row in rows:
        if row.failures or row.copies or row.disorders:
            console.print(
                f"{row.contender.name}: {row.copies} copies, {row.disorders} out of order;"
                f" failed rounds: {'; '.join(row.failures) or 'none'}",
                soft_wrap=True,
            )
