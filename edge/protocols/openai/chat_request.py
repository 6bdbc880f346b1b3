"""A chat request as OpenAI's clients send it: what is honoured, passed over, and refused.

What would change the answer in a way that the platform can't honour is refused. What asks for a
manner of sampling is passed over and named in the answer: a model here is asked at one temperature,
and what it says has to stand in the documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.problems import Problem
from edge.protocols.openai.openai_shape import RefusedParameter
from edge.requests import limits

PASSED_OVER = (
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "user",
    "safety_identifier",
    "store",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "parallel_tool_calls",
    "prompt_cache_key",
)
NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})
SESSION_KEY = "session_id"


def _is_set(value: Any) -> bool:
    return value not in NOTHING


REFUSED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    # name: when it is refused, and why
    "tools": (_is_set, "no tools are called here: send none"),
    "functions": (_is_set, "no functions are called here: send none"),
    "tool_choice": (lambda value: value not in (None, "none", "auto"), "no tools are called here"),
    "function_call": (lambda value: value not in (None, "none", "auto"), "no functions are called"),
    "logprobs": (_is_set, "what is answered was checked and quoted, so it has no probabilities"),
    "top_logprobs": (_is_set, "what is answered was checked and quoted: it has no probabilities"),
    "logit_bias": (_is_set, "the model's tokens can't be weighted"),
    "n": (lambda value: value not in (None, 1), "a question has one answer: send 1 or leave it"),
    "stop": (_is_set, "an answer on the log is whole: cut it where you show it"),
    "modalities": (lambda value: value not in (None, [], ["text"]), "answers are text"),
    "audio": (_is_set, "answers are text"),
    "prediction": (_is_set, "an answer can't be predicted"),
    "web_search_options": (_is_set, "answers come from the tenant's documents alone"),
}


class TextPart(BaseModel):
    """A part of a message."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None
    """None for an answer that was refused, as it came."""

    @property
    def text(self) -> str:
        """Its words; parts are lines."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream says beside the answer."""

    include_usage: bool | None = None


class NamedSchema(BaseModel):
    """A JSON schema and what it is called."""

    model_config = ConfigDict(populate_by_name=True)
    name: str = Field("", max_length=limits.MODEL_MAX)
    content: dict[str, Any] = Field(alias="schema")


class TextFormat(BaseModel):
    """Prose."""

    type: Literal["text"]


class ObjectFormat(BaseModel):
    """Any JSON object."""

    type: Literal["json_object"]


class SchemaFormat(BaseModel):
    """JSON of a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


TokenCount = Annotated[int, Field(ge=1, le=limits.ANSWER_TOKENS_MAX)]
ResponseFormat = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


class ChatBody(BaseModel):
    """A chat request; the last message is the question."""

    model_config = ConfigDict(title="ChatCompletionRequest")
    model: str = Field(min_length=1, max_length=limits.MODEL_MAX)
    messages: list[ChatMessage] = Field(min_length=1, max_length=limits.MESSAGES_MAX)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    response_format: ResponseFormat | None = None
    metadata: dict[str, str] | None = Field(None, max_length=limits.FILTERS_MAX)
    tenant: str | None = None

    @property
    def question(self) -> str:
        """The words of the last message."""
        return self.messages[-1].text

    @property
    def history(self) -> list[tuple[str, str]]:
        """Who said what before; system messages say nothing of that."""
        return [
            (message.role, message.text.strip())
            for message in self.messages[:-1]
            if message.role in ("user", "assistant")
        ]

    @property
    def session(self) -> str:
        """The session that the client names; empty where it names none."""
        return (self.metadata or {}).get(SESSION_KEY, "")

    @property
    def tokens(self) -> int:
        """The bound on the answer's tokens."""
        return self.max_completion_tokens or self.max_tokens or limits.ANSWER_TOKENS

    @property
    def schema_wanted(self) -> dict[str, Any] | None:
        """The JSON schema that the answer must follow; None for prose."""
        match self.response_format:
            case ObjectFormat():
                return {"type": "object"}
            case SchemaFormat(json_schema=named):
                return named.content
            case _:
                return None


def refuse_unsupported(content: Any) -> None:
    """Refuse what can't be honoured, before anything else is said of a request; raises Problem."""
    if not isinstance(content, dict):
        return
    for name, (is_refused, why) in REFUSED.items():
        if is_refused(content.get(name)):
            raise RefusedParameter(name, why)


def refuse_unanswerable(body: ChatBody) -> None:
    """Refuse a conversation that does not end in a question; raises Problem."""
    if body.messages[-1].role != "user":
        raise RefusedParameter("messages", "the last message is the question: its role is user")
    if not body.question.strip():
        raise RefusedParameter("messages", "the last message is empty: send the question's words")


def refuse_unknown_model(model: str, offered: tuple[str, ...]) -> None:
    """Refuse a model that is not offered; raises Problem."""
    if model not in offered:
        raise Problem(404, "model-not-found", "no such model: GET /v1/models lists them")


def passed_over(content: dict[str, Any]) -> list[str]:
    """Name what was sent and changes nothing here."""
    named = [name for name in PASSED_OVER if content.get(name) is not None]
    roles = {message.get("role") for message in content["messages"]}
    return named + [f"messages[{role}]" for role in ("system", "developer") if role in roles]
