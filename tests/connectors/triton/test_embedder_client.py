"""Texts of clients at the embedder: few at once, and of each whether all of it was read."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np
import pytest

from agents.errors import Permanent, Transient
from connectors.text_vectors import NO_VECTORS
from connectors.triton import Triton
from connectors.triton.embedder_client import (
    REQUESTS_AT_ONCE,
    TEXTS_AT_ONCE,
    EmbedderClient,
)
from schemas import Embed
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.triton.server import CHARACTERS_MAX, FakeTritonServer, serve

CALL = Call(tenant="t", lane=0, request="r", session="s", event="e", topic="t", offset=0)


@pytest.fixture
async def fake():
    fake = FakeTritonServer()
    server, fake.port = await serve(fake)
    yield fake
    await server.stop(None)


@pytest.fixture
async def client(fake):
    client = EmbedderClient(Settings(triton_grpc=f"127.0.0.1:{fake.port}"))
    yield client
    await client.close()


@pytest.mark.parametrize("kind", ["query", "passage"])
async def test_as_many_texts_are_sent_as_may_be_at_once(fake, client, kind):
    most = TEXTS_AT_ONCE[kind]
    some = await client.some(("a",) * (most + 1), kind, CALL)
    assert len(some.vectors) == len(some.tokens) == len(some.cut) == most
    assert fake.requests[0].inputs[0].shape[0] == most
    assert [np.frombuffer(vector, "<f4")[0] for vector in some.vectors] == list(range(most))


async def test_a_text_whose_end_is_cut_is_told(client):
    some = await client.some(("a", "b" * (CHARACTERS_MAX + 1)), "passage", CALL)
    assert (some.cut, some.model) == ((False, True), "tiny@1")


async def test_vectors_add_up(client):
    one = await client.some(("a",), "query", CALL)
    both = NO_VECTORS.and_then(one).and_then(one)
    assert both.vectors == one.vectors * 2
    assert both.model == "tiny@1"


@pytest.mark.parametrize("kind", ["query", "passage"])
async def test_no_more_requests_are_at_the_server_than_may_be(fake, client, kind):
    fake.held = asyncio.Event()
    most = REQUESTS_AT_ONCE[kind]
    asking = [asyncio.create_task(client.some(("a",), kind, CALL)) for _ in range(most + 2)]
    while len(fake.requests) < most:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert len(fake.requests) == most
    fake.held.set()
    await asyncio.gather(*asking)
    assert len(fake.requests) == most + 2


@pytest.mark.parametrize(
    ("status", "error"),
    [(grpc.StatusCode.UNAVAILABLE, Transient), (grpc.StatusCode.INVALID_ARGUMENT, Permanent)],
)
async def test_what_the_server_refuses_may_pass_or_not(fake, client, status, error):
    fake.failure = status, "why"
    with pytest.raises(error):
        await client.some(("a",), "passage", CALL)


@pytest.mark.stack
@pytest.mark.parametrize("kind", ["query", "passage"])
async def test_the_real_embedder_says_the_same_as_to_a_step(running, kind):
    client, triton = EmbedderClient(running.settings), Triton(running.settings)
    texts = ("How long may a torque wrench be borrowed?", "x " * 2_000)
    some = NO_VECTORS
    try:
        while len(some.vectors) < len(texts):
            some = some.and_then(await client.some(texts[len(some.vectors) :], kind, CALL))
        answer = await triton.embed(Embed(texts=texts, kind=kind), CALL)
    finally:
        await client.close()
        await triton.close()
    assert (some.vectors, some.tokens, some.model) == (
        answer.vectors,
        answer.counts,
        answer.model,
    )
    assert some.cut == (False, True)
