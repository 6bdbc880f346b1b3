"""A gateway without room, over a log in memory: what clients are told, and what goes on."""

# ruff: noqa: ASYNC110 - a test waits for what another task does

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import Future

import pytest

from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from edge.protocols.http.app import create_app
from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from streams.log.lanes import lane_of
from streams.operations.lag import Lag
from streams.settings import Settings
from streams.topics import topic_of
from streams.watching import metrics
from tests.edge.chat_client import connect, frames_until, send
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import DOCUMENT, HttpClient, answers_with, is_problem

NONE = Shares(of_all=0, of_tenant=9, of_key=9, least=0)
QUESTIONS, DOCUMENTS = topic_of(QuestionAsked), topic_of(DocumentSubmitted)


@pytest.fixture
def settings():
    return {"unanswered_max": 3, "unanswered_per_tenant_max": 2}


def behind(gateway, topic, records, lanes=range(4)):
    """Let the gateway read that a topic's step is behind."""
    gateway.admission.read([Lag("a step", topic, lane, 0, records) for lane in lanes])


def is_refusal(response, status):
    is_problem(response, status)
    assert int(response.headers["retry-after"]) == response.json()["retry_after_s"] >= 1
    assert response.json()["retryable"]
    if status == 429:
        policy = re.fullmatch(
            r'"([a-z-]+)";q=\d+;qu="(concurrent-requests|content-bytes)"',
            response.headers["ratelimit-policy"],
        )
        left = re.fullmatch(r'"([a-z-]+)";r=\d+;t=(\d+)', response.headers["ratelimit"])
        assert policy[1] == left[1]
        assert left[2] == response.headers["retry-after"]


async def test_questions_without_an_answer_are_limited(gateway, call, log):
    others = HttpClient(create_app(gateway), a_key(gateway, "globex"))
    waiting = [
        asyncio.create_task(client("POST", "/v1/messages", {"text": "x"}))
        for client in (call, call, others)
    ]
    while len(log.published(QuestionAsked)) < 3:
        await asyncio.sleep(0.01)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 429)
    is_refusal(await call("POST", "/v1/messages", {"text": "x", "stream": True}), 429)
    is_refusal(await others("POST", "/v1/search", {"text": "x"}), 503)
    beside = HttpClient(create_app(gateway), a_key(gateway, "another"))
    log.answer = answers_with("yes")  # for whoever has nothing under way there is always room
    assert (await beside("POST", "/v1/messages", {"text": "x"})).status_code == 200
    log.answer = lambda _: ()
    assert len(log.published(QuestionAsked)) == 4
    for event in log.published(QuestionAsked)[:3]:
        for outcome in answers_with("yes")(event):
            log.append(outcome)
    assert {(await one).status_code for one in waiting} == {200}
    log.answer = answers_with("yes")
    assert (await call("POST", "/v1/messages", {"text": "x"})).status_code == 200


async def test_a_question_whose_reader_has_left_counts_until_it_is_answered(gateway, call, log):
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
        assert gateway.dispatch.is_awaited(("acme", event.meta.request))
        for outcome in answers_with("yes")(event):
            log.append(outcome)
    async with asyncio.timeout(60):
        while gateway.admission.unanswered:
            await asyncio.sleep(0.01)
    assert not gateway.dispatch.is_awaited(("acme", event.meta.request))


async def test_a_question_whose_reader_leaves_while_the_broker_takes_it_counts_too(
    gateway, call, log
):
    handed_over, taken, at_once = threading.Event(), threading.Event(), log.send

    def send(event):
        handed_over.set()
        assert taken.wait(60)
        return at_once(event)

    log.send = send
    asked = asyncio.create_task(call("POST", "/v1/messages", {"text": "x", "budget_ms": 60_000}))
    while not handed_over.is_set():
        await asyncio.sleep(0.01)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    taken.set()
    assert gateway.admission.unanswered == 1
    while not log.published(QuestionAsked):
        await asyncio.sleep(0.01)
    [event] = log.published(QuestionAsked)
    for outcome in answers_with("yes")(event):
        log.append(outcome)
    async with asyncio.timeout(60):
        while gateway.admission.unanswered:
            await asyncio.sleep(0.01)


async def test_questions_that_another_gateway_took_in_count_here(gateway, call, log, tmp_path):
    other = a_gateway(tmp_path / "other", log)
    for name in ("a", "b"):
        event = other.reception.build.question("acme", user="jane", session=name, text="x")
        log.append(event)
    while gateway.admission.unanswered < 2:
        await asyncio.sleep(0.01)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 429)
    for event in log.published(QuestionAsked):
        for outcome in answers_with("yes")(event):
            log.append(outcome)
    log.answer = answers_with("yes")
    assert (await call("POST", "/v1/messages", {"text": "x"})).status_code == 200


async def test_what_was_asked_before_the_log_was_read_does_not_count(gateway, call, log):
    log.ready = False
    event = gateway.reception.build.question("acme", user="jane", session="s", text="x")
    log.append(event)
    while gateway.requests.find(("acme", event.meta.request)) is None:
        await asyncio.sleep(0.01)
    assert gateway.admission.unanswered == 0


