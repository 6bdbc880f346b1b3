"""The part `peers`: all programs side by side, on one stack and in one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.answers.figures import Figure
from bench.answers.verifying import verify_log
from bench.figure_tables import figure_table
from bench.peers.askers import PeerAddress
from bench.peers.contestants import (
    HAYSTACK,
    PLAYHEAD,
    Contestant,
    await_work,
    haystack,
    playhead,
    quix,
)
from bench.peers.corpus import ASKED, places
from bench.peers.document_rates import (
    DATA,
    SETS,
    HaystackShelf,
    PeerDocuments,
    PlatformShelf,
    documents_of,
    fill,
)
from bench.peers.peer_goals import PeerGoal, goals
from bench.peers.quix_topics import GENERATING
from bench.peers.visits import PeerRow, PeersPlan, peer_rows, rows_as_json, visit_all
from bench.spread import Spread, number, spread
from edge.client.local_keys import LocalKeys
from streams.settings import Settings


@dataclass(frozen=True)
class PeerFigures:
    """All that was measured."""

    rows: list[PeerRow]
    ingest: dict[str, dict[str, Spread]]
    """Set -> program -> documents a second."""
    verified: Figure
    absent: tuple[str, ...] = ()
    """Sets that are not there."""
    load: list[tuple[float, float, float]] = field(default_factory=list)
    """Of the machine, before and after."""

    @property
    def goals(self) -> list[PeerGoal]:
        """What is to be reached, beside what was."""
        ours = {name: programs[PLAYHEAD] for name, programs in self.ingest.items()}
        return goals(self.rows, ours)

    def as_json(self) -> dict[str, Any]:
        """Return one JSON object."""
        return {
            "rows": rows_as_json(self.rows),
            "ingest": {
                name: {program: asdict(one) for program, one in programs.items()}
                for name, programs in self.ingest.items()
            },
            "absent": list(self.absent),
            "goals": [{**asdict(goal), "reached": goal.reached} for goal in self.goals],
            "verified": {**asdict(self.verified), "ratio": self.verified.ratio},
            "load": self.load,
        }


def measure(
    settings: Settings,
    model: tuple[str, str],
    plan: PeersPlan,
    say: Callable[[str], None],
    data: Path = DATA,
) -> PeerFigures:
    """Measure on a running stack that was started with what `contestants` says."""
    load = [os.getloadavg()]
    with ExitStack() as stack:
        ours = playhead(settings)
        theirs = stack.enter_context(haystack(settings, model))
        known = [(one.uri, "text/plain", one.text) for one in places()]
        say(f"{len(known)} passages for each")
        fill(HaystackShelf, theirs.address, known)
        fill(PlatformShelf, ours.address, known)
        programs = [theirs, stack.enter_context(quix(settings, model)), ours]
        for one in programs:
            await_work(one)
        rows = peer_rows(visit_all(programs, plan, say))
        ingest, absent = _ingested(settings, theirs, ours, plan, say, data)
    say("the log of this run is verified")
    verified = verify_log(settings)
    load.append(os.getloadavg())
    return PeerFigures(rows, ingest, verified, absent, load)


def _ingested(
    settings: Settings,
    theirs: Contestant,
    ours: Contestant,
    plan: PeersPlan,
    say: Callable[[str], None],
    data: Path,
) -> tuple[dict[str, dict[str, Spread]], tuple[str, ...]]:
    """Put documents of each set in, A P P A; those of a visit are a tenant's or a name's own."""
    found: dict[str, dict[str, Spread]] = {}
    absent = []
    for name in SETS if plan.documents != 0 else ():
        documents = documents_of(name, data, plan.documents)
        if documents is None:
            absent.append(name)
            say(f"{name}: no {data / SETS[name][0]}: left out")
            continue
        found[name] = _rates(settings, theirs, ours, name, documents)
        for program, rate in found[name].items():
            say(f"{name}: {program}: {rate} documents/s")
    return found, tuple(absent)


def _rates(
    settings: Settings, theirs: Contestant, ours: Contestant, name: str, documents: PeerDocuments
) -> dict[str, Spread]:
    rates: Mapping[str, list[float]] = {HAYSTACK: [], PLAYHEAD: []}
    keys = LocalKeys(settings)
    for number_, program in enumerate((theirs, ours, ours, theirs)):
        rows = [
            (f"{name}-{number_}/{index}", documents.media_type, text)
            for index, text in enumerate(documents.texts)
        ]
        if program is theirs:
            rate = fill(HaystackShelf, theirs.address, rows)
        else:
            key = keys.key(f"{name}-{number_}")  # the documents of a tenant's own
            rate = fill(
                PlatformShelf,
                PeerAddress(ours.address.url, {"Authorization": f"Bearer {key}"}),
                rows,
            )
        rates[program.name].append(rate)
    base = rates[HAYSTACK]
    return {program: spread(values, base) for program, values in rates.items()}


def show(figures: PeerFigures, console: Console) -> None:
    """Print the tables."""
    console.print(
        f"chats of one tenant over HTTP; the same stub model (20 ms to the first token, 5 ms to"
        f" each further one), embedder and index of {len(places())} passages, {ASKED} of each"
        f" length asked about; Quix: 1 process that prepares, {GENERATING} that generate; x ="
        f" ratio to {HAYSTACK}; CPU beside models and index; (both visits)"
    )
    table = figure_table("program", "tokens", "users", "chats/s", "x", "first text p50 ms", "x")
    for name in ("p95 ms", "CPU ms a chat", "x", "by process", "came again", "degraded"):
        table.add_column(name, justify="right")
    for row in figures.rows:
        table.add_row(
            row.program,
            str(row.tokens),
            str(row.users),
            str(row.rate),
            row.rate.times,
            str(row.first_p50_ms),
            row.first_p50_ms.times,
            number(row.first_p95_ms.median),
            str(row.own_cpu_ms),
            row.own_cpu_ms.times,
            " ".join(f"{name} {number(value)}" for name, value in row.cpu_ms.items()),
            str(row.refused),
            str(row.degraded),
        )
    console.print(table)
    _show_memory(figures.rows, console)
    _show_ingest(figures, console)
    _show_goals(figures.goals, console)
    one = figures.verified
    console.print(
        f"\n{one.name}: {one.value:,.0f} {one.unit}, {one.ratio:.2f} of {one.against}; nothing"
        f" differs. Load of the machine: {figures.load[0][0]:.1f} before, {figures.load[-1][0]:.1f}"
        " after"
    )


def _show_memory(rows: Sequence[PeerRow], console: Console) -> None:
    table = figure_table("memory, PSS MB", "users", "by process")
    for row in rows:
        last = row.users == max(other.users for other in rows)
        if last and row.tokens == rows[0].tokens:
            by = " ".join(f"{name} {value:,.0f}" for name, value in row.pss_mb.items())
            table.add_row(row.program, str(row.users), by)
    console.print()
    console.print(table)


def _show_ingest(figures: PeerFigures, console: Console) -> None:
    table = figure_table("documents to searchable", "program", "documents/s", "x")
    for name, programs in figures.ingest.items():
        for program, rate in programs.items():
            table.add_row(name, program, str(rate), rate.times)
    console.print()
    if figures.ingest:
        console.print(table)
    for name in figures.absent:
        console.print(f"{name}: left out, since {SETS[name][0]} is not in ../shared/evaldata")


def _show_goals(reached: Sequence[PeerGoal], console: Console) -> None:
    table = figure_table("goal", "measured", "is to be", "of", "reached")
    for goal in reached:
        bound = f"{'>=' if goal.at_least else '<='} {goal.bound:g}"
        measured = "not measured" if goal.value is None else number(goal.value)
        said = {True: "yes", False: "no", None: ""}[goal.reached]
        table.add_row(goal.name, measured, bound, goal.unit, said)
    console.print()
    console.print(table)
