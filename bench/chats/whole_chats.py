"""What a chat costs on the whole platform, and where its time to the first text goes.

Chats go the way that a user's go, over HTTP and through everything, with a stub as the model. CPU
is counted by program, its children included. A program takes some while nobody asks anything, so
that is measured by itself: what a chat costs beyond it is what the platform does for the chat.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import aiohttp
import orjson
from rich.console import Console

from bench.child import MeasurementFailed
from bench.figure_tables import figure_table
from bench.peers.askers import PeerAddress, connected, crowd
from bench.peers.contestants import Contestant, await_work, component_pids, playhead
from bench.peers.corpus import SHORT, KnownSight, places, questions
from bench.peers.document_rates import PlatformShelf, fill
from bench.peers.usage import Programs, spent
from bench.spread import number, percentiles
from edge.client.server_sent_events import events_in
from replay.log import BrokerLog
from replay.one_request import events_of_each
from schemas import Event
from streams.log.clock import now_us
from streams.settings import Settings

ASKER = "the asker"
SHOWN_MS = 1.0  # effects that took less are left out of the table


@dataclass(frozen=True)
class WholeChats:
    """How much is measured."""

    chats: tuple[tuple[int, int], ...] = ((1, 60), (16, 160))
    """Pairs of users and chats."""
    warm_up: int = 20
    timed: int = 12
    """Chats, one after the other, whose records are looked at for their times."""
    idle_s: float = 20.0


class CostRow(NamedTuple):
    """CPU of one program."""

    program: str
    idle_ms: float
    """Of a second in which nobody asks anything."""
    chat_ms: dict[int, float]
    """Of a chat, by how many ask at once; what it takes while idle is in it."""
    beyond_ms: dict[int, float]
    """The same without what it would have taken while idle."""


class Passed(NamedTuple):
    """Something on the way to the first text, in milliseconds since the question was sent."""

    what: str
    began_ms: float
    ended_ms: float


@dataclass(frozen=True)
class AskedOnce:
    """One chat, as who asked it saw it; times in microseconds since the Unix epoch."""

    request: str
    sent_us: int
    first_us: int


@dataclass(frozen=True)
class ChatCosts:
    """All that was measured."""

    costs: list[CostRow]
    passed: list[Passed]
    first_p50_ms: dict[int, float]
    """Time to the first text, by how many ask at once."""


def measure_whole(settings: Settings, plan: WholeChats, say: Callable[[str], None]) -> ChatCosts:
    """Measure on a running stack that was started with what `bench.peers.contestants` says."""
    one = playhead(settings)
    registry = component_pids(settings.run, {"registry": "registry"})
    programs = Programs({**one.programs.pids, **registry})
    fill(PlatformShelf, one.address, [(at.uri, "text/plain", at.text) for at in places()])
    await_work(one)
    asyncio.run(_held(one, 1, plan.warm_up))
    say(f"nobody asks for {plan.idle_s:g} s")
    idle = idle_of(programs, plan.idle_s)
    used: dict[int, dict[str, float]] = {}
    took_s: dict[int, float] = {}
    first: dict[int, float] = {}
    for users, chats in plan.chats:
        before = programs.cpu_s()
        seconds, first[users] = asyncio.run(_held(one, users, chats))
        whole = spent(before, programs.cpu_s())
        used[users] = {name: 1_000 * cpu_s / chats for name, cpu_s in whole.items()}
        took_s[users] = seconds / chats
        say(f"{users} users: CPU {sum(used[users].values()):.0f} ms a chat, {seconds:.0f} s")
    passed = times_of(settings, asyncio.run(_one_by_one(one.address, plan.timed)))
    return ChatCosts(cost_rows(idle, used, took_s), passed, first)


def idle_of(programs: Programs, seconds: float) -> dict[str, float]:
    """Return the milliseconds of CPU a second that each takes while nobody asks anything."""
    before, began = programs.cpu_s(), time.perf_counter()
    time.sleep(seconds)
    whole = spent(before, programs.cpu_s())
    return {name: 1_000 * s / (time.perf_counter() - began) for name, s in whole.items()}


def cost_rows(
    idle: Mapping[str, float],
    used: Mapping[int, Mapping[str, float]],
    took_s: Mapping[int, float],
) -> list[CostRow]:
    """Put together what each program takes, the dearest first.

    `used` is CPU milliseconds of a chat and `took_s` seconds a chat, by how many ask at once.
    """
    rows = [
        CostRow(
            name,
            idle_ms,
            {users: of_chat[name] for users, of_chat in used.items()},
            {users: of_chat[name] - idle_ms * took_s[users] for users, of_chat in used.items()},
        )
        for name, idle_ms in idle.items()
    ]
    return sorted(rows, key=lambda row: -max(row.chat_ms.values(), default=row.idle_ms))


async def _held(one: Contestant, users: int, chats: int) -> tuple[float, float]:
    """Hold chats; returns the seconds that took, and the median time to the first text in ms."""
    async with connected() as http:
        told, seconds = await crowd(http, one.address, users, chats, questions(SHORT))
    return seconds, percentiles(1_000 * answer.first_s for answer in told.answers)[0]


async def _one_by_one(at: PeerAddress, chats: int) -> list[AskedOnce]:
    asking = questions(SHORT)
    async with connected() as http:
        return [await ask_once(http, at, next(asking)) for _ in range(chats)]


async def ask_once(http: aiohttp.ClientSession, at: PeerAddress, place: KnownSight) -> AskedOnce:
    """Ask, and note when the first text came; raises MeasurementFailed where none does."""
    body, said, request, first_us = {"text": place.question, **at.body}, [], "", 0
    sent_us = now_us()
    async with http.post(f"{at.url}/v1/messages", json=body, headers=at.headers) as response:
        async for chunk in response.content.iter_any():
            said.append(chunk)
            if not first_us and b'"type":"delta"' in chunk:
                first_us = now_us()
    frames = [orjson.loads(event.data) for event in events_in(said)]
    if not first_us or not frames:
        raise MeasurementFailed(f"no text came: {frames[-1:] or response.status}")
    request = str(frames[0]["request_id"])
    return AskedOnce(request, sent_us, first_us)


def times_of(settings: Settings, asked: Sequence[AskedOnce]) -> list[Passed]:
    """Read from the log what each chat passed on its way, and take medians."""
    log = BrokerLog(settings)
    try:
        events = events_of_each(log, [one.request for one in asked])
        return medians([way_of(events[one.request], one) for one in asked])
    finally:
        log.close()


def way_of(events: Iterable[Event], asked: AskedOnce) -> list[Passed]:
    """Tell what one chat passed: each step up to its first record, and the effects of that."""

    def since(at_us: int) -> float:
        return (at_us - asked.sent_us) / 1_000

    firsts: dict[str, Event] = {}
    for event in sorted(events, key=lambda one: (one.meta.at, one.meta.ordinal)):
        firsts.setdefault(event.meta.step.name, event)
    way = []
    for step, event in firsts.items():
        meta = event.meta
        began_us = meta.effects[0].started if meta.effects else meta.at
        way.append(Passed(step, since(began_us), since(meta.at)))
        spans: dict[tuple[int, str], tuple[int, int]] = {}
        for effect in meta.effects[1:]:
            place = effect.number, effect.kind
            began_us = spans.get(place, (effect.started, 0))[0]
            spans[place] = began_us, effect.started + effect.took_us
        way += [
            Passed(f"{step}: {kind}", since(began_us), since(ended_us))
            for (_, kind), (began_us, ended_us) in spans.items()
        ]
    first = Passed(ASKER, since(asked.first_us), since(asked.first_us))
    return [*sorted(way, key=lambda one: one.began_ms), first]


def medians(ways: Sequence[Sequence[Passed]]) -> list[Passed]:
    """Take the median of each thing that most of the chats passed, in the order of the times."""
    by_name: dict[str, list[Passed]] = {}
    for way in ways:
        for one in {one.what: one for one in reversed(way)}.values():  # of several, the first
            by_name.setdefault(one.what, []).append(one)
    usual = [
        Passed(
            what,
            statistics.median(one.began_ms for one in passed),
            statistics.median(one.ended_ms for one in passed),
        )
        for what, passed in by_name.items()
        if 2 * len(passed) > len(ways)
    ]
    return sorted(usual, key=lambda one: (one.began_ms, -one.ended_ms))


def costs_as_json(figures: ChatCosts) -> dict[str, Any]:
    """Return one JSON object."""
    return {
        "costs": [row._asdict() for row in figures.costs],
        "first_text": [one._asdict() for one in figures.passed],
        "first_p50_ms": asdict(figures)["first_p50_ms"],
    }


def show_costs(figures: ChatCosts, console: Console) -> None:
    """Print both tables."""
    crowds = list(figures.first_p50_ms)
    console.print(
        f"chats of one tenant over HTTP on the whole platform, {SHORT} tokens of a stub model"
        " (20 ms to the first, 5 ms to each further one); beyond idle = without what the program"
        " takes while nobody asks"
    )
    table = figure_table("CPU by program", "idle, ms a second")
    for users in crowds:
        table.add_column(f"{users} at once, ms a chat", justify="right")
        table.add_column("beyond idle", justify="right")
    rows = [*figures.costs, _sum_of(figures.costs)]
    for row in rows:
        cells = [
            number(value)
            for users in crowds
            for value in (row.chat_ms[users], row.beyond_ms[users])
        ]
        table.add_row(row.program, number(row.idle_ms), *cells)
    console.print(table)
    console.print()
    table = figure_table("to the first text, one at a time", "began, ms", "ended, ms", "took, ms")
    for one in figures.passed:
        took_ms = one.ended_ms - one.began_ms
        if ":" in one.what and took_ms < SHOWN_MS:
            continue
        name = f"  {one.what.partition(': ')[2]}" if ":" in one.what else one.what
        table.add_row(name, number(one.began_ms), number(one.ended_ms), number(took_ms))
    console.print(table)


def _sum_of(rows: Sequence[CostRow]) -> CostRow:
    crowds = rows[0].chat_ms if rows else {}
    return CostRow(
        "all",
        sum(row.idle_ms for row in rows),
        {users: sum(row.chat_ms[users] for row in rows) for users in crowds},
        {users: sum(row.beyond_ms[users] for row in rows) for users in crowds},
    )