async def test_steps_that_are_behind_refuse_what_is_new_and_nothing_else(gateway, call, log):
    log.answer = answers_with("yes")
    keyed = {"headers": {"Idempotency-Key": "k-1"}}
    answered = (await call("POST", "/v1/messages", {"text": "x"}, **keyed)).json()
    document = (await call("POST", "/v1/documents", DOCUMENT)).json()["document_id"]

    behind(gateway, QUESTIONS, 2_000)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 503)
    is_refusal(await call("POST", "/v1/search", {"text": "x"}), 503)
    assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202
    behind(gateway, DOCUMENTS, 10_001)
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
    behind(gateway, QUESTIONS, 0)
    behind(gateway, DOCUMENTS, 0)
    assert (await call("GET", "/readyz")).json()["shedding"] == {}
    assert (await call("POST", "/v1/messages", {"text": "x"})).status_code == 200


async def test_only_the_lanes_that_are_behind_are_closed(gateway, call, log):
    log.answer = answers_with("yes")
    mine = lane_of("acme", "s-1", Settings().partitions)
    behind(gateway, QUESTIONS, 2_000, lanes=[lane for lane in range(4) if lane != mine])
    asked = {"text": "x", "session_id": "s-1"}
    assert (await call("POST", "/v1/messages", asked)).status_code == 200
    behind(gateway, QUESTIONS, 2_000, lanes=[mine])
    is_refusal(await call("POST", "/v1/messages", asked), 503)


async def test_a_broker_that_takes_nothing_leaves_no_question_counted(gateway, call, log):
    log.broker = False
    for _ in range(4):
        is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 503)
    assert gateway.admission.unanswered == 0


@pytest.mark.parametrize("bounds", [Bounds(grace_s=0.1)])
async def test_a_question_waits_no_longer_for_the_broker_than_for_its_answer(gateway, call, log):
    log.send = lambda _: Future()  # never acknowledged
    async with asyncio.timeout(10):  # the broker itself has twice as long
        is_refusal(await call("POST", "/v1/messages", {"text": "x", "budget_ms": 100}), 503)
    assert gateway.admission.unanswered == 0


async def test_bodies_that_do_not_fit_into_memory_together_are_refused(tmp_path, log):
    gateway = a_gateway(tmp_path, log, bodies_bytes_max=1_000)
    call = HttpClient(create_app(gateway), a_key(gateway))
    large = {**DOCUMENT, "content": "x" * 2_000}
    is_refusal(await call("POST", "/v1/documents", large), 429)
    assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202
    assert gateway.admission.bodies_bytes == 0


async def test_a_websocket_is_told_which_message_was_refused(url, gateway, log):
    behind(gateway, QUESTIONS, 2_000)
    async with connect(url, a_key(gateway)) as socket:
        await send(socket, type="message", id="m-7", text="x")
        [error] = await frames_until(socket, "error")
        assert (error["id"], error["status"], error["retryable"]) == ("m-7", 503, True)
        assert error["retry_after_s"] >= 1
        behind(gateway, QUESTIONS, 0)
        log.answer = answers_with("yes")
        await send(socket, type="message", id="m-8", text="x")
        assert (await frames_until(socket, "completed"))[-1]["text"] == "yes"
    assert len(log.published(QuestionAsked)) == 1


@pytest.mark.parametrize("bounds", [Bounds(followed=NONE)])
async def test_a_websocket_takes_no_message_that_nobody_could_follow(url, gateway, log):
    async with connect(url, a_key(gateway)) as socket:
        await send(socket, type="message", id="m-1", text="x")
        [error] = await frames_until(socket, "error")
    assert error["status"] == 503
    assert not log.published(QuestionAsked)


@pytest.mark.parametrize("bounds", [Bounds(connections=Shares(9, 9, 1, 1))])
async def test_connections_are_limited(url, gateway):
    key = a_key(gateway)
    async with connect(url, key):
        with pytest.raises(Exception, match="429"):
            await connect(url, key)
        assert len(gateway.connections) == 1
    async with connect(url, key):  # there is room again
        pass


@pytest.mark.parametrize("bounds", [Bounds(listening_max=1)])
async def test_answers_resumed_on_one_connection_are_limited(url, gateway, log):
    key = a_key(gateway)
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


async def test_the_metrics_tell_of_refusals_and_of_no_tenant(gateway, call):
    metrics.configure(gateway.settings, "test")
    behind(gateway, QUESTIONS, 2_000)
    is_refusal(await call("POST", "/v1/messages", {"text": "x"}), 503)
    public = await call("GET", "/metrics", headers={"Authorization": ""})
    ours = await call("GET", "/metrics")
    assert (await call("GET", "/metrics", headers={"Authorization": "Bearer x"})).status_code == 401
    for told in (public, ours):  # not what is left to fill
        families = re.findall(
            r"^# TYPE (playhead_(?:gateway|backlog)_\w+)", told.text, re.MULTILINE
        )
        assert families == ["playhead_gateway_shed_total"]
        assert "playhead_backlog_lag" not in told.text
    operator = f"Bearer {a_key(gateway, scopes=['metrics'])}"
    response = await call("GET", "/metrics", headers={"Authorization": operator})
    assert response.headers["content-type"].startswith("text/plain")
    lines = [line for line in response.text.splitlines() if line.startswith("playhead_")]
    shed = [line for line in lines if line.startswith("playhead_gateway_shed_total")]
    assert any('playhead_reason="lag"' in line and 'code="503"' in line for line in shed)
    waiting = [line for line in lines if line.startswith("playhead_backlog_lag")]
    assert [line.endswith(" 2000.0") for line in waiting] == [True] * 4
    assert f'messaging_destination_name="{QUESTIONS}"' in waiting[0]
    assert "playhead_gateway_shedding 4.0" in lines
    assert "acme" not in response.text
