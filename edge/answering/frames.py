"""The fields of frames, as the records spell them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agents.errors import KeyDestroyed
from edge.answering.cursors import Frame
from edge.problems import Problem, erased
from schemas import Answer, ChunksRetrieved, EventRejected
from streams.watching.tracing import trace_id_of

NO_ANSWER: Frame = {
    "citations": [],
    "usage": {"prompt_tokens": 0, "completion_tokens": 0},
    "finish_reason": None,
    "degraded": [],
}
"""What a closing frame says of an answer, where there is none."""
RESTARTED: Frame = {"type": "restarted"}


def step_of(event: ChunksRetrieved) -> Frame:
    """Say that retrieval is done and how long it took."""
    began = event.meta.effects[0].started if event.meta.effects else event.meta.at
    took_ms = max(0, round((event.meta.at - began) / 1_000))
    return {"type": "step", "step": "retrieve", "took_ms": took_ms}


def closing_of(answer: Answer, text: str, restored: Callable[[str], str]) -> Frame:
    """Say how an answer ended, with the text as it was shown."""
    return {
        "text": text,
        "citations": [
            {
                "document_id": citation.document,
                "chunk_id": citation.chunk,
                "title": restored(citation.title),
                "uri": citation.uri,
                "quote": restored(citation.quote),
            }
            for citation in answer.citations
        ],
        "usage": {
            "prompt_tokens": answer.usage.prompt_tokens,
            "completion_tokens": answer.usage.completion_tokens,
        },
        "finish_reason": answer.finish_reason,
        "degraded": list(answer.degraded),
        **(
            {
                "tool_calls": [
                    {
                        "id": call.id,
                        "name": call.name,
                        "arguments": restored_json(call.arguments, restored),
                    }
                    for call in answer.tool_calls
                ]
            }
            if answer.tool_calls
            else {}
        ),
    }


def restored_json(text: str, restored: Callable[[str], str]) -> str:
    """Restore the strings of JSON, so that a value with a quotation mark leaves it JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return restored(text)
    return json.dumps(_restored(value, restored), ensure_ascii=False)


def _restored(value: Any, restored: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return restored(value)
    if isinstance(value, list):
        return [_restored(one, restored) for one in value]
    if isinstance(value, dict):
        return {restored(key): _restored(one, restored) for key, one in value.items()}
    return value


def cancelled(text: str) -> Frame:
    """Say that the reader wants no more, with what it was shown."""
    return {"type": "completed", "text": text, **NO_ANSWER, "finish_reason": "cancelled"}


def problem_of(event: EventRejected) -> Problem:
    """Say what became of a request that a step gave up on."""
    if event.error == KeyDestroyed.__name__:  # while the question was under way
        return erased(event.meta.request)
    transient = event.error == "Transient"
    return Problem(
        503 if transient else 502,
        "step-failed",
        f"{event.step} gave up after {event.attempts} attempts ({event.error}). "
        + ("Try again shortly." if transient else "An operator finds it among the dead letters."),
        retryable=transient,
        request_id=event.meta.request,
    )


def error_of(event: EventRejected) -> tuple[dict[str, Any], Frame]:
    """Return the problem document of a dead letter, and the frame that says the same."""
    problem, trace_id = problem_of(event), trace_id_of(event.meta.trace)
    request = event.meta.request
    return problem.fields(request, trace_id), problem.frame(request, trace_id)
