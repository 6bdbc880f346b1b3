"""Embeddings, by OpenAI's own client, with a gateway before a server of Triton's protocol."""

from __future__ import annotations

import base64
import logging

import grpc
import numpy as np
import openai
import pytest

from connectors.triton.embedder_client import TEXTS_AT_ONCE, EmbedderClient
from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from streams.settings import Settings
from tests.connectors.triton.server import CHARACTERS_MAX, FakeTritonServer, serve
from tests.edge.fake_log import a_gateway, a_key

SECRET = "Jane Doe's number is 5551234"


@pytest.fixture
async def triton():
    fake = FakeTritonServer()
    server, fake.port = await serve(fake)
    yield fake
    await server.stop(None)


@pytest.fixture
async def gateway(tmp_path, log, bounds, triton):
    embedder = EmbedderClient(Settings(triton_grpc=f"127.0.0.1:{triton.port}"))
    return a_gateway(tmp_path, log, bounds, {"embedder": embedder})


def embed(client, given, **more):
    return client.embeddings.create(model="playhead", input=given, **more)


def texts_sent(triton):
    return [request.inputs[0].shape[0] for request in triton.requests]


@pytest.mark.parametrize("encoding", ["float", "base64", None])
async def test_texts_become_vectors_in_their_order(client, triton, encoding):
    more = {"encoding_format": encoding} if encoding else {}
    answer = await embed(client, ["a", "b"], **more)
    vectors = [one.embedding for one in answer.data]
    if encoding == "base64":
        vectors = [np.frombuffer(base64.b64decode(one), "<f4").tolist() for one in vectors]
    assert vectors == [[0, 0, 0, 0], [1, 0, 0, 0]]
    assert [one.index for one in answer.data] == [0, 1]
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == (
        "tiny@1",
        14,
        14,
    )


async def test_many_texts_are_sent_few_at_a_time(client, triton):
    most = TEXTS_AT_ONCE["passage"]
    answer = await embed(client, ["a"] * (2 * most + 1))
    assert [one.index for one in answer.data] == list(range(2 * most + 1))
    assert texts_sent(triton) == [most, most, 1]
    triton.requests.clear()
    await embed(client, ["a"] * 3, extra_body={"input_type": "query"})
    assert texts_sent(triton) == [1, 1, 1]


async def test_one_text_is_one_vector_and_the_log_has_its_tokens_alone(client, log):
    assert len((await embed(client, SECRET, dimensions=4)).data) == 1
    [told] = [entry.event for entries in log.entries.values() for entry in entries]
    assert (told.SCHEMA, told.texts, told.tokens) == ("TextsEmbedded", 1, 7)
    assert "Jane" not in repr(told)


@pytest.mark.parametrize(
    ("more", "code", "param"),
    [
        ({"input": [1, 2, 3]}, "unsupported_parameter", "input"),
        ({"input": [[1, 2], [3]]}, "unsupported_parameter", "input"),
        ({"dimensions": 8}, "unsupported_parameter", "dimensions"),
        ({"input": ["a", "b" * (CHARACTERS_MAX + 1)]}, "too_long", "input"),
        ({"input": ""}, "invalid", "input"),
        ({"input": []}, "invalid", "input"),
        ({"input": ["a", ""]}, "invalid", "input"),
        ({"input": ["a"] * 2_049}, "invalid", "input"),
        ({"extra_body": {"input": {"a": 1}}}, "invalid", "input"),
        ({"extra_body": {"encoding_format": "int8"}}, "invalid", "encoding_format"),
        ({"extra_body": {"dimensions": "x"}}, "invalid", "dimensions"),
    ],
)
async def test_what_cannot_be_embedded_is_refused(client, more, code, param):
    with pytest.raises(openai.BadRequestError) as caught:
        await embed(client, **{"given": more.pop("input", "a"), **more})
    assert (caught.value.code, caught.value.param) == (code, param)


async def test_another_model_is_not_found_and_the_embedders_own_name_is(client):
    with pytest.raises(openai.NotFoundError):
        await client.embeddings.create(model="text-embedding-3-small", input="a")
    assert (await client.embeddings.create(model="embedder", input="a")).data
    assert (await client.models.retrieve("embedder")).id == "embedder"


async def test_a_key_without_the_scope_and_another_tenant_are_refused(client, gateway):
    other = client.with_options(api_key=a_key(gateway, scopes=["write"]))
    with pytest.raises(openai.PermissionDeniedError):
        await embed(other, "a")
    with pytest.raises(openai.PermissionDeniedError):
        await embed(client, "a", extra_body={"tenant": "globex"})


@pytest.mark.parametrize("bounds", [Bounds(embedded=Shares(9, 9, 0, 0))])
async def test_too_many_at_once_are_told_when_to_come_back(client):
    with pytest.raises(openai.RateLimitError) as caught:
        await embed(client, "a")
    assert caught.value.response.headers["retry-after"]


@pytest.mark.parametrize(
    ("status", "told"),
    [(grpc.StatusCode.UNAVAILABLE, 503), (grpc.StatusCode.INVALID_ARGUMENT, 502)],
)
async def test_an_embedder_that_fails_is_told_of_without_a_word_of_the_text(
    client, triton, caplog, capfd, status, told
):
    caplog.set_level(logging.DEBUG, "gateway")
    triton.failure = status, f"can't read {SECRET}"
    with pytest.raises(openai.InternalServerError) as caught:
        await embed(client, SECRET)
    assert caught.value.status_code == told
    assert "5551234" not in caught.value.response.text
    out, err = capfd.readouterr()
    assert "5551234" not in out + err


async def test_a_key_stands_for_one_body(client):
    headers = {"Idempotency-Key": "k-1"}
    assert await embed(client, "a", extra_headers=headers) == await embed(
        client, "a", extra_headers=headers
    )
    with pytest.raises(openai.UnprocessableEntityError):
        await embed(client, "b", extra_headers=headers)
