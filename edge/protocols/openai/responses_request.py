"""A request of OpenAI's responses as its clients send it, read as the chat request that it is.

What is asked is taken from the input's items as `chat_request` takes it from messages; what can't
be honoured is refused, unknown parameters too, and what changes nothing is named in the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from edge.problems import Problem
from edge.protocols.contents import AnyNumber, Truth, WholeNumber
from edge.protocols.openai.chat_request import (
    AskedCall,
    CalledFunction,
    ChatBody,
    ChatMessage,
    ChosenFunction,
    ChosenTool,
    NamedSchema,
    ObjectFormat,
    OfferedFunction,
    OfferedTool,
    Refusals,
    SchemaFormat,
    TextFormat,
    TokenCount,
    ToolName,
    refuse_pictures,
    refuse_set,
)
from edge.protocols.openai.openai_shape import RefusedParameter
from edge.requests import limits

RESPONSE_ID_MAX = limits.ID_MAX + 16  # characters, with a prefix
METADATA_MAX, METADATA_KEY_MAX, METADATA_VALUE_MAX = 16, 64, 512  # OpenAI's own
PASSED_OVER = (
    "instructions",
    "temperature",
    "top_p",
    "reasoning",
    "include",
    "parallel_tool_calls",
    "truncation",
    "max_tool_calls",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "service_tier",
    "stream_options",
    "presence_penalty",
    "frequency_penalty",
    "seed",
)


def _is_set(value: Any) -> bool:
    return value not in (None, False, 0, "", [], {})


def _asks_for_probabilities(value: Any) -> bool:
    return isinstance(value, list) and "message.output_text.logprobs" in value


def _is_other_tool(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(one, dict) and one.get("type") != "function" for one in value
    )


REFUSED: Refusals = {
    "background": (_is_set, "a response comes while one waits: stream it, or read it again later"),
    "conversation": (_is_set, "go on by previous_response_id, or name metadata.session_id"),
    "prompt": (_is_set, "prompts are kept in the configuration, see `playhead config`"),
    "context_management": (_is_set, "a conversation's memory is kept on the log"),
    "top_logprobs": (_is_set, "what is answered was checked and quoted: it has no probabilities"),
    "include": (
        _asks_for_probabilities,
        "what is answered was checked and quoted, so it has no probabilities",
    ),
    "modalities": (lambda value: value not in (None, [], ["text"]), "answers are text"),
    "tools": (
        _is_other_tool,
        "only functions of the client's own: the tenant's documents are searched without a tool",
    ),
}


class TextItemPart(BaseModel):
    """A part of a message's content."""

    type: Literal["input_text", "output_text", "text"]
    text: str


class RefusalPart(BaseModel):
    """What an answer said instead of answering."""

    type: Literal["refusal"]
    refusal: str


ItemPart = Annotated[TextItemPart | RefusalPart, Field(discriminator="type")]
ItemId = Annotated[str, Field(max_length=limits.CALL_ID_MAX)]


class MessageItem(BaseModel):
    """A message of a conversation."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ItemPart]
    id: ItemId | None = None

    @property
    def text(self) -> str:
        """Its words; parts are lines, and a refusal says nothing."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, TextItemPart))


class FunctionCallItem(BaseModel):
    """A call that an answer asked for."""

    type: Literal["function_call"]
    call_id: str = Field(min_length=1, max_length=limits.CALL_ID_MAX)
    name: ToolName
    arguments: str = Field("{}", max_length=limits.EXCHANGES_MAX)
    id: ItemId | None = None


class FunctionOutputItem(BaseModel):
    """What a call gave."""

    type: Literal["function_call_output"]
    call_id: str = Field(min_length=1, max_length=limits.CALL_ID_MAX)
    output: str | list[TextItemPart]
    id: ItemId | None = None

    @property
    def text(self) -> str:
        """Its words; parts are lines."""
        if isinstance(self.output, str):
            return self.output
        return "\n".join(part.text for part in self.output)


class ReasoningItem(BaseModel):
    """What a model thought, as it was told: passed over."""

    type: Literal["reasoning"]
    id: ItemId | None = None


def _type_of(item: Any) -> Any:
    if isinstance(item, dict):
        return item.get("type") or "message"
    return getattr(item, "type", None)


InputItem = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionOutputItem, Tag("function_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")],
    Discriminator(_type_of),
]


class SchemaTextFormat(BaseModel):
    """JSON of a schema."""

    model_config = ConfigDict(populate_by_name=True)
    type: Literal["json_schema"]
    name: str = Field("", max_length=limits.MODEL_MAX)
    content: dict[str, Any] = Field(alias="schema")
    strict: Truth | None = None
    description: str | None = None


class TextOptions(BaseModel):
    """What the answer's text is to be."""

    format: (
        Annotated[TextFormat | ObjectFormat | SchemaTextFormat, Field(discriminator="type")] | None
    ) = None
    verbosity: str | None = None


class OfferedFunctionTool(BaseModel):
    """A function of the client's, which the client calls."""

    type: Literal["function"]
    name: ToolName
    description: str | None = Field(None, max_length=limits.TOOL_DESCRIPTION_MAX)
    parameters: dict[str, Any] | None = None
    strict: Truth | None = None


class ChosenFunctionTool(BaseModel):
    """The tool that is to be asked for."""

    type: Literal["function"]
    name: ToolName


MetadataKey = Annotated[str, Field(max_length=METADATA_KEY_MAX)]
MetadataValue = Annotated[str, Field(max_length=METADATA_VALUE_MAX)]


