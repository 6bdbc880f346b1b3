"""Receipts at the gateway: one's own answers, once they were released; what proves is handed in."""

from __future__ import annotations

import asyncio
import hashlib
import threading

import pytest

from agents.errors import Permanent, Transient
from edge.answering.bounds import Bounds
from edge.gateway.receipt_desk import AT_ONCE, WAITING_MAX
from edge.protocols.http.app import create_app
from schemas import AnswerReleased, AnswerRetracted
from streams.topics import topic_of
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import HttpClient, answers_with, is_problem

PLACE = topic_of(AnswerReleased)
DIGEST = "sha256:" + hashlib.sha256(b"VAT is due.").hexdigest()


class Proves:
    """Stands for a seal: what it answers, and what it was asked for."""

    def __init__(self):
        self.asked = []
        self.answer = {"index": 3, "proof": [], "checkpoint": "note"}

    def __call__(self, place, *, request, text):
        self.asked.append((place, request, text))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def proves():
    return Proves()


@pytest.fixture
async def gateway(tmp_path, log, bounds, proves):
    gateway = a_gateway(tmp_path, log, bounds, {"receipts": proves})
    gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
def call(gateway):
    return HttpClient(create_app(gateway), a_key(gateway))


@pytest.fixture
async def request_id(call, log):
    log.answer = answers_with("VAT ", "is due.")
    return (await call("POST", "/v1/messages", {"text": "Is VAT due?"})).json()["request_id"]


def position(log):
    [released] = log.entries[PLACE]
    return {"topic": PLACE, "partition": released.partition, "offset": released.offset}


async def test_a_receipt_tells_digest_place_proof_and_checkpoint(call, request_id, log, proves):
    receipt = (await call("GET", f"/v1/messages/{request_id}/receipt")).json()
    assert receipt["digest"] == DIGEST
    assert receipt["position"] == position(log)
    assert receipt["state"] == "sealed"
    assert (receipt["index"], receipt["checkpoint"]) == (3, "note")
    assert receipt["retracted"] is False
    assert proves.asked == [(tuple(position(log).values()), request_id, "VAT is due.")]


async def test_until_a_checkpoint_covers_it_it_says_what_it_will_be_of(call, request_id, proves):
    proves.answer = None
    receipt = (await call("GET", f"/v1/messages/{request_id}/receipt")).json()
    assert (receipt["state"], receipt["digest"]) == ("pending", DIGEST)
    assert "checkpoint" not in receipt


async def test_an_answer_that_was_retracted_was_told_all_the_same(call, request_id, log):
    [released] = log.published(AnswerReleased)
    fields = {"verdict": released.verdict, "subject": released.subject}
    log.append(AnswerRetracted(meta=released.meta, reason="no", **fields))
    receipt = (await call("GET", f"/v1/messages/{request_id}/receipt")).json()
    assert (receipt["retracted"], receipt["state"]) == (True, "sealed")


@pytest.mark.parametrize("bounds", [Bounds(grace_s=0.0, tick_s=0.02)])
async def test_what_is_not_released_has_none(call, log):
    log.answer = lambda _: ()
    asked = await call("POST", "/v1/messages", {"text": "x", "budget_ms": 100})
    request_id = asked.json()["request_id"]
    is_problem(await call("GET", f"/v1/messages/{request_id}/receipt"), 409)


@pytest.mark.parametrize(("tenant", "user"), [("acme", "bob"), ("globex", "")])
async def test_another_users_or_tenants_answer_does_not_exist(gateway, request_id, tenant, user):
    key = gateway.keys.create(tenant, user=user)[1]
    other = HttpClient(create_app(gateway), key)
    is_problem(await other("GET", f"/v1/messages/{request_id}/receipt"), 404)
    is_problem(await other("GET", "/v1/messages/r-none/receipt"), 404)


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (Transient("the log can't be read at the moment"), 503, "overloaded"),
        (Permanent("the record is not one of those that were signed"), 500, "not-provable"),
    ],
)
async def test_what_goes_wrong_is_told(call, request_id, proves, error, status, slug):
    proves.answer = error
    response = await call("GET", f"/v1/messages/{request_id}/receipt")
    problem = is_problem(response, status)
    assert problem["type"].endswith(slug)
    assert str(error) in problem["detail"]


async def test_readers_take_turns_and_too_many_are_told_to_come_again(gateway, call, request_id):
    held, at_once, most = threading.Event(), [], []

    def slow(*_, **__):
        at_once.append(1)
        most.append(len(at_once))
        held.wait(20)
        at_once.pop()

    gateway.receipt_desk._make = slow
    path = f"/v1/messages/{request_id}/receipt"
    waiting = [asyncio.create_task(call("GET", path)) for _ in range(WAITING_MAX)]
    async with asyncio.timeout(60):
        while gateway.receipt_desk._waiting < WAITING_MAX:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
    is_problem(await call("GET", path), 429)
    held.set()
    assert {response.status_code for response in await asyncio.gather(*waiting)} == {200}
    assert max(most) <= AT_ONCE


async def test_the_end_of_an_answer_says_what_its_receipt_is_of_to_who_asks(call, log):
    log.answer = answers_with("VAT ", "is due.")
    answer = (await call("POST", "/v1/messages", {"text": "x", "receipt": True})).json()
    assert answer["receipt"] == {
        "digest": DIGEST,
        "position": position(log),
        "href": f"/v1/messages/{answer['request_id']}/receipt",
    }
    assert "receipt" not in (await call("POST", "/v1/messages", {"text": "y"})).json()
