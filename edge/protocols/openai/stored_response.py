"""A response that was made before: read again from the log, by whoever asked for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

from agents.errors import KeyDestroyed, Permanent, Transient
from edge.answering.cursors import Frame, in_reading_order
from edge.answering.moves import AnswerState
from edge.answering.view import AnswerView
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.listening.entries import RESULTS, Entry
from edge.listening.known_requests import KnownRequest
from edge.problems import Problem, not_found, overloaded
from edge.protocols.openai.answered_json import hold_to_schema
from edge.protocols.openai.chat_request import AskedCall, CalledFunction, ChatMessage
from edge.protocols.openai.models_offered import PLATFORM
from edge.protocols.openai.openai_shape import without_prefix
from edge.protocols.openai.response_object import Particulars, ResponseItem, ResponseObject
from edge.requests.limits import ID_MAX
from schemas import AnswerReleased, Event, QuestionAsked, Sealed
from streams.log.clock import now_us


@dataclass(frozen=True)
class StoredResponse:
    """A response that was made before, and what was asked for it."""

    request: KnownRequest
    told: Particulars
    text: str
    """The words of the question."""
    exchanges: list[dict[str, str]]
    """Calls of tools that came with it, and what they gave, as `ToolExchange` has them."""
    schema: str
    entries: list[Entry]
    """What became of it, as the log has it by now."""

    @property
    def response(self) -> ResponseObject:
        """What spells it."""
        created_s = self.request.time_ms // 1_000
        return ResponseObject(self.request.request, self.request.session, created_s, self.told)

    def as_it_stands(self, gateway: Gateway, caller: Caller) -> dict[str, Any]:
        """Spell it as far as it has come."""
        view, answer = self.answer(gateway, caller)
        if view.state is AnswerState.FAILED:
            return self.response.failed(view.closing["error"]["detail"])
        if not view.settled:
            return self._under_way(gateway, view)
        try:
            hold_to_schema(answer, self.schema, self.request.request)
        except Problem as problem:
            return self.response.failed(problem.detail)
        times = [one.time_ms for one in self.entries if isinstance(one.event, AnswerReleased)]
        return self.response.finished(answer, max(times, default=self.request.time_ms) // 1_000)

    def _under_way(self, gateway: Gateway, view: AnswerView) -> dict[str, Any]:
        grace_us = int(gateway.bounds.grace_s * 1_000_000)
        if 0 < self.request.deadline_us + grace_us < now_us():
            return self.response.failed("no answer came within its budget; it may still come")
        text = view.snapshot()["text"]
        return self.response.at_work("" if self.schema else text)

    def answer(self, gateway: Gateway, caller: Caller) -> tuple[AnswerView, Frame]:
        """Return how the answer stands for this caller."""
        view = gateway.follower.view(caller, self.request)
        for entry in in_reading_order(self.entries, {}):
            view.take(entry)
        gateway.follower.settle(self.request, view)
        return view, view.snapshot()

    def listed_input(self) -> list[ResponseItem]:
        """Return the items of its input, each with an id, the oldest first."""
        items = self.told.input or [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": self.text}],
            }
        ]
        return [
            {"id": _item_id(item, self.request.request, at), "status": "completed", **item}
            for at, item in enumerate(items)
        ]

    def gone_on_from(self, gateway: Gateway, caller: Caller) -> list[ChatMessage]:
        """Return the question and all calls of tools behind it, for their results to follow."""
        _, answer = self.answer(gateway, caller)
        messages = [ChatMessage(role="user", content=self.text)]
        for one in self.exchanges:
            call = _call(one["id"], one["name"], one["arguments"])
            messages.append(ChatMessage(role="assistant", tool_calls=[call]))
            messages.append(ChatMessage(role="tool", tool_call_id=one["id"], content=one["result"]))
        asked = answer.get("tool_calls", ())
        if asked:
            calls = [_call(one["id"], one["name"], one["arguments"]) for one in asked]
            messages.append(ChatMessage(role="assistant", tool_calls=calls))
        return messages


async def stored_response(
    gateway: Gateway, caller: Caller, response_id: str, *, answered: bool = True
) -> StoredResponse:
    """Return a response of this caller; raises Problem for one that is not there to be read.

    What became of it is read where it is wanted: it lies on further topics.
    """
    request = gateway.access.question(caller, without_prefix(response_id))
    kinds: tuple[type[Event], ...] = (QuestionAsked, *(RESULTS if answered else ()))
    entries = await gateway.follower.read_back(request, kinds)
    questions = [one.event for one in entries if isinstance(one.event, QuestionAsked)]
    if not questions:
        raise _not_stored(response_id)
    question = questions[0]

    def opened(sealed: Sealed | None) -> bytes:
        return gateway.keyring.unseal(caller.tenant, sealed) if sealed else b""

    try:
        text, exchanges, told = await asyncio.to_thread(
            lambda: [
                opened(one) for one in (question.text, question.exchanges, question.particulars)
            ]
        )
    except KeyDestroyed:
        raise Problem(410, "erased", "what was asked was erased, with its asker's key") from None
    except Transient as error:
        raise overloaded(str(error)) from None
    except Permanent:
        raise _not_stored(response_id) from None
    particulars = Particulars.read(told) if told else Particulars(PLATFORM)
    if not particulars.stored:
        raise _not_stored(response_id)
    return StoredResponse(
        request=request,
        told=particulars,
        text=text.decode("utf-8", "replace"),
        exchanges=orjson.loads(exchanges) if exchanges else [],
        schema=question.ask.response_schema,
        entries=entries,
    )


def _not_stored(response_id: str) -> Problem:
    return not_found(f"no response {response_id[:ID_MAX]!r} of this user can be read again")


def _call(call_id: str, name: str, arguments: str) -> AskedCall:
    return AskedCall(id=call_id, function=CalledFunction(name=name, arguments=arguments))


def _item_id(item: ResponseItem, request: str, at: int) -> str:
    prefix = {"function_call": "fc", "function_call_output": "fco"}.get(item["type"], "msg")
    return f"{prefix}_{request}_{at}"
