"""What was measured of one program with so many sockets, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from bench.child import MeasurementFailed
from bench.figure_tables import figure_table
from bench.sockets.held_sockets import TokenArrivals
from bench.spread import number, percentiles

ERRORS_SHOWN = 3


@dataclass(frozen=True)
class SocketFigures:
    """One program with so many idle sockets, some more streaming."""

    program: str
    idle: int
    held_kib: float
    """Resident memory of the process that came with each idle socket."""
    connect_ms: float
    """CPU of the process for one to connect."""
    idle_ms: float
    """CPU a second for all sockets while nothing is said, above what it uses without any."""
    token_us: float
    """CPU of the process for a streamed token, above what it uses while idle."""
    broker_us: float
    """CPU of the broker for a streamed token; 0 where none is between."""
    p50_ms: float
    """From a token's sending, before it is put on the log, to its reading by the client."""
    p99_ms: float
    tokens: int
    errors: tuple[str, ...]

    def line(self) -> str:
        """Tell it in a line."""
        return (
            f"{self.idle:,} sockets, {self.program}: {self.held_kib:.1f} KiB each,"
            f" {self.token_us:.0f} us CPU a token, p50 {self.p50_ms:.1f} ms,"
            f" p99 {self.p99_ms:.0f} ms, {len(self.errors)} errors"
        )


def figures_of(
    program: str,
    idle: int,
    *,
    held_kib: float,
    connect_ms: float,
    idle_ms: float,
    token_us: float,
    broker_us: float,
    arrivals: TokenArrivals,
) -> SocketFigures:
    """Sum up; raises MeasurementFailed where hardly a token came."""
    if len(arrivals.latencies_s) < 2:
        raise MeasurementFailed(f"{program}: no tokens came: {'; '.join(arrivals.errors[:3])}")
    p50, _, p99 = percentiles([latency * 1000 for latency in arrivals.latencies_s])
    return SocketFigures(
        program,
        idle,
        held_kib,
        connect_ms,
        idle_ms,
        token_us,
        broker_us,
        p50,
        p99,
        len(arrivals.latencies_s),
        tuple(arrivals.errors),
    )


def as_json(found: Sequence[SocketFigures]) -> list[dict[str, Any]]:
    """Return the rows as JSON has them."""
    return [asdict(one) for one in found]


def show(found: Sequence[SocketFigures], console: Console) -> None:
    """Print the table; the first program of each size is what the others are beside."""
    console.print(
        "idle WebSockets and some that stream, in one process; x = ratio to the first of the size"
    )
    held = ("KiB each", "x", "connect ms", "idle CPU ms/s")
    token = ("tokens", "CPU us a token", "x", "broker us", "p50 ms", "x", "p99 ms", "x", "errors")
    table = figure_table("program", "idle", *held, *token)
    base: dict[int, SocketFigures] = {}
    for one in found:
        first = base.setdefault(one.idle, one)
        table.add_row(
            one.program,
            f"{one.idle:,}",
            number(one.held_kib),
            _times(one.held_kib, first.held_kib),
            number(one.connect_ms),
            number(one.idle_ms),
            f"{one.tokens:,}",
            number(one.token_us),
            _times(one.token_us, first.token_us),
            number(one.broker_us),
            number(one.p50_ms),
            _times(one.p50_ms, first.p50_ms),
            number(one.p99_ms),
            _times(one.p99_ms, first.p99_ms),
            str(len(one.errors)),
        )
    console.print(table)
    for one in found:
        for error in one.errors[:ERRORS_SHOWN]:
            console.print(f"{one.program}, {one.idle:,}: {error}", style="red")


def _times(value: float, base: float) -> str:
    return f"{number(value / base)}x" if base > 0 else ""
