"""Taking requests in: what is on the log, once for each idempotency key."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from edge.answering.bounds import Bounds
from edge.gateway.idempotency import Idempotency
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import Problem
from edge.requests.new_document import NewDocument
from schemas import Ask, DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from streams.log.configuration import configuration
from streams.log.ids import request_id
from streams.log.lanes import lane_of
from streams.operations.lag import Lag
from streams.topics import topic_of
from tests.edge.fake_log import a_key
from tests.edge.http_client import DOCUMENT, HttpClient, answers_with, is_problem


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


CHAT = {"model": "playhead", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/messages", {"text": "x"}, {"text": "y"}),
        ("/v1/messages", {"text": "x"}, {"text": "x", "max_tokens": 7}),
        ("/v1/messages", {"text": "x"}, {"text": "x", "response_schema": {"type": "object"}}),
        ("/v1/chat/completions", CHAT, {**CHAT, "max_tokens": 7}),
        ("/v1/responses", {"model": "playhead", "input": "x"}, {"model": "playhead", "input": "y"}),
    ],
)
async def test_another_gateway_knows_by_the_log_what_a_key_came_with(
    call, gateway, log, tmp_path, path, body, other
):
    log.answer = answers_with("x")
    headers = {"Idempotency-Key": "k-1"}
    first = await call("POST", path, body, headers=headers)
    gateway.reception._idempotency = Idempotency(tmp_path / "of-another.sqlite")
    refused = await call("POST", path, other, headers=headers)
    assert refused.status_code == 422
    assert "another request before" in refused.text
    again = await call("POST", path, body, headers=headers)
    assert again.status_code == 200
    assert again.json()["request_id" if "text" in body else "id"] in first.text
    assert len(log.published(QuestionAsked)) == 1


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/messages", {"text": "x"}), ("/v1/documents", DOCUMENT)]
)
async def test_what_may_not_be_processed_here_is_refused_and_not_put_on_the_log(
    call, gateway, log, path, body
):
    rules = '@id("elsewhere") forbid(principal, action == Action::"process", resource);'
    gateway.configurations["policy"] = configuration("policy", {"cedar": rules})
    problem = is_problem(await call("POST", path, body), 403)
    assert problem["type"].endswith("residency")
    assert "by 'elsewhere' of the policy in force" in problem["detail"]
    assert not log.published(QuestionAsked)
    assert not log.published(DocumentSubmitted)


@pytest.mark.parametrize("bounds", [Bounds(grace_s=0.0, settle_s=0.05, tick_s=0.02)])
async def test_a_repeat_waits_until_the_log_is_read_again_instead_of_being_a_duplicate(
    call, gateway, log
):
    log.answer = answers_with("x")
    headers, body = {"Idempotency-Key": "k-1"}, {"text": "x", "budget_ms": 1_000}
    first = await call("POST", "/v1/messages", body, headers=headers)
    gateway.index.begin_anew()
    gateway.requests._own.clear()
    log.ready = False
    is_problem(await call("POST", "/v1/messages", body, headers=headers), 503)
    is_problem(await call("GET", f"/v1/messages/{first.json()['request_id']}"), 503)
    new = await call("POST", "/v1/messages", {"text": "x", "budget_ms": 100})
    assert new.status_code == 200
    for entry in log.entries[topic_of(QuestionAsked)]:
        gateway.requests.take(entry)
    again = await call("POST", "/v1/messages", body, headers=headers)
    assert again.json() == first.json()
    assert len(log.published(QuestionAsked)) == 2


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


# ---------------------------------------------------------------------- without a protocol


@pytest.fixture
async def caller(gateway):
    return await gateway.caller(a_key(gateway))


async def refused(awaitable):
    with pytest.raises(Problem) as raised:
        await awaitable
    return raised.value


async def test_a_question_is_identified_before_anything_is_sealed(gateway, caller, log):
    named = gateway.reception.identify(caller, NewQuestion("x", "s-1", fingerprint="f"))
    again = gateway.reception.identify(caller, NewQuestion("y", "s-1", fingerprint="f"))
    assert named == again
    assert (named.tenant, named.subject, named.session) == ("acme", caller.subject, "s-1")
    assert named.request == request_id("acme", "f")
    assert named.lane == lane_of("acme", "s-1", gateway.settings.partitions)
    unnamed = [gateway.reception.identify(caller, NewQuestion("x")) for _ in range(2)]
    assert len({one.request for one in unnamed}) == len({one.session for one in unnamed}) == 2
    assert all(one.session == f"s-{one.request}" for one in unnamed)
    assert not log.published(QuestionAsked)


async def test_what_is_on_the_log_is_what_was_identified(gateway, caller, log):
    question = NewQuestion("x", "s-1", budget_ms=5_000, fingerprint="f", trace="00-a-b-01")
    identity = gateway.reception.identify(caller, question)
    known = await gateway.reception.ask(caller, identity, question)
    [event] = log.published(QuestionAsked)
    assert {name: getattr(known, name) for name in vars(identity)} == vars(identity)
    assert (event.meta.request, event.meta.session, event.meta.lane) == (
        identity.request,
        identity.session,
        identity.lane,
    )
    assert event.subject == identity.subject == caller.subject
    assert event.meta.trace == known.trace == "00-a-b-01"
    assert event.ask.deadline == known.deadline_us
    assert 0 < event.ask.deadline - event.meta.at <= 5_000_000
    assert gateway.requests.find(known.whose) == known


async def test_a_callers_groups_go_with_the_question_and_nothing_else_does(gateway, log):
    caller = replace(await gateway.caller(a_key(gateway)), groups=("staff",))
    question = NewQuestion("x", ask=Ask(groups=("forged",), max_tokens=7))
    await gateway.reception.ask(caller, gateway.reception.identify(caller, question), question)
    [event] = log.published(QuestionAsked)
    assert (event.ask.groups, event.ask.max_tokens) == (("staff",), 7)


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (NewQuestion(""), 422),
        (NewQuestion("x" * 20_001), 413),
        (NewQuestion("x", "no spaces"), 422),
    ],
)
async def test_a_question_that_can_not_be_taken_in_is_a_problem(gateway, caller, question, status):
    with ExitStack() as resources:
        problem = await refused(gateway.ask_once(caller, question, resources))
        assert problem.status == status
    assert gateway.admission.unanswered == 0
    assert gateway.dispatch.waiting == 0


async def test_an_erased_person_asks_nothing(gateway, caller):
    gateway.keyring.seal("acme", f"user/{caller.subject}", "e", "text", b"x")
    gateway.keyring.destroy("acme", f"user/{caller.subject}")
    with ExitStack() as resources:
        problem = await refused(gateway.ask_once(caller, NewQuestion("x"), resources))
    assert (problem.status, problem.slug) == (410, "erased")


async def test_outcomes_are_watched_before_the_question_is_on_the_log(gateway, caller, log):
    watched = []
    log.answer = lambda event: (
        watched.append(gateway.dispatch.is_awaited(("acme", event.meta.request))) or ()
    )
    with ExitStack() as resources:
        watch = await gateway.ask_once(caller, NewQuestion("x"), resources)
        assert not watch.from_log
        assert gateway.dispatch.waiting == 1
    assert watched == [True]
    assert gateway.dispatch.waiting == 0


async def test_a_question_that_comes_again_is_followed_from_the_log(gateway, caller, log):
    question = NewQuestion("x", fingerprint="f")
    watches = []
    for _ in range(2):
        with ExitStack() as resources:
            watches.append(await gateway.ask_once(caller, question, resources))
    assert [watch.from_log for watch in watches] == [False, True]
    assert watches[0].request == watches[1].request
    assert len(log.published(QuestionAsked)) == 1


async def test_requests_with_one_key_wait_for_each_other(gateway, caller):
    order = []

    async def take(name):
        async with gateway.reception.once(caller, "k", b"body") as turn:
            order.append((name, turn.repeated))
            await asyncio.sleep(0)
            order.append((name, turn.repeated))

    await asyncio.gather(*(take(name) for name in "abc"))
    assert [name for name, _ in order] == [name for name, _ in order[::2] for _ in range(2)]
    assert [repeated for _, repeated in order] == [False, False, True, True, True, True]


async def test_a_turn_that_goes_wrong_is_none(gateway, caller):
    with pytest.raises(ZeroDivisionError):
        async with gateway.reception.once(caller, "k", b"body"):
            _ = 1 / 0
    async with gateway.reception.once(caller, "k", b"body") as turn:
        assert not turn.repeated


async def test_without_a_key_every_request_is_a_new_one(gateway, caller):
    for _ in range(2):
        async with gateway.reception.once(caller, "", b"body") as turn:
            assert (turn.fingerprint, turn.repeated) == ("", False)


async def test_a_withdrawal_is_taken_in_however_much_waits(gateway, caller, log):
    behind = [Lag("ingest", topic_of(DocumentSubmitted), lane, 0, 10_001) for lane in range(4)]
    gateway.admission.read(behind)
    identity = gateway.reception.identify_document(caller, "u")
    problem = await refused(gateway.reception.submit(caller, identity, NewDocument("u", b"x")))
    assert problem.status == 503
    await gateway.reception.withdraw(caller, identity.session)
    [event] = log.published(DocumentWithdrawn)
    assert event.document == identity.session


async def test_what_is_no_tenant_takes_nothing_in(gateway, caller):
    nobody = replace(caller, tenant="no tenant")
    for call in (
        lambda: gateway.reception.identify(nobody, NewQuestion("x")),
        lambda: gateway.reception.identify_document(nobody, "u"),
    ):
        with pytest.raises(Problem) as raised:
            call()
        assert raised.value.status == 422
    assert (await refused(gateway.reception.withdraw(nobody, "d"))).status == 422
