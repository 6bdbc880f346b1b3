"""A gateway without room, over a log in memory: what clients are told, and what goes on."""

# ruff: noqa: ASYNC110 - a test waits for what another task does

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest
from starlette.responses import StreamingResponse

from edge import http as app_module
from edge.http import EventStream, create_app
from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from streams.log.lanes import lane_of
from streams.operations.lag import Lag
from streams.settings import Settings
from streams.topics import topic_of
from streams.watching import metrics
from tests.edge.fake_log import FakeLog, a_key, an_edge
from tests.edge.test_http import DOCUMENT, Client, answers_with, is_problem
from tests.edge.test_websocket import connect, frames_until, send, url  # noqa: F401

QUESTIONS, DOCUMENTS = topic_of(QuestionAsked), topic_of(DocumentSubmitted)


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
async def edge(tmp_path, log):
    return an_edge(tmp_path, log, unanswered_max=3, unanswered_per_tenant_max=2)


@pytest.fixture
async def call(edge):
    edge.start()
    yield Client(create_app(edge), a_key(edge))
    edge.stopping = True
    await edge.stop()


def behind(edge, topic, records, lanes=range(4)):
    """Let the edge read that a topic's step is behind."""
    edge.admission.read([Lag("a step", topic, lane, 0, records) for lane in lanes])


def is_refusal(response, status):
    is_problem(response, status)
    assert int(response.headers["retry-after"]) == response.json()["retry_after_s"] >= 1
    assert response.json()["retryable"]


async def test_questions_without_an_answer_are_limited(edge, call, log):
    others = Client(create_app(edge), a_key(edge, "globex"))
    waiting = [
        asyncio.create_task(client("POST", "/v1/messages", {"text": "x"}))
        for client in (call, call, others)
    ]
    while len(log.published(QuestionAsked)) < 3:
        await asyncio.sleep(0.01)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 429)
    is_refusal(await call("POST", "/v1/messages", {"text": "x", "stream": True}), 429)
    is_refusal(await others("POST", "/v1/search", {"text": "x"}), 503)
    assert len(log.published(QuestionAsked)) == 3
    for event in log.published(QuestionAsked):
        for outcome in answers_with("yes")(event):
            log.append(outcome)
    assert {(await one).status_code for one in waiting} == {200}
    log.answer = answers_with("yes")
    assert (await call("POST", "/v1/messages", {"text": "x"})).status_code == 200


async def test_a_question_whose_reader_has_left_counts_until_it_is_answered(edge, call, log):
    asked = [
        asyncio.create_task(call("POST", "/v1/messages", {"text": "x", "budget_ms": 60_000}))
        for _ in range(2)
    ]
    while len(log.published(QuestionAsked)) < 2:
        await asyncio.sleep(0.01)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 429)
    for event in log.published(QuestionAsked):
        assert edge.dispatch.awaited(event.meta.request)  # noqa: PGH005 - our own name; so the log's reader hands it on
        for outcome in answers_with("yes")(event):
            log.append(outcome)
    async with asyncio.timeout(10):
        while edge.admission.unanswered:
            await asyncio.sleep(0.01)
    assert not edge.dispatch.awaited(event.meta.request)


async def test_steps_that_are_behind_refuse_what_is_new_and_nothing_else(edge, call, log):
    log.answer = answers_with("yes")
    keyed = {"headers": {"Idempotency-Key": "k-1"}}
    answered = (await call("POST", "/v1/messages", {"text": "x"}, **keyed)).json()
    document = (await call("POST", "/v1/documents", DOCUMENT)).json()["document_id"]

    behind(edge, QUESTIONS, 1_001)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 503)
    is_refusal(await call("POST", "/v1/search", {"text": "x"}), 503)
    assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202
    behind(edge, DOCUMENTS, 10_001)
    is_refusal(await call("POST", "/v1/documents", DOCUMENT), 503)

    again = await call("POST", "/v1/messages", {"text": "x"}, **keyed)  # it is taken in already
    assert again.json()["request_id"] == answered["request_id"]
    for path in (
        f"/v1/messages/{answered['request_id']}",
        f"/v1/messages/{answered['request_id']}/timeline",
        f"/v1/documents/{document}",
        "/v1/documents",
    ):
        assert (await call("GET", path)).status_code == 200
    assert (await call("DELETE", f"/v1/documents/{document}")).status_code == 202
    assert len(log.published(QuestionAsked)) == 1
    assert len(log.published(DocumentWithdrawn)) == 1

    ready = await call("GET", "/readyz")
    assert ready.status_code == 200  # it still serves what reads
    assert ready.json()["shedding"]["questions of lane 0"] == "behind: a step (lag)"
    behind(edge, QUESTIONS, 0)
    behind(edge, DOCUMENTS, 0)
    assert (await call("GET", "/readyz")).json()["shedding"] == {}
    assert (await call("POST", "/v1/messages", {"text": "x"})).status_code == 200


async def test_only_the_lanes_that_are_behind_are_closed(edge, call, log):
    log.answer = answers_with("yes")
    mine = lane_of("acme", "s-1", Settings().partitions)
    behind(edge, QUESTIONS, 1_001, lanes=[lane for lane in range(4) if lane != mine])
    asked = {"text": "x", "session_id": "s-1"}
    assert (await call("POST", "/v1/messages", asked)).status_code == 200
    behind(edge, QUESTIONS, 1_001, lanes=[mine])
    is_refusal(await call("POST", "/v1/messages", asked), 503)


