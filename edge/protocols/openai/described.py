"""What OpenAI's interface answers, for the OpenAPI document: nothing is built or checked by it.

Their objects have more fields by the month, so each may hold further ones.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Described(BaseModel):
    """An object of theirs."""

    model_config = ConfigDict(extra="allow")


class OpenAIErrorFields(BaseModel):
    """What went wrong, and which parameter is at fault."""

    message: str
    type: str
    param: str | None
    code: str
    request_id: str


class OpenAIError(BaseModel):
    """An error in their shape."""

    error: OpenAIErrorFields


class PlatformFields(Described):
    """What their format has no place for."""

    request_id: str
    session_id: str
    history: Literal["none", "known", "partial", "unknown", "named"]
    finish_reason: str | None
    degraded: list[str]
    ignored: list[str]


class DescribedModel(Described):
    """A model that may be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Described):
    """The models that a key's tenant may ask."""

    object: Literal["list"]
    data: list[DescribedModel]


class ChatUsage(Described):
    """Tokens that an answer took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatChoice(Described):
    """The answer: its message has citations and annotations beside the content."""

    index: int
    message: dict[str, Any]
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"]


class ChatCompletion(Described):
    """An answer; with `stream`, chunks of it as server-sent events."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage
    playhead: PlatformFields


class ResponseUsage(Described):
    """Tokens that a response took."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class ResponseResource(Described):
    """A response; with `stream`, events of it as server-sent events."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["completed", "incomplete", "failed", "in_progress", "cancelled"]
    error: dict[str, Any] | None
    incomplete_details: dict[str, Any] | None
    model: str
    output: list[dict[str, Any]]
    usage: ResponseUsage | None
    previous_response_id: str | None
    store: bool
    metadata: dict[str, str]
    playhead: PlatformFields


class InputItemList(Described):
    """Items of a response's input."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class EmbeddingUsage(Described):
    """Tokens that were embedded."""

    prompt_tokens: int
    total_tokens: int


class DescribedEmbedding(Described):
    """The vector of a text."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingList(Described):
    """Vectors of texts, in their order."""

    object: Literal["list"]
    data: list[DescribedEmbedding]
    model: str
    usage: EmbeddingUsage
