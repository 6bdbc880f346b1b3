"""While history is read it serves what needs none of it; the rest is told when to come again."""

from __future__ import annotations

import asyncio

import pytest

from schemas import AnswerReleased, DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from tests.edge.fake_log import Answers, a_citation
from tests.edge.http_client import DOCUMENT, HttpClient, frames_of, is_problem, outcomes_of
from tests.edge.protocols.http.test_uploads import SIZE, TEXT, TUS, create, patch
from tests.edge.reviewed import a_reviewed_answer, a_turn

LEFT_S = 90.0


def answers(event):
    return Answers(event).whole("yes", citations=(a_citation(),))


def for_later(response):
    """Check that a response says in how many seconds to come again, a quarter more at most."""
    problem = is_problem(response, 503)
    assert problem["retryable"]
    assert LEFT_S <= int(response.headers["retry-after"]) <= 1.25 * LEFT_S + 1
    assert f"try again in {response.headers['retry-after']} s" in problem["detail"]


async def test_it_is_ready_and_says_how_long_history_takes(call, log):
    whole = {"status": "ready", "shedding": {}, "history_left_s": 0}
    assert (await call("GET", "/readyz", params={"whole": True})).json() == whole
    log.left_s = LEFT_S - 0.5
    assert (await call("GET", "/readyz")).json() == {**whole, "history_left_s": LEFT_S}
    problem = is_problem(await call("GET", "/readyz", params={"whole": True}), 503)
    assert "log: the log is still being read" in problem["detail"]


@pytest.mark.parametrize("session", [{}, {"session_id": "s-9"}])
async def test_a_question_without_a_key_is_answered_and_known(call, log, session):
    log.answer, log.left_s = answers, LEFT_S
    response = await call("POST", "/v1/messages", {"text": "x", **session})
    assert response.status_code == 200
    request = response.json()["request_id"]
    assert (await call("GET", f"/v1/messages/{request}")).json()["text"] == "yes"
    assert (await call("GET", f"/v1/messages/{request}/timeline")).status_code == 200
    resumed = await call("GET", f"/v1/messages/{request}", headers={"Accept": "text/event-stream"})
    assert resumed.status_code == 200


async def test_a_key_is_not_taken_for_a_new_one(call, log):
    log.answer, log.left_s = answers, LEFT_S
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):
        for_later(await call("POST", "/v1/messages", {"text": "x"}, headers=headers))
    assert not log.published(QuestionAsked)
    log.left_s = 0.0
    assert (await call("POST", "/v1/messages", {"text": "x"}, headers=headers)).status_code == 200
    log.left_s = LEFT_S
    again = await call("POST", "/v1/messages", {"text": "x"}, headers=headers)
    assert again.status_code == 200, "it is known by now"
    assert len(log.published(QuestionAsked)) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/messages/none", None),
        ("GET", "/v1/sessions", None),
        ("GET", "/v1/sessions/none", None),
        ("GET", "/v1/documents", None),
        ("GET", "/v1/documents/none", None),
        ("DELETE", "/v1/documents/none", None),
        ("POST", "/v1/documents", DOCUMENT),
        ("POST", "/v1/feedback", {"request_id": "none", "rating": 1}),
        (
            "POST",
            "/v1/responses",
            {"input": "x", "previous_response_id": "none", "model": "playhead"},
        ),
    ],
)
async def test_what_may_lie_in_it_is_not_said_not_to_be_there(call, log, method, path, body):
    log.left_s = LEFT_S
    response = await call(method, path, body)
    assert response.status_code == 503, response.text
    assert LEFT_S <= int(response.headers["retry-after"]) <= 1.25 * LEFT_S + 1


async def test_a_document_that_is_known_may_fare_otherwise_by_now(call, log):
    log.answer = outcomes_of
    document = (await call("POST", "/v1/documents", DOCUMENT)).json()["document_id"]
    log.left_s = LEFT_S
    for_later(await call("GET", f"/v1/documents/{document}"))
    for_later(await call("GET", f"/v1/documents/{document}/versions"))
    for_later(await call("DELETE", f"/v1/documents/{document}"))
    many = await call("POST", "/v1/documents/withdraw", {"document_ids": [document]})
    assert [one["status"] for one in many.json()["documents"]] == [503]
    assert not log.published(DocumentWithdrawn)


async def test_of_a_document_that_was_handed_in_before_no_limits_are_told(call, gateway, log):
    headers = {"Idempotency-Key": "k"}
    taken = await call("POST", "/v1/documents", DOCUMENT, headers=headers)
    log.left_s, told = LEFT_S, []
    gateway.quotas.tell_of_document = lambda *_: told.append(1)
    again = await call("POST", "/v1/documents", DOCUMENT, headers=headers)
    assert again.json() == taken.json()
    assert not told
    log.left_s = 0.0
    assert (await call("POST", "/v1/documents", DOCUMENT, headers=headers)).json() == taken.json()
    assert told


async def test_an_upload_arrives_and_becomes_a_document_later(call, log):
    log.left_s = LEFT_S
    at = (await create(call)).headers["location"]
    assert (await patch(call, at, 0, TEXT[:100])).status_code == 204
    for_later(await patch(call, at, 100, TEXT[100:]))
    assert not log.published(DocumentSubmitted)
    log.left_s = 0.0
    response = await call("HEAD", at, headers=TUS)
    assert int(response.headers["upload-offset"]) == SIZE
    assert len(log.published(DocumentSubmitted)) == 1


async def test_who_follows_an_upload_does_not_wait_for_history_in_silence(call, gateway, log):
    at = (await create(call)).headers["location"]
    assert (await patch(call, at, 0, TEXT)).status_code == 204
    gateway.index.begin_anew()
    gateway.requests._own.clear()
    log.left_s = LEFT_S
    headers = {"Accept": "text/event-stream"}
    async with asyncio.timeout(60):
        frames = frames_of(await call("GET", at, headers=headers))
    assert [frame["type"] for frame in frames] == ["upload", "error"]
    assert frames[1]["status"] == 503
    assert frames[1]["retry_after_s"] >= LEFT_S


async def test_an_auditor_sees_no_answer_whose_conversation_may_hold_what_is_withheld(
    app, gateway, log
):
    log.answer = a_reviewed_answer(gateway, citations=(), turns=(a_turn(),))
    keys = (
        gateway.keys.create("acme", user=user, scopes=(scope,))[1]
        for user, scope in (("joe", "ask"), ("ann", "audit"))
    )
    asker, audit = (HttpClient(app, key) for key in keys)
    log.left_s = LEFT_S
    asked = await asker("POST", "/v1/messages", {"text": "x", "session_id": "s-1"})
    path = f"/v1/audit/requests/{asked.json()['request_id']}"
    for_later(await audit("GET", path))
    log.left_s = 0.0
    assert (await audit("GET", path)).json()["texts"] is not None
    assert log.published(AnswerReleased)
