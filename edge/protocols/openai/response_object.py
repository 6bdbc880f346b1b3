"""A response as OpenAI's clients and the Open Responses specification have it.

What it repeats of its request lies sealed beside the question (`QuestionAsked.particulars`), so any
gateway spells it alike, now and later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from edge.answering.cursors import Frame
from edge.protocols.openai.annotations import annotations_of
from edge.protocols.openai.openai_shape import RESPONSE_PREFIX
from edge.protocols.openai.responses_request import (
    FunctionCallItem,
    FunctionOutputItem,
    MessageItem,
    ResponseBody,
)
from edge.requests import limits

ResponseItem = dict[str, Any]
REPEATED: Mapping[str, Any] = {
    # what a response says where its request said nothing
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
FIXED: Mapping[str, Any] = {
    "background": False,
    "top_logprobs": 0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
INCOMPLETE = {
    "length": "max_output_tokens",
    "refused": "content_filter",
    "retracted": "content_filter",
}
"""Why an answer is not all that was asked for, in their words."""
CANCELLED = "cancelled"
"""A status in their words, too, and no reason to be incomplete, though its message is so."""


@dataclass(frozen=True)
class Particulars:
    """What a response repeats of its request, and what is told beside their format."""

    model: str
    repeated: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request, as they were sent."""
    input: Sequence[ResponseItem] = ()
    ignored: Sequence[str] = ()
    history: str = "none"
    """What became of the history that came with it: none, known, partial, unknown or named."""

    @property
    def stored(self) -> bool:
        """Whether the response can be read again, and gone on from."""
        return self.repeated.get("store") is not False

    def text(self) -> str:
        """Spell it for `QuestionAsked.particulars`; of an input too long, the newest items."""
        kept = list(self.input)
        spelt = self._spelt(kept)
        while len(spelt) > limits.PARTICULARS_MAX and kept:
            kept = kept[(len(kept) + 1) // 2 :]
            spelt = self._spelt(kept)
        return spelt.decode()

    def _spelt(self, items: Sequence[ResponseItem]) -> bytes:
        return orjson.dumps(
            {
                "interface": "responses",
                "model": self.model,
                "repeated": self.repeated,
                "input": items,
                "ignored": self.ignored,
                "history": self.history,
            }
        )

    @classmethod
    def read(cls, text: bytes) -> Particulars:
        """Read it back."""
        told = orjson.loads(text)
        names = ("model", "repeated", "input", "ignored", "history")
        return cls(**{name: told[name] for name in names if name in told})


def particulars_of(body: ResponseBody, ignored: Sequence[str], history: str) -> Particulars:
    """Return what is repeated of a request."""
    repeated = body.model_dump(
        include=set(REPEATED), exclude_none=True, by_alias=True, exclude={"text": {"verbosity"}}
    )
    wanted = repeated.get("text", {}).get("format")
    if not wanted:
        repeated.pop("text", None)
    elif wanted["type"] == "json_schema":
        repeated["text"]["format"] = {"description": None, "strict": None, **wanted}
    for tool in repeated.get("tools", ()):
        for name in ("description", "parameters", "strict"):
            tool.setdefault(name, None)
    items = [item for one in body.items if (item := item_of(one))]
    return Particulars(body.model, repeated, items, ignored, history)


def item_of(item: Any) -> ResponseItem | None:
    """Spell an item of an input as it is listed; None for one that is passed over."""
    own = {"id": item.id} if item.id else {}
    match item:
        case MessageItem():
            kind = "output_text" if item.role == "assistant" else "input_text"
            part: ResponseItem = {"type": kind, "text": item.text}
            if kind == "output_text":
                part = text_part(item.text)
            return {**own, "type": "message", "role": item.role, "content": [part]}
        case FunctionCallItem():
            called = item.model_dump(include={"call_id", "name", "arguments"})
            return {**own, "type": "function_call", **called}
        case FunctionOutputItem():
            given = {"call_id": item.call_id, "output": item.text}
            return {**own, "type": "function_call_output", **given}
        case _:
            return None


@dataclass(frozen=True)
class ResponseObject:
    """Spells one response, however far it has come."""

    request: str
    session: str
    created_s: int
    told: Particulars

    @property
    def id(self) -> str:
        """The response's id."""
        return f"{RESPONSE_PREFIX}{self.request}"

    @property
    def message_id(self) -> str:
        """The id of its message."""
        return f"msg_{self.request}"

    def at_work(self, text: str = "") -> dict[str, Any]:
        """Spell a response that is not there yet, with the text so far."""
        output = [self.message(text, (), "in_progress")] if text else []
        return self._spelt("in_progress", output)

    def failed(self, message: str, code: str = "server_error") -> dict[str, Any]:
        """Spell a response that will not come."""
        return self._spelt("failed", [], error={"code": code, "message": message})

    def finished(self, answer: Frame, completed_s: int) -> dict[str, Any]:
        """Spell a response that is there, from a whole answer as a view tells it."""
        status, why = status_of(answer), INCOMPLETE.get(answer["finish_reason"])
        more = {
            "incomplete_details": {"reason": why} if why else None,
            "completed_at": completed_s if status == "completed" else None,
            "usage": _usage(answer),
        }
        return self._spelt(status, self.output(answer), answer, **more)

    def output(self, answer: Frame) -> list[ResponseItem]:
        """Spell the items of a whole answer."""
        status = "completed" if status_of(answer) == "completed" else "incomplete"
        if answer["finish_reason"] == "retracted":
            return [self.refusal(answer.get("reason", ""))]
        if calls := answer.get("tool_calls"):
            return [called(call) for call in calls]
        return [self.message(answer["text"], answer["citations"], status)]

    def message(self, text: str, citations: Sequence[Any], status: str) -> ResponseItem:
        """Spell the message that a text is."""
        return self._message(text_part(text, annotations_of(text, citations)), status)

    def refusal(self, reason: str) -> ResponseItem:
        """Spell the message that stands in the place of what was taken away."""
        return self._message({"type": "refusal", "refusal": reason}, "incomplete")

    def begun(self) -> ResponseItem:
        """Spell a message that says nothing yet."""
        return {**self._message({}, "in_progress"), "content": []}

    def _message(self, part: ResponseItem, status: str) -> ResponseItem:
        return {
            "id": self.message_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [part],
        }

    def _spelt(
        self, status: str, output: list[ResponseItem], answer: Frame | None = None, **more: Any
    ) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_s,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.told.model,
            "output": output,
            "usage": None,
            **FIXED,
            **REPEATED,
            **self.told.repeated,
            **more,
            "playhead": self._beside(answer or {}),
        }

    def _beside(self, answer: Frame) -> dict[str, Any]:
        """Say what their format has no place for."""
        return {
            "request_id": self.request,
            "session_id": self.session,
            "history": self.told.history,
            "ignored": list(self.told.ignored),
            "finish_reason": answer.get("finish_reason"),
            "degraded": answer.get("degraded", []),
            "citations": answer.get("citations", []),
        }


def status_of(answer: Frame) -> str:
    """Say how a response stands whose answer is over."""
    if answer["finish_reason"] == CANCELLED:
        return CANCELLED
    return "incomplete" if answer["finish_reason"] in INCOMPLETE else "completed"


def text_part(text: str, annotations: Sequence[ResponseItem] = ()) -> ResponseItem:
    """Spell a text as a part of a message."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": list(annotations),
        "logprobs": [],
    }


def called(call: Mapping[str, str], status: str = "completed") -> ResponseItem:
    """Spell a tool that is asked for."""
    return {
        "id": f"fc_{call['id']}",
        "type": "function_call",
        "status": status,
        "call_id": call["id"],
        "name": call["name"],
        "arguments": call["arguments"],
    }


def _usage(answer: Frame) -> dict[str, Any]:
    read, said = answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + said,
    }
