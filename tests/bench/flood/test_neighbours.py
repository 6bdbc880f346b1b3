"""The measurement: both phases have chats of all tenants, and the flood is let go of at its end."""

import asyncio
import json
import threading
from concurrent.futures import wait
from dataclasses import replace

import pytest

from bench.child import MeasurementFailed
from bench.flood.chats import ChatFigures
from bench.flood.flooding import Flood
from bench.flood.neighbours import FloodFigures, FloodPlan, contest, measure, show
from bench.flood.pouring import Pouring
from tests.bench.flood.gateway import FakeGateway
from tests.bench.shown import shown

PLAN = FloodPlan(
    documents=3, questions=2, think_s=0.0, quiet_s=0.2, rise_s=0.05, flooded_s=0.2
)  # fmt: skip


async def test_chats_are_timed_before_and_beside_the_flood():
    others, flooding = [FakeGateway(), FakeGateway()], FakeGateway()
    visitors = [gateway.visitor() for gateway in others]
    plan = replace(PLAN, flooded_s=3.0)  # for a thread and a loop of its own to begin
    figures = await contest(visitors, flooding.visitor, plan, lambda _: None)
    chats = figures.quiet.chats + figures.flooded.chats
    assert min(figures.quiet.chats, figures.flooded.chats) >= len(visitors)
    assert chats <= sum(len(gateway.asked) for gateway in others)
    assert (figures.flood.submitted, figures.flood.indexed, figures.flood.answered) == (3, 3, 2)
    assert figures.ratio == figures.flooded.whole_p95_ms / figures.quiet.whole_p95_ms


async def test_a_flood_that_is_not_over_is_let_go_of():
    flooding = FakeGateway(refusals=[429] * 1_000_000)
    others = [FakeGateway().visitor(), FakeGateway().visitor()]
    figures = await contest(others, flooding.visitor, PLAN, lambda _: None)
    assert figures.flood.submitted == 0
    assert len(asyncio.all_tasks()) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "flood"]


async def test_a_flood_that_keeps_its_own_loop_keeps_nobody_elses():
    asked, answered = threading.Event(), threading.Event()

    class Standing(Flood):
        async def pour(self, posting, asking):
            asked.set()
            assert answered.wait(60)  # without giving its loop away

    pouring = Pouring(Standing(1, 1), FakeGateway().visitor)
    await asyncio.to_thread(asked.wait, 60)
    await FakeGateway().visitor().ask("Why?")
    answered.set()
    await pouring.stop()


async def test_what_goes_wrong_with_a_flood_is_told():
    pouring = Pouring(Flood(1, 0), FakeGateway(refusals=[403]).visitor)
    await asyncio.to_thread(wait, [pouring._work], 60)
    with pytest.raises(MeasurementFailed, match="answered 403"):
        pouring.check()
    await pouring.stop()


def test_the_figures_are_shown_with_their_ratio():
    quiet = ChatFigures(100, 400.0, 800.0, 300.0, 500.0, {}, 0)
    flooded = ChatFigures(90, 500.0, 1_200.0, 450.0, 700.0, {503: 2}, 1)
    flood = Flood(1_000, 500, submitted=1_000, indexed=7)
    parts = {"retrieve, Embed": 20.0}, {"retrieve, Embed": 150.0}
    figures = FloodFigures(quiet, flooded, flood, *parts)
    lines = [" ".join(line.split()) for line in shown(show, figures).splitlines()]
    assert "whole answer, p95 ms 800 1,200 1.50" in lines
    assert "retrieve, Embed 20 150 130" in lines
    assert "refused {} {503: 2}" in lines
    assert "1000 of 1000 documents submitted, 7 indexed" in lines[-1]
    assert json.loads(json.dumps(figures.as_json()))["ratio_p95"] == 1.5


def test_the_flood_is_as_large_as_what_others_are_promised_to_stand():
    plan = FloodPlan()
    assert (plan.documents, plan.questions, plan.tenants) == (1_000, 500, 20)


@pytest.mark.stack
async def test_a_little_flood_on_a_real_stack_is_told_of(running):
    plan = FloodPlan(
        documents=2, questions=3, tenants=2, think_s=0.0, quiet_s=3.0, rise_s=0.5, flooded_s=3.0
    )
    said = []
    figures = await measure(running.settings, plan, said.append)
    assert figures.quiet.errors == figures.flooded.errors == 0
    assert figures.quiet.chats >= 2 <= figures.flooded.chats
    assert figures.flood.submitted == 2
    assert len(said) == 6
    assert figures.ratio > 0
