"""Lets a one-at-a-time consumer and the platform hold the same chats, in turns."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from bench.chats import questions
from bench.chats.crowd import GROUP, Chats, Crowd
from bench.chats.stub_server import stub_server
from bench.child import Child, running
from bench.figure_tables import figure_table
from bench.measured_topics import own_topics, platform_topics
from bench.spread import Spread, spread
from bench.transports.chain import Chain
from streams.settings import Settings
from worker.wiring import known_schemas

BASELINE = "one at a time"
OURS = "Playhead"
CROWDS = ((1, 40), (16, 160))
WARM_UP = 16


@dataclass(frozen=True)
class Crowds:
    """How much is measured."""

    rounds: int = 3
    chats: tuple[tuple[int, int], ...] = CROWDS
    """Pairs of askers and chats of a round."""
    warm_up: int = WARM_UP


@dataclass(frozen=True)
class CrowdRow:
    """One program with one size of crowd, over the rounds."""

    program: str
    at_once: int
    chats: int
    """Of one round."""
    rate: Spread
    """Chats a second; its ratio, as the others, to the baseline with the same crowd."""
    first_p50_ms: Spread
    """Time to the first text."""
    first_p95_ms: Spread
    whole_p50_ms: Spread
    cpu_ms: Spread
    """Of the program, for one chat: the steadier figure on a shared machine."""


def contest(
    settings: Settings, plan: Crowds, say: Callable[[str], None]
) -> tuple[list[CrowdRow], dict[str, Any]]:
    """Measure all; returns the rows and how they were measured."""
    with stub_server(settings.run) as triton:
        programs = {
            BASELINE: lambda: _one_at_a_time(settings, triton, plan),
            OURS: lambda: _platform(settings, triton, plan),
        }
        turns = in_turns(programs, plan, say)
    about = {
        "stub": {"first_ms": 20, "token_ms": 5, "tokens": questions.TOKENS},
        "tenants": 1,
        "window": settings.window,
    }
    return rows(turns), about


def in_turns(
    programs: Mapping[str, Callable[[], list[Chats]]], plan: Crowds, say: Callable[[str], None]
) -> dict[tuple[str, int], list[Chats]]:
    """Let each program meet its crowds once a round; by program and size of the crowd."""
    turns: dict[tuple[str, int], list[Chats]] = {}
    for number in range(1, plan.rounds + 1):
        for program, measure in programs.items():
            for crowd in measure():
                turns.setdefault((program, crowd.at_once), []).append(crowd)
                say(
                    f"round {number} of {plan.rounds}: {program}, {crowd.at_once} at once:"
                    f" {crowd.rate:.1f} chats/s, first text {crowd.first_p50_ms:.0f} ms,"
                    f" CPU {crowd.cpu_ms:.0f} ms a chat"
                )
    return turns


def rows(turns: dict[tuple[str, int], list[Chats]]) -> list[CrowdRow]:
    """Sum the rounds up, each beside the baseline's of the same crowd and round."""
    table = []
    for (program, at_once), rounds in turns.items():
        base = turns.get((BASELINE, at_once), [])

        def over(name: str, rounds: Sequence[Chats] = rounds, base: Any = base) -> Spread:
            return spread(
                [getattr(each, name) for each in rounds], [getattr(each, name) for each in base]
            )

        table.append(
            CrowdRow(
                program,
                at_once,
                rounds[0].chats,
                over("rate"),
                over("first_p50_ms"),
                over("first_p95_ms"),
                over("whole_p50_ms"),
                over("cpu_ms"),
            )
        )
    return sorted(table, key=lambda row: row.at_once)


def _one_at_a_time(settings: Settings, triton: str, plan: Crowds) -> list[Chats]:
    name = f"bench-chats-{uuid.uuid4().hex[:8]}"
    topics = (f"{name}-asked", f"{name}-told")
    chain = Chain(settings.kafka, settings.registry, str(settings.run), name, topics)
    with (
        own_topics(settings, topics, 1, (name, GROUP)),
        running(f"{__package__}.one_at_a_time", chain.argument(), triton) as child,
    ):
        return _chats(settings, questions.PlainLanguage(*topics), 1, child, plan)


def _platform(settings: Settings, triton: str, plan: Crowds) -> list[Chats]:
    with (
        platform_topics(settings, (GROUP,)),
        running(f"{__package__}.worker", str(settings.run), triton, str(settings.window)) as child,
    ):
        language = questions.PlatformLanguage(settings, known_schemas(settings))
        return _chats(settings, language, settings.partitions, child, plan)


def _chats(
    settings: Settings, language: questions.Language, partitions: int, child: Child, plan: Crowds
) -> list[Chats]:
    crowd = Crowd.on(settings.kafka, language, partitions, child)
    try:
        crowd.chat(1, plan.warm_up)
        return [crowd.chat(at_once, chats) for at_once, chats in plan.chats]
    finally:
        crowd.close()


def as_json(rows: Sequence[CrowdRow], about: dict[str, Any]) -> dict[str, Any]:
    """Return one JSON object."""
    return {**about, "rows": [asdict(row) for row in rows]}


def show(rows: Sequence[CrowdRow], about: dict[str, Any], console: Console) -> None:
    """Print the table."""
    stub = about["stub"]
    console.print(
        f"chats of one tenant in one worker; a stub model on Triton: {stub['first_ms']} ms to the"
        f" first token, {stub['token_ms']} ms to each further one, {stub['tokens']} tokens;"
        f" x = ratio to {BASELINE}"
    )
    first = ("first text p50 ms", "x", "p95 ms")
    table = figure_table(
        "program", "at once", "chats/s", "x", *first, "whole p50 ms", "CPU ms a chat"
    )
    for row in rows:
        table.add_row(
            row.program,
            str(row.at_once),
            str(row.rate),
            row.rate.times,
            str(row.first_p50_ms),
            row.first_p50_ms.times,
            str(row.first_p95_ms),
            str(row.whole_p50_ms),
            str(row.cpu_ms),
        )
    console.print(table)
