"""What clients send over HTTP: bodies, read within their limits and checked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.callers.caller import Caller
from edge.problems import Problem
from edge.protocols.responses import invalid
from edge.requests import limits

Model = TypeVar("Model", bound=BaseModel)


class MessageBody(BaseModel):
    """A question in a conversation."""

    model_config = ConfigDict(title="Question")
    text: str = Field(min_length=1, max_length=limits.QUESTION_MAX)
    session_id: str = Field("", max_length=limits.SESSION_MAX)
    stream: bool = False
    max_tokens: int = Field(limits.ANSWER_TOKENS, ge=1, le=limits.ANSWER_TOKENS_MAX)
    response_schema: dict[str, Any] | None = None
    budget_ms: int | None = Field(None, ge=limits.BUDGET_MS[0], le=limits.BUDGET_MS[1])
    tenant: str | None = None


class SearchBody(BaseModel):
    """A search for passages."""

    model_config = ConfigDict(title="Search")
    text: str = Field(min_length=1, max_length=limits.QUESTION_MAX)
    k: int = Field(limits.PASSAGES, ge=1, le=limits.PASSAGES_MAX)
    filters: dict[str, str] = Field(default_factory=dict)
    as_of: int = Field(-1, ge=-1)
    budget_ms: int | None = Field(None, ge=limits.BUDGET_MS[0], le=limits.BUDGET_MS[1])
    tenant: str | None = None


class DocumentBody(BaseModel):
    """A document to hand in: `content` is its text, `content_base64` its bytes."""

    model_config = ConfigDict(title="Document")
    uri: str = Field(min_length=1, max_length=limits.URI_MAX)
    media_type: str = Field(min_length=1, max_length=limits.MEDIA_TYPE_MAX)
    content: str | None = None
    content_base64: str | None = None
    title: str = Field("", max_length=limits.TITLE_MAX)
    metadata: dict[str, str | int | float | bool] = Field(default_factory=dict)
    groups: list[str] = Field(default_factory=list, max_length=limits.GROUPS_MAX)
    chunk_policy: str = limits.CHUNK_POLICY
    tenant: str | None = None

    def content_bytes(self) -> bytes:
        """Return the content; raises Problem unless it came in one of the two ways."""
        if (self.content is None) == (self.content_base64 is None):
            raise Problem(422, "invalid", "send either content (text) or content_base64 (bytes)")
        if self.content is not None:
            return self.content.encode()
        try:
            return base64.b64decode(self.content_base64 or "", validate=True)
        except (binascii.Error, ValueError):
            raise Problem(422, "invalid", "content_base64: not valid base64 (RFC 4648)") from None

    def metadata_texts(self) -> dict[str, str]:
        """Return the metadata as texts; true and false as JSON spells them."""
        return {
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in self.metadata.items()
        }


def openapi_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body for the OpenAPI document."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def read_body(request: Request, limit: int, count: Callable[[int], None]) -> bytes:
    """Read a body, but no more than may be; raises Problem above the limit.

    `count` is told of the bytes in memory; it raises Problem when there are too many in all.
    """
    too_large = Problem(
        413, "too-large", f"the body is larger than {limit} bytes: send less at once"
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        count(len(part))
        parts.append(part)
    return b"".join(parts)


def parse(body: bytes, model: type[Model], caller: Caller) -> Model:
    """Read a JSON body; raises Problem that names the fields at fault, never their values."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            400,
            "malformed-json",
            f"the body is not JSON (line {error.lineno}, column {error.colno}): send a JSON object "
            "in UTF-8",
        ) from None
    try:
        parsed = model.model_validate(content)
    except ValidationError as error:
        raise invalid(error.errors()) from None
    caller.belongs_to(getattr(parsed, "tenant", None))
    return parsed
