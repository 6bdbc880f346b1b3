"""How OpenAI's clients are spoken to: ids, events of a stream, and errors in their shape.

They retry what answers 408, 409, 429 or 5xx unless a header says otherwise, so each error says it:
a question that failed for good is not asked three times.
"""

from __future__ import annotations

from typing import Any

import orjson

from edge.problems import Problem

ID_PREFIX = "chatcmpl-"
RESPONSE_PREFIX = "resp_"
DONE = b"data: [DONE]\n\n"
PATHS = ("/v1/chat/completions", "/v1/models", "/v1/responses", "/v1/embeddings")
TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
"""By status; others are invalid_request_error, or server_error from 500."""
CODES = {"unauthorized": "invalid_api_key", "too-many-requests": "rate_limit_exceeded"}
"""Where their clients know a name of their own."""


class RefusedParameter(Problem):
    """A parameter that can't be honoured."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(400, "unsupported-parameter", f"{name}: {why}")
        self.param = name


def is_spoken_at(path: str) -> bool:
    """Tell whether an address is one of OpenAI's interface."""
    return any(path == one or path.startswith(f"{one}/") for one in PATHS)


def status_of(problem: Problem) -> int:
    """Return the status that their clients expect: what is invalid is a bad request.

    A key that came with another body is 422 on every route.
    """
    is_invalid = problem.status == 422 and problem.slug != "idempotency-key-reused"
    return 400 if is_invalid else problem.status


def error_of(problem: Problem, request_id: str) -> dict[str, Any]:
    """Spell a problem as their error."""
    usual = "server_error" if problem.status >= 500 else "invalid_request_error"
    return {
        "error": {
            "message": problem.detail,
            "type": TYPES.get(problem.status, usual),
            "param": problem.param,
            "code": CODES.get(problem.slug, problem.slug.replace("-", "_")),
            "request_id": problem.request_id or request_id,
        }
    }


def headers_of(problem: Problem) -> dict[str, str]:
    """Return the headers of an error."""
    return {**problem.headers, "x-should-retry": str(problem.retryable).lower()}


def event_of(content: dict[str, Any]) -> bytes:
    """Spell a chunk or an error as a server-sent event."""
    return b"data: %b\n\n" % orjson.dumps(content)


def named_event_of(content: dict[str, Any]) -> bytes:
    """Spell an event that has a type as a server-sent event of that name."""
    return b"event: %b\ndata: %b\n\n" % (content["type"].encode(), orjson.dumps(content))


def without_prefix(answer_id: str) -> str:
    """Return the request's id of a completion's or response's; a request's own stays as it is."""
    return answer_id.removeprefix(ID_PREFIX).removeprefix(RESPONSE_PREFIX)