async def test_a_session_is_not_taken_by_a_question_that_was_refused(edge, call, log):
    behind(edge, QUESTIONS, 1_001)
    is_refusal(await call("POST", "/v1/messages", {"text": "x", "session_id": "s-1"}), 503)
    behind(edge, QUESTIONS, 0)
    log.answer = answers_with("yes")
    other = Client(create_app(edge), edge.keys.create("acme", user="other")[1])
    answer = await other("POST", "/v1/messages", {"text": "x", "session_id": "s-1"})
    assert answer.status_code == 200


async def test_a_broker_that_takes_nothing_leaves_no_question_counted(edge, call, log):
    log.broker = False
    for _ in range(4):
        is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 503)
    assert edge.admission.unanswered == 0


async def test_a_question_waits_no_longer_for_the_broker_than_for_its_answer(edge, call, log):
    log.send = lambda _: Future()  # never acknowledged
    async with asyncio.timeout(10):  # the broker itself has twice as long
        is_refusal(await call("POST", "/v1/messages", {"text": "x", "budget_ms": 100}), 503)
    assert edge.admission.unanswered == 0


async def test_bodies_that_do_not_fit_into_memory_together_are_refused(tmp_path, log):
    edge = an_edge(tmp_path, log, bodies_bytes_max=1_000)
    call = Client(create_app(edge), a_key(edge))
    large = {**DOCUMENT, "content": "x" * 2_000}
    is_refusal(await call("POST", "/v1/documents", large), 503)
    assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202
    assert edge.admission.bodies_bytes == 0


async def test_a_websocket_is_told_which_message_was_refused(url, edge, log):  # noqa: F811
    behind(edge, QUESTIONS, 1_001)
    async with connect(url, a_key(edge)) as socket:
        await send(socket, type="message", id="m-7", text="x")
        [error] = await frames_until(socket, "error")
        assert (error["id"], error["status"], error["retryable"]) == ("m-7", 503, True)
        assert error["retry_after_s"] >= 1
        behind(edge, QUESTIONS, 0)
        log.answer = answers_with("yes")
        await send(socket, type="message", id="m-8", text="x")
        assert (await frames_until(socket, "completed"))[-1]["text"] == "yes"
    assert len(log.published(QuestionAsked)) == 1


async def test_a_websocket_takes_no_message_that_nobody_could_follow(
    url,  # noqa: F811
    edge,
    log,
    monkeypatch,
):
    monkeypatch.setattr("edge.edge.FOLLOWED_MAX", 0)
    async with connect(url, a_key(edge)) as socket:
        await send(socket, type="message", id="m-1", text="x")
        [error] = await frames_until(socket, "error")
    assert error["status"] == 503
    assert not log.published(QuestionAsked)


async def test_connections_are_limited(url, edge, monkeypatch):  # noqa: F811
    key = a_key(edge)
    monkeypatch.setattr("edge.edge.CONNECTIONS_PER_KEY_MAX", 1)
    async with connect(url, key):
        with pytest.raises(Exception, match="429"):
            await connect(url, key)
        assert edge.connections == 1
    async with connect(url, key):  # there is room again
        pass


async def test_answers_resumed_on_one_connection_are_limited(url, edge, log, monkeypatch):  # noqa: F811
    monkeypatch.setattr("edge.websocket.LISTENING_MAX", 1)
    key = a_key(edge)
    async with connect(url, key) as socket, connect(url, key) as other:
        for connection in (other, socket):
            await send(connection, type="message", id="m", text="x")
            await frames_until(connection, "accepted")
        first, second = (event.meta.request for event in log.published(QuestionAsked))
        await send(socket, type="resume", request_id=first)
        [error] = await frames_until(socket, "error")
        assert error["status"] == 429
        await send(socket, type="resume", request_id=second)  # takes its own place
        for outcome in answers_with("yes")(log.published(QuestionAsked)[1]):
            log.append(outcome)
        frames = await frames_until(socket, "completed", "error")
    assert frames[-1]["type"] == "completed"


async def test_a_stream_whose_reader_takes_nothing_ends(monkeypatch):
    monkeypatch.setattr(app_module, "SEND_TIMEOUT_S", 0.05)
    ended = asyncio.Event()

    async def events():
        try:
            while True:
                yield b"data: x\n\n"
        finally:
            ended.set()

    async def send_(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # a reader that never reads

    stream = EventStream(source := events())
    assert isinstance(stream, StreamingResponse)
    async with asyncio.timeout(5):
        await stream.stream_response(send_)
        await source.aclose()
    assert ended.is_set()


async def test_the_metrics_tell_of_refusals_and_of_no_tenant(edge, call):
    metrics.configure(edge.settings, "test")
    behind(edge, QUESTIONS, 1_001)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 503)
    response = await call("GET", "/metrics", headers={"Authorization": ""})
    assert response.headers["content-type"].startswith("text/plain")
    lines = [line for line in response.text.splitlines() if line.startswith("playhead_")]
    shed = [line for line in lines if line.startswith("playhead_gateway_shed_total")]
    assert any('playhead_reason="lag"' in line and 'code="503"' in line for line in shed)
    waiting = [line for line in lines if line.startswith("playhead_backlog_lag")]
    assert [line.endswith(" 1001.0") for line in waiting] == [True] * 4
    assert f'messaging_destination_name="{QUESTIONS}"' in waiting[0]
    assert "playhead_gateway_shedding 4.0" in lines
    assert "acme" not in response.text