class ResponseBody(BaseModel):
    """A request for a response; the input's last message is the question."""

    model_config = ConfigDict(title="ResponseRequest")
    model: str = Field(min_length=1, max_length=limits.MODEL_MAX)
    input: str | Annotated[list[InputItem], Field(max_length=limits.MESSAGES_MAX)]
    instructions: str | None = None
    previous_response_id: str | None = Field(None, max_length=RESPONSE_ID_MAX)
    stream: Truth | None = None
    store: Truth | None = None
    max_output_tokens: TokenCount | None = None
    text: TextOptions | None = None
    tools: list[OfferedFunctionTool] | None = Field(None, max_length=limits.TOOLS_MAX)
    tool_choice: Literal["none", "auto", "required"] | ChosenFunctionTool | None = None
    metadata: dict[MetadataKey, MetadataValue] | None = Field(None, max_length=METADATA_MAX)
    temperature: Annotated[AnyNumber, Field(ge=0, le=2)] | None = None
    top_p: Annotated[AnyNumber, Field(ge=0, le=1)] | None = None
    parallel_tool_calls: Truth | None = None
    truncation: Literal["auto", "disabled"] | None = None
    include: list[str] | None = None
    stream_options: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    max_tool_calls: WholeNumber | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    tenant: str | None = None

    @property
    def items(self) -> list[MessageItem | FunctionCallItem | FunctionOutputItem | ReasoningItem]:
        """The input as items, thoughts included."""
        if isinstance(self.input, str):
            return [MessageItem(role="user", content=self.input)]
        return self.input

    @property
    def brings_results_alone(self) -> bool:
        """Whether it brings results of tools and no question: that is the response's before."""
        return not any(isinstance(one, MessageItem) and one.role == "user" for one in self.items)


KNOWN = frozenset((*ResponseBody.model_fields, *PASSED_OVER, *REFUSED))


def refuse_unsupported_response(content: Any) -> None:
    """Refuse what can't be honoured, before anything else is said of a request; raises Problem."""
    if not isinstance(content, dict):
        return
    refuse_set(content, REFUSED)
    for name in content:
        if name not in KNOWN:
            raise RefusedParameter(name[: limits.ID_MAX], "there is no such parameter here")
    refuse_pictures(content.get("input"), "input")


def chat_of(body: ResponseBody, before: Sequence[ChatMessage] = ()) -> ChatBody:
    """Return the chat request that a response's is; `before` stands before its input.

    Raises Problem where there is no question in it.
    """
    messages = [*before, *_messages_of(body, before)]
    if not messages:
        raise RefusedParameter("input", "it is empty: send the words of a question")
    return ChatBody.model_construct(
        model=body.model,
        messages=messages,
        max_completion_tokens=body.max_output_tokens,
        response_format=_format_of(body),
        tools=[_tool_of(one) for one in body.tools or ()] or None,
        tool_choice=_choice_of(body),
        metadata=body.metadata,
    )


def _messages_of(body: ResponseBody, before: Sequence[ChatMessage]) -> list[ChatMessage]:
    messages: list[ChatMessage] = []
    known = {call.id for message in before for call in message.tool_calls or ()}
    for item in body.items:
        match item:
            case MessageItem():
                messages.append(ChatMessage(role=item.role, content=item.text))
            case FunctionCallItem() if item.call_id in known:
                continue  # the response before asked for it, and its client repeats that
            case FunctionCallItem():
                _add_call(messages, item)
            case FunctionOutputItem():
                result = ChatMessage(role="tool", tool_call_id=item.call_id, content=item.text)
                messages.append(result)
            case ReasoningItem():
                continue
    return messages


def _add_call(messages: list[ChatMessage], item: FunctionCallItem) -> None:
    """Add a call to the answer that asked for it: an answer's calls stand one after another."""
    call = AskedCall(
        id=item.call_id, function=CalledFunction(name=item.name, arguments=item.arguments)
    )
    if messages and messages[-1].role == "assistant":
        calls = [*(messages[-1].tool_calls or ()), call]
        messages[-1] = messages[-1].model_copy(update={"tool_calls": calls})
    else:
        messages.append(ChatMessage(role="assistant", content=None, tool_calls=[call]))


def _format_of(body: ResponseBody) -> TextFormat | ObjectFormat | SchemaFormat | None:
    wanted = body.text.format if body.text else None
    if isinstance(wanted, SchemaTextFormat):
        schema = NamedSchema.model_validate({"name": wanted.name, "schema": wanted.content})
        return SchemaFormat(type="json_schema", json_schema=schema)
    return wanted


def _tool_of(tool: OfferedFunctionTool) -> OfferedTool:
    parameters = tool.parameters or {"type": "object"}
    function = OfferedFunction(
        name=tool.name, description=tool.description or "", parameters=parameters
    )
    return OfferedTool(type="function", function=function)


def _choice_of(body: ResponseBody) -> Any:
    if isinstance(body.tool_choice, ChosenFunctionTool):
        return ChosenTool(type="function", function=ChosenFunction(name=body.tool_choice.name))
    return body.tool_choice


def passed_over_of(content: dict[str, Any], body: ResponseBody) -> list[str]:
    """Name what was sent and changes nothing here."""
    named = [name for name in PASSED_OVER if content.get(name) is not None]
    if body.text and body.text.verbosity is not None:
        named.append("text.verbosity")
    items = body.items
    roles = {one.role for one in items if isinstance(one, MessageItem)}
    named += [f"input[{role}]" for role in ("system", "developer") if role in roles]
    return named + ["input[reasoning]"] * any(isinstance(one, ReasoningItem) for one in items)


def previous_not_found() -> Problem:
    """Say that there is no such response for this caller to go on from."""
    problem = Problem(
        404,
        "previous-response-not-found",
        "previous_response_id: no response of this user that can be gone on from",
    )
    problem.param = "previous_response_id"
    return problem
