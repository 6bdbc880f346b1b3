"""What clients send over HTTP: bodies, read within their limits and checked."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agents.chunk_policies import BY_KIND
from edge.answering.bounds import Pace
from edge.callers.caller import Caller
from edge.problems import Problem
from edge.protocols.contents import AS_WHOLE, Truth, WholeNumber, validated
from edge.requests import limits

LabelKey = Annotated[str, Field(min_length=1, max_length=limits.METADATA_KEY_MAX)]
LabelValue = Annotated[str, Field(max_length=limits.METADATA_VALUE_MAX)]
Label = LabelValue | int | float | bool
"""What a document is labelled with, or what is looked for: a number is told by its text."""
GroupName = Annotated[str, Field(min_length=1, max_length=limits.GROUP_MAX)]
Model = TypeVar("Model", bound=BaseModel)
ResultT = TypeVar("ResultT")
HERE_BYTES_MAX = 65_536
"""Of a body that is read on the event loop; a MiB of JSON takes a tenth of a second."""


ONE_CONTENT: list[JsonValue] = [
    {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
    for one, other in (("content", "content_base64"), ("content_base64", "content"))
]
"""How a schema says that a document's content comes in one way of the two."""


LEAST_MS, MOST_MS = limits.BUDGET_MS
BudgetMs = Annotated[int, Field(strict=True, ge=LEAST_MS, le=MOST_MS), AS_WHOLE]


class MessageBody(BaseModel):
    """A question in a conversation."""

    model_config = ConfigDict(title="Question")
    text: str = Field(min_length=1, max_length=limits.QUESTION_MAX)
    session_id: str = Field("", max_length=limits.SESSION_MAX)
    stream: Truth = False
    max_tokens: WholeNumber = Field(limits.ANSWER_TOKENS, ge=1, le=limits.ANSWER_TOKENS_MAX)
    response_schema: dict[str, Any] | None = None
    budget_ms: BudgetMs | None = None
    receipt: Truth = False
    """Whether the end says what a receipt of the answer is of."""
    tenant: str | None = None


class SearchBody(BaseModel):
    """A search for passages."""

    model_config = ConfigDict(title="Search")
    text: str = Field(min_length=1, max_length=limits.QUESTION_MAX)
    k: WholeNumber = Field(limits.PASSAGES, ge=1, le=limits.PASSAGES_MAX)
    filters: dict[LabelKey, Label] = Field(default_factory=dict, max_length=limits.FILTERS_MAX)
    as_of: WholeNumber = Field(-1, ge=-1, le=limits.INT64_MAX)
    budget_ms: BudgetMs | None = None
    tenant: str | None = None

    def filter_texts(self) -> dict[str, str]:
        """Return the filters as texts."""
        return label_texts(self.filters)


class DocumentBody(BaseModel):
    """A document to hand in: `content` is its text, `content_base64` its bytes."""

    model_config = ConfigDict(title="Document", json_schema_extra={"oneOf": ONE_CONTENT})
    uri: str = Field(min_length=1, max_length=limits.URI_MAX)
    media_type: str = Field(min_length=1, max_length=limits.MEDIA_TYPE_MAX)
    content: str | None = None
    content_base64: str | None = None
    title: str = Field("", max_length=limits.TITLE_MAX)
    metadata: dict[LabelKey, Label] = Field(default_factory=dict, max_length=limits.METADATA_MAX)
    groups: list[GroupName] = Field(default_factory=list, max_length=limits.GROUPS_MAX)
    chunk_policy: str = Field(
        BY_KIND, description="How it is cut; empty for the policy that fits its kind."
    )
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
        """Return the metadata as texts."""
        return label_texts(self.metadata)


DocumentId = Annotated[str, Field(min_length=1, max_length=limits.ID_MAX)]


class WithdrawalBody(BaseModel):
    """Documents to withdraw."""

    model_config = ConfigDict(title="Withdrawal")
    document_ids: list[DocumentId] = Field(min_length=1, max_length=limits.WITHDRAWN_MAX)
    tenant: str | None = None


def label_texts(labels: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Spell labels: true and false as JSON does, numbers alike whether a point was written or not.

    So a filter finds what was labelled with the same number.
    """
    return {key: _label_text(value) for key, value in labels.items()}


def _label_text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def openapi_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body for the OpenAPI document."""
    schema = model.model_json_schema()
    schema = _in_one(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _in_one(schema: Any, named: Mapping[str, Any]) -> Any:
    """Put what a schema names apart where it names it: references lead from the document's root."""
    if isinstance(schema, list):
        return [_in_one(one, named) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _in_one(named[schema["$ref"].rpartition("/")[2]], named)
    # its mapping is of references; each alternative says by a constant which it is
    return {name: _in_one(one, named) for name, one in schema.items() if name != "discriminator"}


async def read_body(
    request: Request, limit: int, count: Callable[[int], None], pace: Pace
) -> bytes:
    """Read a body, but no more than may be, and no longer; raises Problem.

    `count` is told of the bytes in memory; it raises Problem when there are too many at once. Of a
    body that is refused the rest is not read: the connection ends with it.
    """
    parts: list[bytes] = []
    with refusing_the_rest():
        async for part in arriving(request, limit, pace):
            count(len(part))
            parts.append(part)
    return b"".join(parts)


@contextmanager
def refusing_the_rest() -> Iterator[None]:
    """End the connection with a body that is refused within the block: its rest is not read."""
    try:
        yield
    except Problem as problem:
        problem.headers["Connection"] = "close"
        raise


async def arriving(request: Request, limit: int, pace: Pace) -> AsyncIterator[bytes]:
    """Yield a body as it arrives, never more of it than may be, nor too slowly; raises Problem."""
    too_large = Problem(
        413, "too-large", f"the body is larger than {limit} bytes: send less at once"
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(limit)) or int(length) > limit):
        raise too_large
    size, began_s = 0, asyncio.get_running_loop().time()
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout_at(began_s + pace.allowed_s(size)):
                part = await anext(stream, None)
        except TimeoutError:
            raise Problem(
                408,
                "too-slow",
                f"{size} bytes of the body came within {pace.allowed_s(size):.0f} s: send at least "
                f"{pace.bytes_per_s} bytes a second",
                retryable=True,
            ) from None
        if part is None:
            return
        size += len(part)
        if size > limit:
            raise too_large
        yield part


async def beside(body: bytes, work: Callable[..., ResultT], *given: Any) -> ResultT:
    """Do some work on what came in a body: in a thread, where the body is large."""
    if len(body) <= HERE_BYTES_MAX:
        return work(*given)
    return await asyncio.to_thread(work, *given)


async def parsed(body: bytes, model: type[Model], caller: Caller) -> Model:
    """Read a JSON body as `parse` does, a large one in a thread."""
    return await beside(body, parse, body, model, caller)


def parse(body: bytes, model: type[Model], caller: Caller) -> Model:
    """Read a JSON body; raises Problem that names the fields at fault, never their values."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"line {error.lineno}, column {error.colno}") from None
    return held_to(content, model, caller)


def held_to(content: Any, model: type[Model], caller: Caller) -> Model:
    """Return a content as a model that the caller may send; raises Problem."""
    fields = validated(content, model)
    caller.belongs_to(getattr(fields, "tenant", None))
    return fields


def malformed(where: str) -> Problem:
    """Say that a body is no JSON, and where it ceases to be."""
    return Problem(
        400, "malformed-json", f"the body is not JSON ({where}): send a JSON object in UTF-8"
    )
