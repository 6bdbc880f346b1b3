"""Native tools: how tools, calls and results are spelt for interfaces that have shapes for them.

A stream tells a call in pieces, by its place among the calls. A peer is not trusted: how many calls
there are, and how long one grows, is bounded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agents.errors import Permanent, Transient
from schemas import Generate, ToolCall

CALLS_MAX = 32
CHARACTERS_MAX = 65_536  # of the arguments of a call
NAME_MAX = 256


@dataclass
class _GrowingCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


class GrowingCalls:
    """The calls of one answer, while they come."""

    def __init__(self) -> None:
        self._calls: dict[int, _GrowingCall] = {}

    def add(self, place: int, call: str | None, name: str | None, arguments: str | None) -> None:
        """Take a piece of the call at a place; raises Transient for what has no end."""
        if place not in self._calls and len(self._calls) == CALLS_MAX:
            raise Transient(f"a provider asked for more than {CALLS_MAX} tools at once")
        growing = self._calls.setdefault(place, _GrowingCall())
        growing.id = (call or growing.id)[:NAME_MAX]
        growing.name = (growing.name + (name or ""))[:NAME_MAX]
        growing.arguments += arguments or ""
        if len(growing.arguments) > CHARACTERS_MAX:
            raise Transient("a provider sent a call of a tool without end")

    def whole(self, request: Generate) -> tuple[ToolCall, ...]:
        """Return the calls; one without an id gets one that the request's next one has not."""
        before = len(request.exchanges)
        return tuple(
            ToolCall(
                id=growing.id or f"call_{before + number}",
                name=growing.name,
                arguments=growing.arguments or "{}",
            )
            for number, (_, growing) in enumerate(sorted(self._calls.items()), 1)
            if growing.name
        )


def _listed(request: Generate) -> list[dict[str, Any]]:
    try:
        listed: list[dict[str, Any]] = json.loads(request.tools)
    except (ValueError, RecursionError):
        raise Permanent("the tools of a request are no JSON") from None
    return listed


def _arguments(text: str) -> Any:
    """Read arguments; what a model wrote and is no JSON goes back as a text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    return value if isinstance(value, dict) else {"value": value}


def openai_tools(request: Generate) -> dict[str, Any]:
    """Spell the tools of a request, and the choice among them, as OpenAI does."""
    choice = request.tool_choice or "auto"
    named = choice not in ("auto", "none", "required")
    return {
        "tools": [{"type": "function", "function": one} for one in _listed(request)],
        "tool_choice": {"type": "function", "function": {"name": choice}} if named else choice,
    }


def openai_exchanges(request: Generate) -> list[dict[str, Any]]:
    """Spell calls and results as OpenAI's messages: each call, then what it gave."""
    messages: list[dict[str, Any]] = []
    for one in request.exchanges:
        function = {"name": one.name, "arguments": one.arguments}
        call = {"id": one.id, "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": one.id, "content": one.result})
    return messages


def anthropic_tools(request: Generate) -> dict[str, Any]:
    """Spell the tools of a request, and the choice among them, as Anthropic does."""
    choice = request.tool_choice or "auto"
    told = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}
    return {
        "tools": [
            {
                "name": one["name"],
                "description": one.get("description", ""),
                "input_schema": {"type": "object", **one.get("parameters", {})},
            }
            for one in _listed(request)
        ],
        "tool_choice": told.get(choice, {"type": "tool", "name": choice}),
    }


def anthropic_exchanges(request: Generate) -> list[dict[str, Any]]:
    """Spell calls and results as Anthropic's messages: each call, then what it gave."""
    messages: list[dict[str, Any]] = []
    for one in request.exchanges:
        use = {
            "type": "tool_use",
            "id": one.id,
            "name": one.name,
            "input": _arguments(one.arguments),
        }
        result = {"type": "tool_result", "tool_use_id": one.id, "content": one.result}
        messages.append({"role": "assistant", "content": [use]})
        messages.append({"role": "user", "content": [result]})
    return messages
