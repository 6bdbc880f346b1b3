"""Problem details (RFC 9457): the one shape in which the edge says that something went wrong.

A detail says what is wrong and what to do. It never holds a person's text or a stack trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

MEDIA_TYPE = "application/problem+json"
URN = "urn:playhead:problem:"


class Problem(Exception):
    """What a client is told; `retryable` says that the same request may succeed later."""

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        retryable: bool = False,
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.retryable = retryable
        self.headers = dict(headers or {})
        self.retry_after_s = retry_after_s
        """When to come back; told as a header, and in the document for streams, which have none."""
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        self.request_id = request_id
        """Id of the request on the log, where it got that far; otherwise the HTTP request's."""
        self.param: str | None = None
        """Which field is at fault, for interfaces that tell it apart."""
        self.members: dict[str, Any] = {}
        """What else is told of it: of a request in parts, what became of each."""

    def fields(self, request_id: str, trace_id: str) -> dict[str, Any]:
        """Return the members of the problem document."""
        return {
            "type": f"{URN}{self.slug}",
            "title": title_of(self.status),
            "status": self.status,
            "detail": self.detail,
            "request_id": self.request_id or request_id,
            "trace_id": trace_id,
            "retryable": self.retryable,
            **({} if self.retry_after_s is None else {"retry_after_s": self.retry_after_s}),
            **self.members,
        }

    def frame(self, request_id: str, trace_id: str) -> dict[str, Any]:
        """Return the same members for a stream, where `type` says that the frame is an error."""
        fields = self.fields(request_id, trace_id)
        return {**fields, "type": "error", "problem": fields["type"]}


def from_fields(fields: Mapping[str, Any]) -> Problem:
    """Read a problem document back."""
    return Problem(
        fields["status"],
        fields["type"].removeprefix(URN),
        fields["detail"],
        retryable=fields["retryable"],
        request_id=fields["request_id"],
        retry_after_s=1 if fields["status"] == HTTPStatus.SERVICE_UNAVAILABLE else None,
    )


def title_of(status: int) -> str:
    """Return the standard phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def unauthorized(detail: str) -> Problem:
    """Say that the key is missing or not valid."""
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="v1"'})


def forbidden(detail: str) -> Problem:
    """Say that the key is valid but does not allow this."""
    return Problem(403, "forbidden", detail)


def not_found(detail: str) -> Problem:
    """Say that nothing is there, or nothing that this key may know of."""
    return Problem(404, "not-found", detail)


def overloaded(detail: str, retry_after_s: int = 1) -> Problem:
    """Say that the service can't take more at the moment."""
    return Problem(
        503,
        "overloaded",
        detail,
        retryable=True,
        retry_after_s=retry_after_s,
    )


QuotaUnit = Literal["requests", "concurrent-requests", "content-bytes", "tokens", "documents"]


@dataclass(frozen=True)
class Quota:
    """A limit: whose and of what, how much, and how much of it is left."""

    name: str
    most: int
    left: int = 0
    unit: QuotaUnit = "concurrent-requests"
    window_s: int | None = None
    """Over which it is counted; None for what is held at once, or stored."""

    def headers(self, room_in_s: int | None = None) -> dict[str, str]:
        """Spell it as clients read it (draft-ietf-httpapi-ratelimit-headers-10).

        Tokens and stored documents are units of our own: that draft has requests and bytes.
        """
        window = "" if self.window_s is None else f";w={self.window_s}"
        room = "" if room_in_s is None else f";t={room_in_s}"
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.most};qu="{self.unit}"{window}',
            "RateLimit": f'"{self.name}";r={max(0, self.left)}{room}',
        }


def too_many(
    detail: str,
    retry_after_s: int = 1,
    quota: Quota | None = None,
    *,
    retryable: bool = True,
) -> Problem:
    """Say that this key or tenant asks for too much."""
    return Problem(
        429,
        "too-many-requests",
        detail,
        retryable=retryable,
        retry_after_s=retry_after_s,
        headers=quota.headers(retry_after_s) if quota else None,
    )


def erased(request_id: str = "") -> Problem:
    """Say that what was asked for is gone for good, with whoever it was of."""
    detail = "it was erased, with all that was held of this person: nothing brings it back"
    return Problem(410, "erased", detail, request_id=request_id)
