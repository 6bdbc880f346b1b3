"""A response as a stream of events: each numbered, and the last one holds the whole.

What was sent can't be taken back; see `growing_text` for an answer that starts over. Where JSON was
asked for, its text comes in one delta once it is whole and holds to its schema.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from edge.answering.cursors import Frame
from edge.problems import Problem, from_fields
from edge.protocols.openai.annotations import annotations_of
from edge.protocols.openai.answered_json import hold_to_schema
from edge.protocols.openai.growing_text import GrowingText
from edge.protocols.openai.response_object import ResponseObject, called, text_part

StreamEvent = dict[str, Any]
NO_USAGE: Frame = {
    "citations": [],
    "degraded": [],
    "usage": {"prompt_tokens": 0, "completion_tokens": 0},
}


class ResponseEvents:
    """Turns the frames of one answer into events."""

    def __init__(self, response: ResponseObject, schema: str = "") -> None:
        self.answer: Frame = {}
        """The whole answer, once it stands."""
        self._response = response
        self._schema = schema
        self._text = GrowingText()
        self._is_begun = False
        self._number = -1

    def first(self) -> list[StreamEvent]:
        """Begin a stream."""
        return [
            self._event(f"response.{name}", response=self._response.at_work())
            for name in ("created", "in_progress")
        ]

    def take(self, frame: Frame) -> list[StreamEvent]:
        """Turn a frame into events; raises Problem for what no event can say."""
        match frame["type"]:
            case "delta":
                self._text.add(frame["text"])
                return [] if self._schema else [*self._delta(self._text.news())]
            case "restarted":
                self._text.void()
                return []
            case "completed":
                hold_to_schema(frame, self._schema, self._response.request)
                return [*self._completed(frame)]
            case "retracted":
                return [*self._retracted(frame)]
            case "error":
                raise from_fields({**frame, "type": frame["problem"]})
            case _:
                return []

    def failed(self, problem: Problem) -> list[StreamEvent]:
        """End a stream that goes wrong."""
        code = "rate_limit_exceeded" if problem.status == 429 else "server_error"
        response = self._response.failed(problem.detail, code)
        response["playhead"]["error"] = problem.slug
        return [self._event("response.failed", response=response)]

    # ------------------------------------------------------------------ the message

    def _delta(self, news: str) -> Iterator[StreamEvent]:
        if not news:
            return
        yield from self._begin()
        yield self._in_part("response.output_text.delta", delta=news, logprobs=[])

    def _begin(self) -> Iterator[StreamEvent]:
        if self._is_begun:
            return
        self._is_begun = True
        yield self._event("response.output_item.added", output_index=0, item=self._response.begun())
        yield self._in_part("response.content_part.added", part=text_part(""))

    def _completed(self, frame: Frame) -> Iterator[StreamEvent]:
        self.answer = frame
        if calls := frame.get("tool_calls"):
            if self._is_begun:
                raise _changed_its_mind()
            for at, call in enumerate(calls):
                yield from self._call(at, call)
        else:
            yield from self._whole_text(frame)
        yield from self._end(frame)

    def _whole_text(self, frame: Frame) -> Iterator[StreamEvent]:
        text = frame["text"]
        yield from self._delta(self._text.settle(text))
        yield from self._begin()
        annotations = annotations_of(text, frame["citations"])
        for at, annotation in enumerate(annotations):
            yield self._in_part(
                "response.output_text.annotation.added",
                annotation_index=at,
                annotation=annotation,
            )
        yield self._in_part("response.output_text.done", text=text, logprobs=[])
        part = text_part(text, annotations)
        yield self._in_part("response.content_part.done", part=part)
        [item] = self._response.output(frame)
        yield self._event("response.output_item.done", output_index=0, item=item)

    def _retracted(self, frame: Frame) -> Iterator[StreamEvent]:
        yield from self._begin()
        item = self._response.refusal(frame["reason"])
        yield self._event("response.output_item.done", output_index=0, item=item)
        yield from self._end({**NO_USAGE, "finish_reason": "retracted", "reason": frame["reason"]})

    def _end(self, answer: Frame) -> Iterator[StreamEvent]:
        response = self._response.finished(answer, int(time.time()))
        # they have no event for a response that was cancelled: its status is in the response
        kind = "completed" if response["status"] == "completed" else "incomplete"
        yield self._event(f"response.{kind}", response=response)

    # ------------------------------------------------------------------ calls of tools

    def _call(self, at: int, call: dict[str, str]) -> Iterator[StreamEvent]:
        item = called(call)
        begun = {**item, "status": "in_progress", "arguments": ""}
        place = {"output_index": at, "item_id": item["id"]}
        arguments = call["arguments"]
        kind = "response.function_call_arguments"
        yield self._event("response.output_item.added", output_index=at, item=begun)
        yield self._event(f"{kind}.delta", **place, delta=arguments)
        yield self._event(f"{kind}.done", **place, name=call["name"], arguments=arguments)
        yield self._event("response.output_item.done", output_index=at, item=item)

    # ------------------------------------------------------------------ one event

    def _in_part(self, kind: str, **fields: Any) -> StreamEvent:
        place = {"item_id": self._response.message_id, "output_index": 0, "content_index": 0}
        return self._event(kind, **place, **fields)

    def _event(self, kind: str, **fields: Any) -> StreamEvent:
        self._number += 1
        return {"type": kind, "sequence_number": self._number, **fields}


def _changed_its_mind() -> Problem:
    return Problem(
        502,
        "answer-replaced",
        "the answer asks for tools after it said something: what was sent is void; read the "
        "response again by its id",
        retryable=True,
    )
