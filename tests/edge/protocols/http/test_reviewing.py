"""Reviewers over HTTP: what waits, judging it, and who may not."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest
from msgspec.structs import replace

from edge.gateway.review_desk import READING_AT_ONCE, WAITING_MAX
from edge.requests import limits
from schemas import AnswerJudged, AnswerReleased, QuestionAsked
from streams.operations.reviews.review_queue import SETTLED_US
from streams.topics import topic_of
from tests.edge.fake_log import Answers, a_citation
from tests.edge.http_client import HttpClient, is_problem
from tests.edge.reviewed import a_reviewed_answer, a_turn, know

REVIEW = ("review", "restore")


def reviewer(app, gateway, tenant="acme", scopes=REVIEW, **more):
    return HttpClient(app, gateway.keys.create(tenant, scopes=scopes, **more)[1])


@pytest.fixture
def one(app, gateway):
    return reviewer(app, gateway)


@pytest.fixture
def two(app, gateway):
    return reviewer(app, gateway)


@pytest.fixture
async def about(call, gateway, log):
    """The id of an answered question about a document that is known."""
    know(log)
    log.answer = a_reviewed_answer(gateway, (a_turn(),))
    return (await call("POST", "/v1/messages", {"text": "Does Jane Roe owe VAT?"})).json()[
        "request_id"
    ]


async def next_of(who, **query):
    return (await who("GET", "/v1/review/next", params=query)).json()


def judge(who, about, grade="right", **more):
    return who("POST", "/v1/review/judge", {"request_id": about, "grade": grade, **more})


def undo(who, about, **more):
    return who("POST", "/v1/review/undo", {"request_id": about, **more})


def settle(log):
    """Let all that was judged be judged long ago."""
    lane = log.entries[topic_of(AnswerJudged)]
    lane[:] = [
        dataclasses.replace(
            entry,
            event=replace(
                entry.event,
                meta=replace(entry.event.meta, at=entry.event.meta.at - SETTLED_US - 1),
            ),
        )
        for entry in lane
    ]


# ---------------------------------------------------------------------- what is shown


async def test_a_reviewer_sees_all_that_the_answer_rests_on(one, about):
    told = await next_of(one)
    answer = told["answer"]
    assert (told["left"], answer["request_id"]) == (1, about)
    assert answer["question"] == "Does Jane Roe owe VAT?"
    assert answer["query"] == "Does Jane Roe owe VAT on books?"
    assert answer["text"] == "Yes, Jane Roe: VAT is due."
    assert answer["conversation"] == [{"question": "Is there VAT?", "answer": "There is."}]
    [cited] = answer["citations"]
    assert cited["quote"] == "VAT is due."
    assert cited["passage"] == "Before it. VAT is due. And after."
    assert cited["uri"] == "file:vat"


async def test_personal_data_needs_the_scope_to_see_it(app, gateway, about):
    told = (await next_of(reviewer(app, gateway, scopes=["review"])))["answer"]
    assert "Jane" not in str(told)
    assert told["text"] == "Yes, <PERSON_1>: VAT is due."


async def test_the_next_lies_behind_the_cursor_of_one(call, one, about):
    await call("POST", "/v1/messages", {"text": "y"})
    first = (await next_of(one))["answer"]
    second = (await next_of(one, after=first["cursor"]))["answer"]
    assert first["request_id"] != second["request_id"]
    assert first["cursor"] < second["cursor"]
    assert await next_of(one, after=second["cursor"]) == {"answer": None, "left": 2}


@pytest.mark.parametrize("after", ["1", "x" * 16, "F" * 16, "0" * 17])
async def test_a_cursor_that_is_none_is_invalid(one, about, after):
    is_problem(await one("GET", "/v1/review/next", params={"after": after}), 422)


# ---------------------------------------------------------------------- judging


async def test_a_judgement_lies_in_the_answers_lane_and_its_note_under_the_askers_key(
    one, gateway, log, about
):
    response = await judge(one, about, "wrong", citations_wrong=True, note="Jane Roe owes none.")
    [given], [asked] = log.published(AnswerJudged), log.published(QuestionAsked)
    [released] = log.published(AnswerReleased)
    assert response.status_code == 202
    assert response.json() == {"request_id": given.meta.request, "about": about}
    assert (given.about, given.answer, given.sample) == (about, released.meta.id, "c")
    assert (given.grade, given.citations_wrong) == ("wrong", True)
    assert (given.meta.lane, given.meta.session) == (asked.meta.lane, asked.meta.session)
    assert given.reviewer != asked.subject
    assert given.note.key == f"user/{asked.subject}"
    assert b"Jane" not in given.note.ciphertext
    assert gateway.keyring.unseal("acme", given.note) == b"Jane Roe owes none."


async def test_two_judge_an_answer_each_once_and_blindly(app, gateway, one, two, log, about):
    await judge(one, about, "right")
    assert await next_of(one) == {"answer": None, "left": 0}
    shown = await next_of(two)
    assert shown["answer"]["request_id"] == about
    assert "right" not in str(shown), "nothing tells what the other said"
    await judge(two, about, "useless")
    assert (await next_of(reviewer(app, gateway)))["answer"] is None


async def test_the_same_judgement_again_is_the_one_that_there_is(one, log, about):
    first, second = [await judge(one, about, "partly", note="so") for _ in range(2)]
    assert first.json() == second.json()
    assert second.status_code == 202
    assert len(log.published(AnswerJudged)) == 1
    for more in ({"note": "otherwise"}, {"grade": "wrong", "note": "so"}, {"note": None}):
        problem = is_problem(await judge(one, about, **{"grade": "partly", **more}), 409)
        assert "undo that first" in problem["detail"]
    assert len(log.published(AnswerJudged)) == 1


async def test_judgements_at_once_are_one(one, log, about):
    replies = await asyncio.gather(*(judge(one, about) for _ in range(8)))
    assert {reply.status_code for reply in replies} == {202}
    assert len(log.published(AnswerJudged)) == 1


async def test_a_key_of_a_judgement_is_of_no_other_and_of_none_that_is_taken_back(one, log, about):
    key = {"headers": {"Idempotency-Key": "k"}}
    body = {"request_id": about, "grade": "right"}
    first, again = [await one("POST", "/v1/review/judge", body, **key) for _ in range(2)]
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    is_problem(await one("POST", "/v1/review/judge", {**body, "grade": "wrong"}, **key), 422)
    is_problem(await one("POST", "/v1/review/undo", {"request_id": about}, **key), 422)
    assert len(log.published(AnswerJudged)) == 1


async def test_who_asked_does_not_judge(app, gateway, log, about):
    [asked] = log.published(QuestionAsked)
    known = gateway.keys.all("acme")
    user = next(
        key.user
        for key in known
        if gateway.reception.build.subject("acme", key.user) == asked.subject
    )
    same = reviewer(app, gateway, user=user)
    assert (await next_of(same))["answer"] is None
    is_problem(await judge(same, about), 404)
    assert not log.published(AnswerJudged)


async def test_what_was_not_drawn_can_t_be_judged(one, log, about):
    log.configurations = {"c": {"review": {"share": 0.0}}}
    assert (await next_of(one))["answer"] is None
    is_problem(await judge(one, about), 404)
    is_problem(await judge(one, "nothing"), 404)


async def test_a_retracted_answer_is_gone(one, log, about):
    log.append(Answers(log.published(QuestionAsked)[0]).retracted("not allowed", 1))
    assert await next_of(one) == {"answer": None, "left": 0}
    assert "withdrawn" in is_problem(await judge(one, about), 410)["detail"]


async def test_an_erased_persons_answer_is_gone(one, gateway, log, about):
    [asked] = log.published(QuestionAsked)
    gateway.keyring.destroy("acme", f"user/{asked.subject}")
    assert await next_of(one) == {"answer": None, "left": 0}
    assert "erased" in is_problem(await judge(one, about), 410)["detail"]
    assert not log.published(AnswerJudged)


# ---------------------------------------------------------------------- undoing


async def test_what_was_undone_waits_again_and_may_be_judged_otherwise(one, log, about):
    await judge(one, about, "right")
    undone = await undo(one, about)
    assert undone.status_code == 202
    assert (await undo(one, about)).json() == undone.json(), "twice is once"
    assert (await next_of(one))["answer"]["request_id"] == about
    await judge(one, about, "wrong")
    assert [given.grade for given in log.published(AnswerJudged)] == ["right", "undone", "wrong"]


async def test_what_counts_by_now_is_not_undone(one, log, about):
    await judge(one, about)
    settle(log)
    assert is_problem(await undo(one, about), 409)["type"].endswith("settled")


async def test_there_is_nothing_of_anothers_to_undo(one, two, about):
    await judge(one, about)
    is_problem(await undo(two, about), 404)
    is_problem(await undo(one, "nothing"), 404)


# ---------------------------------------------------------------------- agreement


async def test_agreement_counts_what_can_t_be_undone_any_more(one, two, log, about):
    await judge(one, about)
    await judge(two, about)
    told = (await one("GET", "/v1/review/agreement")).json()
    assert (told["answers"], told["kappa"], told["judged_by_you"]) == (0, None, 1)
    settle(log)
    told = (await one("GET", "/v1/review/agreement")).json()
    assert (told["answers"], told["raw"], told["left"]) == (1, 1.0, 0)


# ---------------------------------------------------------------------- who may not


ADDRESSES = [
    ("GET", "/v1/review/next", None),
    ("GET", "/v1/review/agreement", None),
    ("POST", "/v1/review/judge", {"request_id": "r", "grade": "right"}),
    ("POST", "/v1/review/undo", {"request_id": "r"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ADDRESSES)
async def test_it_needs_a_key_with_the_scope(app, gateway, call, method, path, body):
    is_problem(await HttpClient(app, "")(method, path, body), 401)
    assert "review" in is_problem(await call(method, path, body), 403)["detail"]
    one = reviewer(app, gateway)
    query = {"tenant": "globex"}
    is_problem(await one(method, path, body, params=query), 403)


async def test_another_tenants_answers_do_not_exist(app, gateway, log, about):
    know(log, tenant="globex")
    stranger = reviewer(app, gateway, "globex")
    assert await next_of(stranger) == {"answer": None, "left": 0}
    is_problem(await judge(stranger, about), 404)
    is_problem(await undo(stranger, about), 404)
    is_problem(await judge(stranger, about, tenant="acme"), 403)


async def test_documents_of_other_groups_are_not_reviewed(app, gateway, call, one, log):
    know(log, "d-2", groups=["board"])
    log.answer = a_reviewed_answer(gateway, citations=(replace(a_citation(), document="d-2"),))
    about = (await call("POST", "/v1/messages", {"text": "x"})).json()["request_id"]
    assert await next_of(one) == {"answer": None, "left": 0}
    is_problem(await judge(one, about), 404)
    member = reviewer(app, gateway, groups=["board"])
    assert (await next_of(member))["answer"]["request_id"] == about


async def test_what_an_asker_of_other_groups_saw_is_not_reviewed(app, gateway, one, log):
    know(log)
    log.answer = a_reviewed_answer(gateway)
    asker = reviewer(app, gateway, scopes=["read"], groups=["board"])
    about = (await asker("POST", "/v1/messages", {"text": "x"})).json()["request_id"]
    assert (await next_of(one))["answer"] is None
    is_problem(await judge(one, about), 404)
    member = reviewer(app, gateway, groups=["board", "staff"])
    assert (await next_of(member))["answer"]["request_id"] == about


@pytest.mark.parametrize(
    "more",
    [
        {"grade": "splendid"},
        {"grade": "undone"},
        {"grade": None},
        {"citations_wrong": "yes"},
        {"note": "x" * (limits.NOTE_MAX + 1)},
        {"note": ["x"]},
        {"request_id": ""},
        {"request_id": "x" * 65},
    ],
)
async def test_what_is_no_judgement_is_invalid(one, log, about, more):
    is_problem(
        await one("POST", "/v1/review/judge", {"request_id": about, "grade": "right", **more}), 422
    )
    assert not log.published(AnswerJudged)


async def test_no_json_and_too_much_of_it_are_told(one):
    for path in ("judge", "undo"):
        is_problem(await one("POST", f"/v1/review/{path}", content=b"{"), 400)
        is_problem(await one("POST", f"/v1/review/{path}", content=b" " * 2_000_000), 413)


# ---------------------------------------------------------------------- while parts are away


async def test_while_the_broker_is_away_nothing_is_lost(one, log, about):
    log.broker = False
    for method, path, _ in ADDRESSES[:2]:
        assert is_problem(await one(method, path), 503)["retryable"]
    is_problem(await judge(one, about), 503)
    log.broker = True
    assert (await judge(one, about)).status_code == 202


async def test_while_the_log_is_still_read_nobody_is_told_that_nothing_waits(one, log, about):
    log.ready = False
    is_problem(await one("GET", "/v1/review/next"), 503)
    is_problem(await judge(one, about), 503)


async def test_an_unknown_document_is_not_taken_for_none_while_the_log_is_read(
    call, gateway, one, log
):
    log.answer = a_reviewed_answer(gateway)
    await call("POST", "/v1/messages", {"text": "x"})
    log.ready = False
    is_problem(await one("GET", "/v1/review/next"), 503)
    log.ready = True
    assert (await next_of(one))["answer"] is None


async def test_few_tenants_are_read_at_once_and_few_of_each_wait(app, gateway, log):
    read, at_once, most = log.queue, [], []
    let_go = threading.Event()

    def slow(tenant):
        at_once.append(tenant)
        most.append(len(at_once))
        let_go.wait(20)
        at_once.remove(tenant)
        return read(tenant)

    log.queue = slow
    first, *others = (reviewer(app, gateway, f"tenant-{n}") for n in range(READING_AT_ONCE + 2))
    crowd = [asyncio.create_task(first("GET", "/v1/review/next")) for _ in range(WAITING_MAX + 3)]
    refused, _ = await asyncio.wait(crowd, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    is_problem(refused.pop().result(), 503)
    calls = [asyncio.create_task(one("GET", "/v1/review/next")) for one in others]
    async with asyncio.timeout(60):
        while len(most) < READING_AT_ONCE:  # noqa: ASYNC110 - they are on threads
            await asyncio.sleep(0.01)
    let_go.set()
    assert {(await call).status_code for call in calls} == {200}, "whatever one tenant's crowd does"
    assert {(await call).status_code for call in crowd} == {200, 503}
    assert max(most) == READING_AT_ONCE
