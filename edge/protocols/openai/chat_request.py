"""A chat request as OpenAI's clients send it: what is honoured, passed over, and refused.

What would change the answer in a way that the platform can't honour is refused. What asks for a
manner of sampling is passed over and named in the answer: a model here is asked at one temperature,
and what it says has to stand in the documents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.problems import Problem
from edge.protocols.contents import AnyNumber, Truth, WholeNumber
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


ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def said_of(text: str, calls: Sequence[str]) -> str:
    """Return what an answer said, or which calls it asked for, by which it is known again."""
    return " ".join(["tool_calls", *calls]) if calls else text.strip()


def _is_set(value: Any) -> bool:
    return value not in NOTHING


Refusals = Mapping[str, tuple[Callable[[Any], bool], str]]
"""By parameter: when it is refused, and why."""
NOT_TEXT = ("image", "input_image", "audio", "input_audio", "file", "input_file", "video")
"""How parts begin to be called that no question can hold."""
REFUSED: Refusals = {
    "functions": (_is_set, "no functions are called here: send none"),
    "function_call": (lambda value: value not in (None, "none", "auto"), "no functions are called"),
    "logprobs": (_is_set, "what is answered was checked and quoted, so it has no probabilities"),
    "top_logprobs": (_is_set, "what is answered was checked and quoted: it has no probabilities"),
    "logit_bias": (_is_set, "the model's tokens can't be weighted"),
    "n": (lambda value: value not in (None, 1), "a question has one answer: send 1 or leave it"),
    "modalities": (lambda value: value not in (None, [], ["text"]), "answers are text"),
    "audio": (_is_set, "answers are text"),
    "prediction": (_is_set, "an answer can't be predicted"),
    "web_search_options": (_is_set, "answers come from the tenant's documents alone"),
}


class TextPart(BaseModel):
    """A part of a message."""

    type: Literal["text"]
    text: str


class CalledFunction(BaseModel):
    """A function that was called, and with what."""

    name: ToolName
    arguments: str = Field("{}", max_length=limits.EXCHANGES_MAX)


class AskedCall(BaseModel):
    """A call that an answer asked for."""

    id: str = Field(min_length=1, max_length=limits.CALL_ID_MAX)
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(BaseModel):
    """A message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    """None for an answer that was refused, as it came, or that asked for tools."""
    tool_calls: list[AskedCall] | None = Field(default=None, max_length=limits.CALLS_MAX)
    """Of an answer, the tools that it asked for."""
    tool_call_id: str | None = Field(default=None, max_length=limits.CALL_ID_MAX)
    """Of a tool, the call that this is the result of."""

    @property
    def text(self) -> str:
        """Its words; parts are lines."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream says beside the answer."""

    include_usage: Truth | None = None


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


class OfferedFunction(BaseModel):
    """A function of the client's."""

    name: ToolName
    description: str = Field("", max_length=limits.TOOL_DESCRIPTION_MAX)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object"})


class OfferedTool(BaseModel):
    """A tool of the client's, which the client calls."""

    type: Literal["function"]
    function: OfferedFunction


class ChosenFunction(BaseModel):
    """The name of a function."""

    name: ToolName


class ChosenTool(BaseModel):
    """The tool that is to be asked for."""

    type: Literal["function"]
    function: ChosenFunction


Word = Annotated[str, Field(min_length=1, max_length=limits.STOP_MAX)]
TokenCount = Annotated[WholeNumber, Field(ge=1, le=limits.ANSWER_TOKENS_MAX)]
ResponseFormat = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


