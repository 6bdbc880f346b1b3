"""The moderator's connector against a fake server."""

import asyncio
import dataclasses

import grpc
import pytest

from agents.errors import Permanent, Transient
from connectors.triton.moderator import (
    AT_ONCE,
    CHARACTERS_MAX,
    HEADS_MAX,
    RESERVED,
    TEXTS_MAX,
    Moderator,
)
from schemas import Classify, HeadScore
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.triton.server import FakeTritonServer, serve

CALL = Call(tenant="acme", lane=0, request="r-1", session="s-1", event="e-1", topic="t", offset=3)
REQUEST = Classify(texts=("a", "bb"), heads=("harm", "order"))


@pytest.fixture
async def fake():
    fake = FakeTritonServer()
    fake.server, fake.port = await serve(fake)
    yield fake
    await fake.server.stop(None)


@pytest.fixture
async def connector(fake):
    connector = Moderator(Settings(triton_grpc=f"127.0.0.1:{fake.port}", call_timeout_s=60.0))
    yield connector
    await connector.close()


async def test_each_text_has_a_score_of_each_head_in_the_order_asked(fake, connector):
    answer = await connector.classify(REQUEST, CALL)
    assert [scores.scores for scores in answer.texts] == [
        (HeadScore(head="harm", score=0.0), HeadScore(head="order", score=0.1235)),
        (HeadScore(head="harm", score=1.0), HeadScore(head="order", score=0.1235)),
    ]
    assert answer.model == "tiny@1"
    [sent] = fake.requests
    assert (sent.model_name, sent.id) == ("moderator", "e-1")
    assert [list(tensor.shape) for tensor in sent.inputs] == [[2, 1], [2, 1]]


@pytest.mark.parametrize(
    ("texts", "heads", "why"),
    [
        ((), ("harm",), "0 texts"),
        (("a",) * (TEXTS_MAX + 1), ("harm",), f"{TEXTS_MAX + 1} texts"),
        (("a",), (), "0 heads"),
        (("a",), ("harm",) * (HEADS_MAX + 1), f"{HEADS_MAX + 1} heads"),
        (("a" * (CHARACTERS_MAX + 1),), ("harm",), "characters"),
    ],
)
async def test_a_request_out_of_bounds_is_refused_before_it_is_sent(
    fake, connector, texts, heads, why
):
    with pytest.raises(Permanent, match=why):
        await connector.classify(Classify(texts=texts, heads=heads), CALL)
    assert fake.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, Transient),  # another model's absence is Permanent
        (grpc.StatusCode.UNAVAILABLE, Transient),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Transient),
        (grpc.StatusCode.INVALID_ARGUMENT, Permanent),
    ],
)
async def test_a_status_says_whether_to_try_again(fake, connector, status, kind):
    fake.failure = (status, "why")
    with pytest.raises(kind):
        await connector.classify(REQUEST, CALL)


async def test_a_model_that_is_not_there_is_named_with_what_to_do(fake, connector):
    fake.failure = (grpc.StatusCode.NOT_FOUND, "Request for unknown model: 'moderator'")
    with pytest.raises(Transient, match="holds no model moderator: put infra/triton/models"):
        await connector.classify(REQUEST, CALL)


async def test_an_answer_that_is_not_whole_is_transient(fake, connector):
    fake.scores = 1
    with pytest.raises(Transient, match="scores of shape"):
        await connector.classify(REQUEST, CALL)


async def test_a_tenants_crowd_waits_for_its_turn_and_leaves_room_for_another_tenants_one(
    fake, connector
):
    fake.held = asyncio.Event()
    call = dataclasses.replace(CALL, deadline=2**62)
    crowd = [
        asyncio.create_task(
            connector.classify(REQUEST, dataclasses.replace(call, request=f"r-{n}"))
        )
        for n in range(5)
    ]
    await under_way(fake, AT_ONCE - RESERVED)
    others = [
        dataclasses.replace(call, tenant=f"other-{n}", event="e-2", request=f"r-{n}")
        for n in range(RESERVED)
    ]
    singles = [asyncio.create_task(connector.classify(REQUEST, other)) for other in others]
    await under_way(fake, AT_ONCE)
    ids = [request.id for request in fake.requests]
    assert ids == ["e-1"] * (AT_ONCE - RESERVED) + ["e-2"] * RESERVED
    fake.held.set()
    assert len(await asyncio.gather(*crowd, *singles)) == 5 + RESERVED


async def under_way(fake, count):
    """Wait until so many requests have reached the server."""
    async with asyncio.timeout(60):
        while len(fake.requests) < count:  # noqa: ASYNC110 - the server tells of none
            await asyncio.sleep(0.005)
