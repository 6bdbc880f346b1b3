"""Requests that come again, by their idempotency keys."""

from __future__ import annotations

import pytest

from schemas import (
    DocumentSubmitted,
    QuestionAsked,
)
from tests.edge.fake_log import a_key
from tests.edge.http_client import (
    DOCUMENT,
    HttpClient,
    answers_with,
    is_problem,
)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/messages", {"text": "x"}, QuestionAsked),
        ("/v1/documents", DOCUMENT, DocumentSubmitted),
    ],
)
async def test_the_same_key_and_body_give_the_same_result(call, log, path, body, kind):
    log.answer = answers_with("x")
    first, second = [
        await call("POST", path, body, headers={"Idempotency-Key": "k-1"}) for _ in range(2)
    ]
    assert first.status_code == second.status_code
    assert first.json() == second.json()
    assert len(log.published(kind)) == 1
    other = {**body, "uri": "y", "text": "y"}
    is_problem(await call("POST", path, other, headers={"Idempotency-Key": "k-1"}), 422)


async def test_a_key_is_its_users_own(call, app, gateway, log):
    log.answer = answers_with("x")
    other = HttpClient(app, a_key(gateway))
    answers = [
        (await who("POST", "/v1/messages", {"text": "x"}, headers={"Idempotency-Key": "k"})).json()
        for who in (call, other)
    ]
    assert answers[0]["request_id"] != answers[1]["request_id"]


async def test_a_request_that_was_not_taken_in_may_be_repeated(call, log):
    log.answer = answers_with("x")
    log.broker = False
    headers = {"Idempotency-Key": "k"}
    is_problem(await call("POST", "/v1/messages", {"text": "x"}, headers=headers), 503)
    log.broker = True
    assert (await call("POST", "/v1/messages", {"text": "x"}, headers=headers)).status_code == 200


@pytest.mark.parametrize("key", ["x" * 256, "with space"])
async def test_a_malformed_idempotency_key_is_refused(call, key):
    response = await call("POST", "/v1/messages", {"text": "x"}, headers={"Idempotency-Key": key})
    assert response.status_code in (400, 422)
    is_problem(response, response.status_code)