class ChatBody(BaseModel):
    """A chat request; the last message is the question."""

    model_config = ConfigDict(title="ChatCompletionRequest")
    model: str = Field(min_length=1, max_length=limits.MODEL_MAX)
    messages: list[ChatMessage] = Field(min_length=1, max_length=limits.MESSAGES_MAX)
    stream: Truth | None = None
    stream_options: StreamOptions | None = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    response_format: ResponseFormat | None = None
    tools: list[OfferedTool] | None = Field(None, max_length=limits.TOOLS_MAX)
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    stop: Word | Annotated[list[Word], Field(max_length=limits.STOPS_MAX)] | None = None
    metadata: dict[str, str] | None = Field(None, max_length=limits.FILTERS_MAX)
    temperature: Annotated[AnyNumber, Field(ge=0, le=2)] | None = None
    top_p: Annotated[AnyNumber, Field(ge=0, le=1)] | None = None
    seed: WholeNumber | None = None
    presence_penalty: Annotated[AnyNumber, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[AnyNumber, Field(ge=-2, le=2)] | None = None
    user: str | None = None
    store: Truth | None = None
    parallel_tool_calls: Truth | None = None
    tenant: str | None = None

    @property
    def question(self) -> str:
        """The words of the last message of a user: behind it stand calls of tools alone."""
        return self.messages[self._place].text if self._place >= 0 else ""

    @property
    def _place(self) -> int:
        users = [at for at, one in enumerate(self.messages) if one.role == "user"]
        return users[-1] if users else -1

    @property
    def called(self) -> list[ChatMessage]:
        """The messages behind the question: calls that were asked for, and their results."""
        return self.messages[self._place + 1 :]

    @property
    def said(self) -> list[tuple[str, str]]:
        """Who said what; system messages and results of tools say nothing of that."""
        return [
            (message.role, said_of(message.text, [one.id for one in message.tool_calls or ()]))
            for message in self.messages
            if message.role in ("user", "assistant")
        ]

    @property
    def history(self) -> list[tuple[str, str]]:
        """Who said what before; with results of tools, that is the question too."""
        return self.said if self.called else self.said[:-1]

    @property
    def exchanges(self) -> list[dict[str, str]]:
        """Calls behind the question and what they gave, as `ToolExchange` has them."""
        results = {one.tool_call_id: one.text for one in self.called if one.role == "tool"}
        return [
            {
                "id": call.id,
                "name": call.function.name,
                "arguments": call.function.arguments,
                "result": results.get(call.id, ""),
            }
            for message in self.called
            for call in message.tool_calls or ()
        ]

    @property
    def tools_text(self) -> str:
        """The client's tools as `Ask.tools` spells them."""
        offered = [one.function.model_dump() for one in self.tools or ()]
        return json.dumps(offered, sort_keys=True, separators=(",", ":")) if offered else ""

    @property
    def chosen_tool(self) -> str:
        """What is said of them, as `Ask.tool_choice` spells it."""
        if isinstance(self.tool_choice, ChosenTool):
            return self.tool_choice.function.name
        return "" if self.tool_choice in (None, "auto") else self.tool_choice

    @property
    def session(self) -> str:
        """The session that the client names; empty where it names none."""
        return (self.metadata or {}).get(SESSION_KEY, "")

    @property
    def tokens(self) -> int:
        """The bound on the answer's tokens."""
        return self.max_completion_tokens or self.max_tokens or limits.ANSWER_TOKENS

    @property
    def stops(self) -> list[str]:
        """The words at which the answer ends for this client."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

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
    refuse_set(content, REFUSED)
    refuse_pictures(content.get("messages"), "messages")


def refuse_set(content: Mapping[str, Any], refused: Refusals) -> None:
    """Refuse parameters that can't be honoured; raises Problem."""
    for name, (is_refused, why) in refused.items():
        if is_refused(content.get(name)):
            raise RefusedParameter(name, why)


def refuse_pictures(messages: Any, place: str) -> None:
    """Refuse what is no text in messages as they came, whatever they are; raises Problem."""
    for message in messages if isinstance(messages, list) else ():
        parts = message.get("content") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and str(part.get("type")).startswith(NOT_TEXT):
                raise RefusedParameter(
                    place,
                    "questions are text: leave pictures, sound and files out, and hand documents "
                    "in at POST /v1/documents",
                )


def refuse_unanswerable(body: ChatBody, place: str = "messages") -> None:
    """Refuse a conversation that does not end in a question; raises Problem.

    `place` is what the client's interface calls its messages.
    """
    if body.messages[-1].role not in ("user", "tool") or not any(
        one.role == "user" for one in body.messages
    ):
        raise RefusedParameter(
            place, "the last message is the question, its role is user; or a tool's result"
        )
    if not body.question.strip():
        raise RefusedParameter(place, "the question is empty: send its words")
    _refuse_unpaired(body, place)
    if body.stops and body.schema_wanted is not None:
        raise RefusedParameter("stop", "JSON comes whole or not at all: send one of the two")
    names = [one.function.name for one in body.tools or ()]
    if len(set(names)) < len(names):
        raise RefusedParameter("tools", "two have one name")
    if isinstance(body.tool_choice, ChosenTool) and body.chosen_tool not in names:
        raise RefusedParameter("tool_choice", "it names none of the tools")
    if body.tool_choice == "required" and not names:
        raise RefusedParameter("tool_choice", "there are no tools to be called")


def _refuse_unpaired(body: ChatBody, place: str) -> None:
    """Refuse results without a call, calls without a result, and other words behind a question."""
    waiting: list[str] = []
    for message in body.called:
        if message.role == "assistant" and message.tool_calls and not waiting:
            waiting = [call.id for call in message.tool_calls]
        elif message.role == "tool" and message.tool_call_id in waiting:
            waiting.remove(message.tool_call_id)
        else:
            raise RefusedParameter(
                place,
                "behind the question stand the calls of an answer, then one result for each of "
                "them, by the call's id",
            )
    if waiting:
        raise RefusedParameter(place, f"the call {waiting[0]} has no result")
    ids = [one["id"] for one in body.exchanges]
    if len(set(ids)) < len(ids):
        raise RefusedParameter(place, "two calls have one id")
    if len(ids) > limits.CALLS_MAX:
        raise RefusedParameter(place, f"{len(ids)} calls are too many: send {limits.CALLS_MAX}")


def refuse_unknown_model(model: str, offered: tuple[str, ...]) -> None:
    """Refuse a model that is not offered; raises Problem."""
    if model not in offered:
        raise Problem(404, "model-not-found", "no such model: GET /v1/models lists them")


def passed_over(content: dict[str, Any]) -> list[str]:
    """Name what was sent and changes nothing here."""
    named = [name for name in PASSED_OVER if content.get(name) is not None]
    roles = {message.get("role") for message in content["messages"]}
    return named + [f"messages[{role}]" for role in ("system", "developer") if role in roles]
