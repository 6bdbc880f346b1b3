"""An answer as OpenAI's clients read it: one completion, or chunks that only ever add.

A chunk can't be taken back. Where an answer starts over, what comes then goes on from what was
sent as long as it says the same, and is an error where it says something else. Where JSON was asked
for, nothing is sent before the whole is there and holds to its schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge.answering.cursors import Frame
from edge.problems import from_fields
from edge.protocols.openai.annotations import chat_annotations_of
from edge.protocols.openai.answered_json import hold_to_schema
from edge.protocols.openai.chat_request import said_of
from edge.protocols.openai.growing_text import GrowingText
from edge.protocols.openai.openai_shape import ID_PREFIX

FINISHED = {
    "length": "length",
    "refused": "content_filter",
    "retracted": "content_filter",
    "tool_calls": "tool_calls",
}
"""How an answer ended, in their words; in all other ways it is stop."""


@dataclass
class ChatReply:
    """One answer for one client."""

    request: str
    session: str
    model: str
    created_s: int
    history: str
    """What became of the history that came with it: none, known, partial, unknown or named."""
    ignored: list[str]
    schema: str = ""
    """JSON schema that the answer must follow; empty for prose."""
    with_usage: bool = False
    text: GrowingText = field(default_factory=GrowingText)
    """The answer as it stands."""
    stands: bool = False
    """Whether it is whole, and was not taken away."""
    called: list[str] = field(default_factory=list)
    """Ids of the calls that it asks for."""

    # ------------------------------------------------------------------ in one

    def whole(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Spell a whole answer, as a view tells it; raises Problem where it is no JSON as asked."""
        is_retracted = answer["finish_reason"] == "retracted"
        hold_to_schema(answer, self.schema, self.request)
        self.text.settle(answer["text"])
        self.stands = not is_retracted
        calls = self._called(answer)
        message = {
            "role": "assistant",
            "content": None if is_retracted or calls else self.text.shown,
            "refusal": answer.get("reason") if is_retracted else None,
            **self._cited(answer),
            **({"tool_calls": calls} if calls else {}),
        }
        choice = {"index": 0, "message": message, "logprobs": None, **_finish(answer)}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": _usage(answer),
            "playhead": self._told(answer),
        }

    # ------------------------------------------------------------------ in chunks

    def first(self) -> dict[str, Any]:
        """Begin a stream."""
        return self._chunk({"role": "assistant", "content": ""})

    def take(self, frame: Frame) -> list[dict[str, Any]]:
        """Turn a frame into chunks; raises Problem for what no chunk can say."""
        match frame["type"]:
            case "delta":
                self.text.add(frame["text"])
                return [] if self.schema else self._sending(self.text.news())
            case "restarted":
                self.text.void()
                return []
            case "completed":
                return self._completed(frame)
            case "retracted":
                return self._closed(
                    {"finish_reason": "retracted", **NO_ANSWER}, {"refusal": frame["reason"]}
                )
            case "error":
                raise from_fields({**frame, "type": frame["problem"]})
            case _:
                return []

    def _completed(self, frame: Frame) -> list[dict[str, Any]]:
        hold_to_schema(frame, self.schema, self.request)
        news = self._sending(self.text.settle(frame["text"]))
        self.stands = True
        numbered = [{"index": at, **one} for at, one in enumerate(self._called(frame))]
        asked = [self._chunk({"tool_calls": numbered})] if numbered else []
        return [*news, *asked, *self._closed(frame, self._cited(frame))]

    def _cited(self, answer: Frame) -> dict[str, Any]:
        """Say what it rests on, as the platform does and as their clients look for it."""
        citations = answer["citations"]
        return {
            "citations": citations,
            "annotations": chat_annotations_of(self.text.shown, citations),
        }

    def _called(self, answer: Frame) -> list[dict[str, Any]]:
        """Spell the tools that an answer asks for."""
        calls = answer.get("tool_calls", [])
        self.called = [call["id"] for call in calls]
        return [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in calls
        ]

    @property
    def said(self) -> str:
        """What it is known again by: its text, or the calls that it asked for."""
        return said_of(self.text.shown, self.called)

    def _sending(self, news: str) -> list[dict[str, Any]]:
        return [self._chunk({"content": news})] if news else []

    def _closed(self, answer: Frame, delta: dict[str, Any]) -> list[dict[str, Any]]:
        last = self._chunk(delta, **_finish(answer))
        chunks = [{**last, "playhead": self._told(answer)}]
        if self.with_usage:
            chunks.append(
                {**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(answer)}
            )
        return chunks

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.with_usage else {}
        return {**self._head("chat.completion.chunk"), "choices": [choice], **usage}

    # ------------------------------------------------------------------ what both say

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"{ID_PREFIX}{self.request}",
            "object": kind,
            "created": self.created_s,
            "model": self.model,
        }

    def _told(self, answer: Frame) -> dict[str, Any]:
        """Say what their format has no place for."""
        return {
            "request_id": self.request,
            "session_id": self.session,
            "history": self.history,
            "finish_reason": answer["finish_reason"],
            "degraded": answer["degraded"],
            "ignored": self.ignored,
        }


NO_ANSWER: Frame = {"degraded": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}


def _finish(answer: Frame) -> dict[str, str]:
    return {"finish_reason": FINISHED.get(answer["finish_reason"], "stop")}


def _usage(answer: Frame) -> dict[str, int]:
    usage = answer["usage"]
    return {**usage, "total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]}
