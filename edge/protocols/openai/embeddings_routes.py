"""The route of OpenAI's embeddings: vectors of texts, by the platform's own embedder."""

from __future__ import annotations

import asyncio
import base64
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from connectors.text_vectors import TextVectors
from edge.callers.caller import Caller
from edge.protocols.contents import WholeNumber
from edge.protocols.http.bodies import beside, openapi_of, parse, read_body
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    trace_of,
)
from edge.protocols.openai.chat_request import refuse_unknown_model
from edge.protocols.openai.models_offered import PLATFORM
from edge.protocols.openai.openai_shape import RefusedParameter
from edge.requests import limits

router = APIRouter()
EmbeddedText = Annotated[str, Field(min_length=1)]
BESIDE_MIN = 64
"""Vectors that are spelt in a thread: they take some milliseconds."""


class EmbeddingsBody(BaseModel):
    """Texts to be embedded."""

    model_config = ConfigDict(title="EmbeddingsRequest")
    model: str = Field(min_length=1, max_length=limits.MODEL_MAX)
    input: (
        EmbeddedText
        | Annotated[list[EmbeddedText], Field(min_length=1, max_length=limits.EMBEDDED_TEXTS_MAX)]
    )
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: WholeNumber | None = Field(default=None, ge=1)
    input_type: Literal["passage", "query"] = "passage"
    """What the texts are: the embedder takes what is searched for otherwise than what is found."""
    user: str | None = None
    tenant: str | None = None

    @property
    def texts(self) -> list[str]:
        """The texts, in their order."""
        return [self.input] if isinstance(self.input, str) else self.input


@router.post(
    "/v1/embeddings",
    response_model=None,
    openapi_extra=openapi_of(EmbeddingsBody),
)
async def create_embeddings(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Return the vectors of texts; nothing of them is kept."""
    with gateway.admission.body(caller.tenant, caller.key) as count:
        content = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        body = await beside(content, _read, content, caller, gateway.embeddings.model)
        key = idempotency_key, fingerprinted(request, content)
        async with gateway.reception.once(caller, *key):
            embedded = await gateway.embeddings.embed(
                caller,
                body.texts,
                body.input_type,
                request.state.request_id,
                request.is_disconnected,
                trace_of(request),
            )
    if len(embedded.vectors) < BESIDE_MIN:
        return Response(_spelt(body, embedded), media_type="application/json")
    return Response(await asyncio.to_thread(_spelt, body, embedded), media_type="application/json")


def _read(content: bytes, caller: Caller, model: str) -> EmbeddingsBody:
    """Read a request; raises Problem."""
    try:
        sent = orjson.loads(content)
    except orjson.JSONDecodeError:
        sent = None  # parse says what is wrong
    _refuse_tokens(sent)
    body = parse(content, EmbeddingsBody, caller)
    refuse_unknown_model(body.model, (PLATFORM, model))
    return body


def _refuse_tokens(content: Any) -> None:
    given = content.get("input") if isinstance(content, dict) else None
    if isinstance(given, list) and given and isinstance(given[0], int | float | list):
        raise RefusedParameter(
            "input",
            "numbers are tokens of a tokenizer that the embedder does not have: send texts (of "
            "LangChain's OpenAIEmbeddings, check_embedding_ctx_length=False)",
        )


def _spelt(body: EmbeddingsBody, embedded: TextVectors) -> bytes:
    dimensions = len(embedded.vectors[0]) // 4 if embedded.vectors else 0
    if embedded.vectors and body.dimensions not in (None, dimensions):
        raise RefusedParameter(
            "dimensions", f"{embedded.model} gives {dimensions}: send that number or none"
        )
    told = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": _vector(one, body.encoding_format)}
            for at, one in enumerate(embedded.vectors)
        ],
        "model": embedded.model,
        "usage": {
            "prompt_tokens": sum(embedded.tokens),
            "total_tokens": sum(embedded.tokens),
        },
    }
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)


def _vector(vector: bytes, encoding: str) -> Any:
    if encoding == "base64":
        return base64.b64encode(vector).decode()
    import numpy as np  # here: who embeds has it loaded by now, other gateways do without

    return np.frombuffer(vector, "<f4")
