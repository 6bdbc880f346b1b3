"""A reader's judgement of an answer."""

from __future__ import annotations

import pytest

from edge.requests import limits
from schemas import FeedbackGiven, QuestionAsked
from tests.edge.fake_log import a_key
from tests.edge.http_client import DOCUMENT, HttpClient, answers_with, is_problem


@pytest.fixture
async def about(call, log):
    """The id of an answered question."""
    log.answer = answers_with("x")
    return (await call("POST", "/v1/messages", {"text": "x"})).json()["request_id"]


def judge(who, about, rating=1, **more):
    headers = more.pop("headers", {})
    body = {"request_id": about, "rating": rating, **more}
    return who("POST", "/v1/feedback", body, headers=headers)


async def test_a_judgement_lies_sealed_in_the_lane_of_its_answer(call, gateway, log, about):
    response = await judge(call, about, -1, comment="It is wrong.")
    [given], [asked] = log.published(FeedbackGiven), log.published(QuestionAsked)
    assert response.status_code == 202
    assert response.json() == {"request_id": given.meta.request, "about": about}
    assert response.headers["x-request-id"] == given.meta.request == given.meta.id
    assert (given.about, given.rating) == (about, -1)
    assert (given.meta.lane, given.meta.session) == (asked.meta.lane, asked.meta.session)
    assert given.comment.key == f"user/{asked.subject}"
    assert b"wrong" not in given.comment.ciphertext
    assert gateway.keyring.unseal("acme", given.comment) == b"It is wrong."


@pytest.mark.parametrize("comment", [None, ""])
async def test_a_judgement_needs_no_words(call, log, about, comment):
    assert (await judge(call, f"chatcmpl-{about}", 0, comment=comment)).status_code == 202
    [given] = log.published(FeedbackGiven)
    assert (given.about, given.comment) == (about, None)


async def test_with_a_key_it_is_given_once_and_without_one_each_time(call, log, about):
    headers = {"Idempotency-Key": "k-1"}
    first, second = [await judge(call, about, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert len(log.published(FeedbackGiven)) == 1
    is_problem(await judge(call, about, -1, headers=headers), 422)
    await judge(call, about)
    assert len({given.meta.id for given in log.published(FeedbackGiven)}) == 2


async def test_only_answers_of_ones_own_are_judged(call, app, gateway, log, about):
    for other in (a_key(gateway), a_key(gateway, "globex")):
        is_problem(await judge(HttpClient(app, other), about), 404)
    is_problem(await judge(call, "nothing"), 404)
    document = (await call("POST", "/v1/documents", DOCUMENT)).json()["request_id"]
    is_problem(await judge(call, document), 404)
    assert not log.published(FeedbackGiven)


async def test_it_needs_a_key_that_may_read(app, gateway, about):
    is_problem(await judge(HttpClient(app, a_key(gateway, scopes=["write"])), about), 403)
    is_problem(await judge(HttpClient(app, ""), about), 401)


@pytest.mark.parametrize(
    "more",
    [
        {"rating": 2},
        {"rating": True},
        {"rating": 0.5},
        {"rating": "1"},
        {"rating": None},
        {"comment": "x" * (limits.COMMENT_MAX + 1)},
        {"comment": ["x"]},
        {"request_id": ""},
        {"request_id": "x" * 65},
    ],
)
async def test_what_is_no_judgement_is_invalid(call, log, about, more):
    is_problem(await call("POST", "/v1/feedback", {"request_id": about, "rating": 1, **more}), 422)
    assert not log.published(FeedbackGiven)


async def test_another_tenant_is_refused_and_no_json_told(call, about):
    is_problem(await judge(call, about, tenant="globex"), 403)
    is_problem(await call("POST", "/v1/feedback", content=b"{"), 400)
    is_problem(await call("POST", "/v1/feedback", content=b" " * 2_000_000), 413)


async def test_while_the_broker_is_away_it_may_be_given_again(call, log, about):
    headers = {"Idempotency-Key": "k-1"}
    log.broker = False
    is_problem(await judge(call, about, headers=headers), 503)
    log.broker = True
    assert (await judge(call, about, headers=headers)).status_code == 202
    assert len(log.published(FeedbackGiven)) == 1


async def test_the_words_of_an_erased_person_are_not_taken(call, gateway, log, about):
    [asked] = log.published(QuestionAsked)
    gateway.keyring.destroy("acme", f"user/{asked.subject}")
    is_problem(await judge(call, about, comment="x"), 410)
    assert not log.published(FeedbackGiven)
