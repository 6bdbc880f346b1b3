"""The life of a gateway: ready, following, stopped."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from edge.answering.bounds import Bounds
from edge.gateway.known_histories import KnownHistory
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import Problem
from schemas import QuestionAsked
from tests.edge.fake_log import Answers, a_key


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, set()),
        ({"ready": False}, {"log"}),
        ({"broker": False}, {"kafka"}),
        ({"ready": False, "broker": False}, {"log", "kafka"}),
    ],
)
async def test_what_is_missing_is_named(gateway, log, change, missing):
    for name, value in change.items():
        setattr(log, name, value)
    told = await gateway.missing()
    assert set(told) == missing
    assert all(told.values())


async def test_a_gateway_that_stops_is_not_ready(gateway):
    gateway.start()
    await gateway.stop()
    assert "shutting down" in (await gateway.missing())["gateway"]


async def test_stopping_closes_the_stores_and_ends_what_runs_beside(gateway):
    gateway.start()
    tasks = list(gateway._tasks)
    await gateway.stop()
    assert all(task.done() for task in tasks)
    stores = (gateway.idempotency, gateway.histories)
    for use in (gateway.keys.all, *(store.forget_old for store in stores)):
        with pytest.raises(Exception, match="closed"):
            use()


@pytest.mark.parametrize("bounds", [Bounds(tidy_s=0.001)])
async def test_what_is_remembered_for_a_time_is_looked_through_again_and_again(gateway, log):
    gateway.idempotency.begin("s", "k", "b")
    gateway.histories.remember("d", KnownHistory("s-1", is_whole=True))
    kept = {"idempotency": gateway.idempotency, "histories": gateway.histories}
    for table, store in kept.items():
        store._database.execute(f"UPDATE {table} SET at_s = 0")
    gateway.start()
    async with asyncio.timeout(60):
        for table, store in kept.items():
            while store._database.execute(f"SELECT 1 FROM {table}").fetchall():  # noqa: ASYNC110 - another task empties it
                await asyncio.sleep(0.005)
    await gateway.stop()


async def test_a_request_is_known_as_soon_as_it_is_on_the_log(gateway, log):
    """The log's reader need not have come to it."""
    caller = await gateway.caller(a_key(gateway))
    with ExitStack() as resources:
        watch = await gateway.ask_once(caller, NewQuestion("x", "s-1"), resources)
    assert gateway.access.question(caller, watch.request.request) == watch.request
    other = await gateway.caller(a_key(gateway))
    with pytest.raises(Problem):
        gateway.access.question(other, watch.request.request)


async def test_an_answer_ends_what_counts_as_unanswered(gateway, log):
    gateway.log.start(gateway.dispatch)
    caller = await gateway.caller(a_key(gateway))
    with ExitStack() as resources:
        watch = await gateway.ask_once(caller, NewQuestion("x"), resources)
        assert gateway.admission.unanswered == 1
        for event in Answers(log.published(QuestionAsked)[-1]).whole("x"):
            log.append(event)
        view = gateway.follower.view(caller, watch.request)
        frames = [frame async for frame in gateway.follower.frames(watch, view)]
    assert frames[-1]["type"] == "completed"
    assert gateway.admission.unanswered == 0
