"""What the OpenAPI document says of OpenAI's interface holds for what is answered."""

from __future__ import annotations

import pytest

from connectors.text_vectors import TextVectors
from edge.protocols.openai import described
from edge.protocols.openapi_document import openapi_document
from schemas import QuestionAsked
from tests.edge.fake_log import a_citation, a_gateway
from tests.edge.http_client import answers_with

CHAT = {"model": "playhead", "messages": [{"role": "user", "content": "Is VAT due?"}]}
RESPONSE = {"model": "playhead", "input": "Is VAT due?", "metadata": {"a": "b"}}
ROUTES = {
    ("/v1/models", "get"): described.ModelList,
    ("/v1/models/{name}", "get"): described.DescribedModel,
    ("/v1/chat/completions", "post"): described.ChatCompletion,
    ("/v1/responses", "post"): described.ResponseResource,
    ("/v1/responses/{response_id}", "get"): described.ResponseResource,
    ("/v1/responses/{response_id}/input_items", "get"): described.InputItemList,
    ("/v1/embeddings", "post"): described.EmbeddingList,
}


class OneVector:
    """An embedder whose vectors are all the same."""

    embedder = "embedder"

    async def some(self, texts, kind, call):
        rows = len(texts)
        return TextVectors((b"\0\0\0\0",) * rows, (1,) * rows, (False,) * rows, "one@1")

    async def close(self):
        """Nothing is held."""


def references(document):
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


@pytest.fixture
async def gateway(tmp_path, log, bounds):
    return a_gateway(tmp_path, log, bounds, {"embedder": OneVector()})


def test_every_reference_leads_somewhere_and_every_error_to_their_shape(app):
    document = openapi_document(app)
    for reference in set(references(document)):
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    for (path, method), model in ROUTES.items():
        operation = document["paths"][path][method]
        responses = dict(operation["responses"])
        assert reference_in(responses.pop("200")) == model.__name__
        assert {"401", "403", "404", "503", "default"} <= set(responses)
        assert {reference_in(one) for one in responses.values()} == {"OpenAIError"}
        if method == "post":
            body = reference_in(operation["requestBody"])
            assert {"model"} < set(document["components"]["schemas"][body]["properties"])


def reference_in(response):
    return response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]


async def test_answers_are_as_they_are_described(call, log):
    log.answer = answers_with("VAT is due.", citations=(a_citation(),))
    answered = {
        described.ModelList: await call("GET", "/v1/models"),
        described.DescribedModel: await call("GET", "/v1/models/playhead"),
        described.ChatCompletion: await call("POST", "/v1/chat/completions", CHAT),
        described.ResponseResource: await call("POST", "/v1/responses", RESPONSE),
    }
    for model, response in answered.items():
        model.model_validate_json(response.content, strict=True)
    made = f"/v1/responses/{log.published(QuestionAsked)[-1].meta.request}"
    again = await call("GET", made)
    described.ResponseResource.model_validate_json(again.content, strict=True)
    listed = await call("GET", f"{made}/input_items")
    described.InputItemList.model_validate_json(listed.content, strict=True)


async def test_errors_are_as_they_are_described(call):
    for response in (
        await call("POST", "/v1/responses", {}),
        await call("GET", "/v1/responses/x"),
        await call("GET", "/v1/responses/x/input_items?limit=0"),
        await call("PUT", "/v1/responses"),
        await call("POST", "/v1/embeddings", {}),
        await call("POST", "/v1/embeddings/x", {}),
        await call("GET", "/v1/models/x"),
    ):
        assert response.status_code >= 400
        described.OpenAIError.model_validate_json(response.content, strict=True)


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings_are_as_they_are_described(call, encoding):
    body = {"model": "embedder", "input": ["a", "b"], "encoding_format": encoding}
    response = await call("POST", "/v1/embeddings", body)
    described.EmbeddingList.model_validate_json(response.content, strict=True)
