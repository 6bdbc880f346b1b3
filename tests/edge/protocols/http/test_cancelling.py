"""An answer that is not wanted any more: by whom, when, and what the log is told."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agents.errors import Transient
from edge.answering.bounds import Bounds
from edge.load import measures
from edge.load.admission import STALE_S
from schemas import CancellationRequested, QuestionAsked
from tests.edge.conftest import address_of
from tests.edge.fake_log import Answers, a_key
from tests.edge.http_client import DOCUMENT, HttpClient, answers_with, is_problem


@pytest.fixture
def bounds():
    return Bounds(late_s=1.0, stop_s=0.1, tick_s=0.02)


@pytest.fixture
def settings():
    return {"abandoned_s": 0.05}


def cancel(who, request):
    return who("POST", f"/v1/messages/{request}/cancel")


@pytest.fixture
async def ask(call, log):
    """Asks a question that waits for its answer."""
    waiting = []

    async def once():
        body = {"text": "x", "budget_ms": 60_000}
        waiting.append(asyncio.create_task(call("POST", "/v1/messages", body)))
        async with asyncio.timeout(60):
            while len(log.published(QuestionAsked)) < len(waiting):  # noqa: ASYNC110 - of a thread
                await asyncio.sleep(0.005)
        return log.published(QuestionAsked)[-1]

    yield once
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.fixture
async def asked(ask):
    return await ask()


async def test_a_key_is_of_one_wish(call, log, ask):
    first, second = [(await ask()).meta.request for _ in range(2)]
    key = {"headers": {"Idempotency-Key": "k"}}
    told = [
        await call("POST", f"/v1/messages/{one}/cancel", **key) for one in (first, first, second)
    ]
    assert [one.status_code for one in told] == [202, 202, 422]
    assert told[0].json() == told[1].json()
    assert [one.meta.request for one in log.published(CancellationRequested)] == [first]


async def test_a_wish_lies_with_its_question_and_however_often_it_is_one(call, log, asked):
    first, second = [await cancel(call, asked.meta.request) for _ in range(2)]
    [wish] = log.published(CancellationRequested)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == {"request_id": asked.meta.request, "status": "accepted"}
    assert (wish.subject, wish.by, wish.why) == (asked.subject, asked.subject, "asked")
    for name in ("tenant", "lane", "session", "request"):
        assert getattr(wish.meta, name) == getattr(asked.meta, name)
    assert wish.meta.id != asked.meta.id


async def test_two_gateways_write_one_record(call, gateway, log, asked):
    await cancel(call, asked.meta.request)
    gateway.cancelling._told.clear()  # as another process
    await cancel(call, asked.meta.request)
    assert len({wish.meta.id for wish in log.published(CancellationRequested)}) == 1


async def test_an_answer_that_is_over_stays_as_it_is(call, log, asked):
    for event in Answers(asked).whole("VAT"):
        log.append(event)
    told = await cancel(call, asked.meta.request)
    assert (told.status_code, told.json()["status"]) == (200, "completed")
    assert not log.published(CancellationRequested)


@pytest.mark.parametrize(("tenant", "scopes", "status"), [
    ("acme", ["ask"], 404),
    ("acme", ["ask", "audit"], 404),
    ("acme", ["admin"], 202),
    ("globex", ["ask", "admin"], 404),
    ("acme", ["ingest"], 403),
])  # fmt: skip
async def test_it_is_ones_own_answer_or_any_of_the_tenants_for_its_admin(
    app, gateway, log, asked, tenant, scopes, status
):
    other = HttpClient(app, a_key(gateway, tenant, scopes))
    told = await cancel(other, asked.meta.request)
    assert told.status_code == status
    wishes = log.published(CancellationRequested)
    assert len(wishes) == (status == 202)
    assert all(wish.subject == asked.subject != wish.by for wish in wishes)
    assert "text" not in told.json()


async def test_what_is_no_question_is_not_cancelled(call, log):
    document = (await call("POST", "/v1/documents", DOCUMENT)).json()["request_id"]
    for request in (document, "nothing", "r" * 300, "%00"):
        is_problem(await cancel(call, request), 404)
    assert not log.published(CancellationRequested)


@pytest.mark.parametrize("reads", [True, False])
async def test_a_broker_that_is_away_is_told_and_the_wish_may_come_again(
    call, log, asked, monkeypatch, reads
):
    def refuse(_):
        raise Transient("not taken")

    with monkeypatch.context() as away:
        away.setattr(log, *(("send", refuse) if reads else ("broker", False)))
        told = await asyncio.gather(*(cancel(call, asked.meta.request) for _ in range(3)))
    for one in told:
        is_problem(one, 503)
    assert (await cancel(call, asked.meta.request)).status_code == 202
    assert len(log.published(CancellationRequested)) == 1


async def test_wishes_that_come_at_once_are_one_record_and_get_its_word(call, log, ask, asked):
    told = await asyncio.gather(*(cancel(call, asked.meta.request) for _ in range(5)))
    assert [one.status_code for one in told] == [202] * 5
    assert len(log.published(CancellationRequested)) == 1


async def test_a_broker_that_is_known_to_be_away_is_not_written_to(call, gateway, log, asked):
    gateway.admission._answered_s -= 2 * STALE_S
    is_problem(await cancel(call, asked.meta.request), 503)
    assert not log.published(CancellationRequested)


async def test_nobody_writes_anew_about_who_was_erased(app, gateway, log, asked):
    gateway.keyring.destroy("acme", f"user/{asked.subject}")
    for scopes in (["admin"], ["ask", "admin"]):
        told = await cancel(HttpClient(app, a_key(gateway, scopes=scopes)), asked.meta.request)
        is_problem(told, 410)
    assert not log.published(CancellationRequested)


async def test_what_is_told_to_the_log_is_counted_by_its_reason(
    served, call, gateway, log, ask, monkeypatch
):
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader]).get_meter("m").create_counter("playhead.gateway.cancelled")
    monkeypatch.setattr(measures, "_cancelled", counter)
    request = (await ask()).meta.request
    for _ in range(2):
        await cancel(call, request)
    for _ in range(2):
        await leave(served, gateway, *STREAMS["chat"][:3])

    def counted():
        [resource] = reader.get_metrics_data().resource_metrics
        points = resource.scope_metrics[0].metrics[0].data.data_points
        return {one.attributes["playhead.reason"]: one.value for one in points}

    async with asyncio.timeout(60):
        while sum(counted().values()) < 3:  # noqa: ASYNC110 - once the broker has taken each
            await asyncio.sleep(0.01)
    assert counted() == {"asked": 1, "left": 2}
    assert len(log.published(CancellationRequested)) == 3


# ---------------------------------------------------------------------- readers who leave

CHAT = {"model": "playhead", "stream": True, "messages": [{"role": "user", "content": "x"}]}
STREAMS = {
    "chat": ("/v1/chat/completions", CHAT, {}, True),
    "response": ("/v1/responses", {"model": "playhead", "stream": True, "input": "x"}, {}, True),
    "may come again": ("/v1/chat/completions", CHAT, {"Idempotency-Key": "k"}, False),
    "has a cursor": ("/v1/messages", {"text": "x", "stream": True}, {}, False),
}


async def leave(served, gateway, path, body, headers):
    """Ask for a stream, read its beginning, and go."""
    async with httpx.AsyncClient(base_url=f"http://{address_of(served)}", timeout=60) as client:
        headers = {"Authorization": f"Bearer {a_key(gateway)}", **headers}
        async with client.stream("POST", path, json=body, headers=headers) as response:
            async for _ in response.aiter_raw():
                return


async def no_longer_followed(gateway):
    async with asyncio.timeout(60):
        while gateway.dispatch.waiting:  # noqa: ASYNC110 - the dispatch has no event for it
            await asyncio.sleep(0.01)


async def wishes_of(log, count):
    """Wait until so much was cancelled, and a moment more, for what should not be."""
    async with asyncio.timeout(60):
        while len(log.published(CancellationRequested)) < count:  # noqa: ASYNC110 - of a thread
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    return [wish.why for wish in log.published(CancellationRequested)]


@pytest.mark.parametrize("name", STREAMS)
async def test_who_leaves_a_stream_that_has_no_cursor_has_left(served, gateway, log, name):
    *stream, cancels = STREAMS[name]
    await leave(served, gateway, *stream)
    await no_longer_followed(gateway)
    assert await wishes_of(log, cancels) == ["left"] * cancels


WHOLE = {name: value for name, value in CHAT.items() if name != "stream"}
GRAPHQL = {"query": 'mutation { ask(text: "x") { answer { text } } }'}
KEYED = {"query": 'mutation { ask(text: "x", idempotencyKey: "k") { answer { text } } }'}
WAITS = {
    "chat": ("/v1/chat/completions", WHOLE, {}, True),
    "response": ("/v1/responses", {"model": "playhead", "input": "x"}, {}, True),
    "message": ("/v1/messages", {"text": "x"}, {}, True),
    "graphql": ("/graphql", GRAPHQL, {}, True),
    "may come again": ("/v1/messages", {"text": "x"}, {"Idempotency-Key": "k"}, False),
    "graphql that may come again": ("/graphql", KEYED, {}, False),
    "graphql that does not wait": (
        "/graphql",
        {"query": 'mutation { ask(text: "x") { requestId } }'},
        {},
        False,
    ),
    "search": ("/v1/search", {"text": "x"}, {}, False),
}


@pytest.mark.parametrize("name", WAITS)
async def test_who_leaves_before_a_whole_answer_has_left(served, gateway, log, name):
    path, body, headers, cancels = WAITS[name]
    headers = {"Authorization": f"Bearer {a_key(gateway)}", **headers}
    async with httpx.AsyncClient(base_url=f"http://{address_of(served)}", timeout=60) as client:
        asking = asyncio.create_task(client.post(path, json=body, headers=headers))
        async with asyncio.timeout(60):
            while not log.published(QuestionAsked):  # noqa: ASYNC110 - of a thread
                await asyncio.sleep(0.005)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await no_longer_followed(gateway)
    assert await wishes_of(log, cancels) == ["left"] * cancels


@pytest.mark.parametrize("name", ["chat", "response", "message", "graphql"])
async def test_who_waits_for_a_whole_answer_gets_it_and_cancels_nothing(served, gateway, log, name):
    path, body, headers, _ = WAITS[name]
    headers = {"Authorization": f"Bearer {a_key(gateway)}", **headers}
    log.answer = answers_with("VAT is due.")
    async with httpx.AsyncClient(base_url=f"http://{address_of(served)}", timeout=60) as client:
        told = [await client.post(path, json=body, headers=headers) for _ in range(2)]
    assert all("VAT is due." in one.text for one in told)
    await asyncio.sleep(0.3)
    assert not log.published(CancellationRequested)


@pytest.mark.parametrize(
    "settled", ["somebody follows", "it is over", "the gateway stops", "never"]
)
async def test_what_somebody_may_want_is_not_cancelled(served, gateway, log, settled):
    if settled == "never":
        gateway.cancelling._abandoned_s = 0
    await leave(served, gateway, *STREAMS["chat"][:3])
    [asked] = log.published(QuestionAsked)
    if settled == "somebody follows":
        with gateway.dispatch.subscribe(
            gateway.requests.find((asked.meta.tenant, asked.meta.request))
        ):
            await asyncio.sleep(0.3)
    elif settled == "it is over":
        for event in Answers(asked).whole("VAT"):
            log.append(event)
    elif settled == "the gateway stops":
        gateway.stopping = True
    await asyncio.sleep(0.3)
    assert not log.published(CancellationRequested)
