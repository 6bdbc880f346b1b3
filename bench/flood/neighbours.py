"""Measures the chats of some tenants without, then beside, the flood of another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from rich.console import Console

from bench.answers.ingesting import guides
from bench.child import MeasurementFailed
from bench.figure_tables import figure_table
from bench.flood.chats import ChatFigures, PhaseChats, chat, questions
from bench.flood.flooding import Flood
from bench.flood.pouring import Pouring
from bench.flood.visitor import Visitor
from bench.flood.whereabouts import grown, whereabouts
from edge.client.local_keys import LocalKeys
from streams.settings import Settings

SECTIONS = 40  # of the guide that a chatting tenant asks about
POLL_S = 0.5


@dataclass(frozen=True)
class FloodPlan:
    """How large the flood is, how many chat beside it, and for how long is watched."""

    documents: int = 1_000
    questions: int = 500
    tenants: int = 20
    """Others, who chat."""
    think_s: float = 25.0
    """Between an answer and the next question, on average: all together ask less than one core
    of a chat model can answer, so that what is measured first is no queue."""
    quiet_s: float = 90.0
    rise_s: float = 15.0
    """From the flood's beginning until chats are timed again."""
    flooded_s: float = 120.0


@dataclass(frozen=True)
class FloodFigures:
    """Chats before and beside the flood."""

    quiet: ChatFigures
    flooded: ChatFigures
    flood: Flood
    quiet_parts: dict[str, float]
    """Where the time of the slow quarter of the chats went: mean milliseconds, by name."""
    flooded_parts: dict[str, float]

    @property
    def ratio(self) -> float:
        """How much longer the 95th of 100 chats takes beside the flood."""
        return self.flooded.whole_p95_ms / self.quiet.whole_p95_ms

    def as_json(self) -> dict[str, Any]:
        """Return all figures."""
        return {
            "quiet": asdict(self.quiet),
            "flooded": asdict(self.flooded),
            "ratio_p95": self.ratio,
            "flood": self.flood.as_json(),
            "slow_quarter_ms": {"quiet": self.quiet_parts, "flooded": self.flooded_parts},
        }


async def measure(settings: Settings, plan: FloodPlan, say: Callable[[str], None]) -> FloodFigures:
    """Measure on a running stack; raises MeasurementFailed where documents or chats fail."""
    keys = LocalKeys(settings)
    async with AsyncExitStack() as stack:

        def visitor(tenant: str) -> Visitor:
            one = Visitor(settings.gateway, keys.key(tenant))
            stack.push_async_callback(one.close)
            return one

        others = [visitor(f"tenant-{number}") for number in range(plan.tenants)]
        say(f"{plan.tenants} tenants submit a guide")
        for one in others:
            await _submit_guide(one)
        flooding = partial(Visitor, settings.gateway, keys.key("flooding"))
        return await contest(others, flooding, plan, say)


async def contest(
    others: Sequence[Visitor],
    flooding: Callable[[], Visitor],
    plan: FloodPlan,
    say: Callable[[str], None],
) -> FloodFigures:
    """Let some chat, in quiet and beside the flood of another; `flooding` makes its visitors."""
    asking = [questions(SECTIONS) for _ in others]

    async def chats(what: str, seconds: float) -> PhaseChats:
        said = PhaseChats()
        until_s = time.monotonic() + seconds
        pairs = zip(others, asking, strict=True)
        await asyncio.gather(
            *(chat(one, about, plan.think_s, until_s, said) for one, about in pairs)
        )
        say(f"{what}: {len(said.heard)} chats")
        return said

    await chats("warming up", plan.rise_s)
    quiet = await chats("quiet", plan.quiet_s)
    flood = Flood(plan.documents, plan.questions)
    pouring = Pouring(flood, flooding)
    try:
        await chats("the flood rises", plan.rise_s)
        flooded = await chats("flooded", plan.flooded_s)
        pouring.check()
        await _count_indexed(flood, flooding())
    finally:
        await pouring.stop()
    say("looking up where the time went")
    quiet_parts, flooded_parts = [
        await whereabouts(list(zip(some.by, some.heard, strict=True))) for some in (quiet, flooded)
    ]
    return FloodFigures(quiet.figures(), flooded.figures(), flood, quiet_parts, flooded_parts)


async def _count_indexed(flood: Flood, visitor: Visitor) -> None:
    try:
        await flood.count_indexed(visitor)
    finally:
        await visitor.close()


async def _submit_guide(visitor: Visitor) -> None:
    [text] = guides(SECTIONS, 1)
    document = await visitor.submit("guide", text)
    while (state := await visitor.document(document))["status"] != "indexed":
        if state["status"] == "failed":
            raise MeasurementFailed(f"a guide failed: {state.get('reason')}")
        await asyncio.sleep(POLL_S)


def show(figures: FloodFigures, console: Console) -> None:
    """Print the figures for people."""
    table = figure_table("chats of the other tenants", "quiet", "beside the flood", "ratio")
    for name, label in (
        ("whole_p50_ms", "whole answer, p50 ms"),
        ("whole_p95_ms", "whole answer, p95 ms"),
        ("first_p50_ms", "first text, p50 ms"),
        ("first_p95_ms", "first text, p95 ms"),
    ):
        quiet, flooded = getattr(figures.quiet, name), getattr(figures.flooded, name)
        table.add_row(label, f"{quiet:,.0f}", f"{flooded:,.0f}", f"{flooded / quiet:.2f}")
    for name in ("chats", "refused", "errors"):
        table.add_row(
            name, str(getattr(figures.quiet, name)), str(getattr(figures.flooded, name)), ""
        )
    console.print(table)
    parts = figure_table("of the slow quarter, mean ms", "quiet", "beside the flood", "more")
    for name, before, beside in grown(figures.quiet_parts, figures.flooded_parts):
        parts.add_row(name, f"{before:,.0f}", f"{beside:,.0f}", f"{beside - before:,.0f}")
    console.print(parts)
    flood = figures.flood
    console.print(
        f"the flood: {flood.submitted} of {flood.documents} documents submitted, {flood.indexed}"
        f" indexed; {flood.answered} of {flood.questions} questions answered,"
        f" {sum(flood.refused.values())} times told to come back"
    )
