"""The types of the GraphQL schema, and how they are made of what the gateway has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from edge.callers.caller import Caller
from edge.listening.known_documents import KnownDocument


@strawberry.type(name="Me", description="Who calls, as the key says.")
class GraphqlMe:
    """Who calls."""

    tenant: str
    user: str
    scopes: list[str]
    groups: list[str]

    @classmethod
    def of(cls, caller: Caller) -> GraphqlMe:
        """Describe a caller."""
        return cls(
            tenant=caller.tenant,
            user=caller.user,
            scopes=sorted(caller.scopes),
            groups=list(caller.groups),
        )


@strawberry.type(name="Citation", description="A passage on which an answer rests.")
class GraphqlCitation:
    """A citation."""

    document_id: strawberry.ID
    chunk_id: strawberry.ID
    title: str
    uri: str
    quote: str


@strawberry.type(name="Usage", description="Tokens of the prompt and of the answer.")
class GraphqlUsage:
    """Tokens used."""

    prompt_tokens: int
    completion_tokens: int


@strawberry.type(name="Answer", description="An answer as far as the log has it.")
class GraphqlAnswer:
    """An answer."""

    request_id: strawberry.ID
    session_id: strawberry.ID
    status: str
    text: str
    citations: list[GraphqlCitation]
    usage: GraphqlUsage
    finish_reason: str | None
    degraded: list[str]
    reason: str
    error: JSON | None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> GraphqlAnswer:
        """Spell an answer."""
        return cls(
            request_id=answer["request_id"],
            session_id=answer["session_id"],
            status=answer.get("status", "completed"),
            text=answer["text"],
            citations=citations_of(answer),
            usage=GraphqlUsage(**answer["usage"]),
            finish_reason=answer["finish_reason"],
            degraded=answer["degraded"],
            reason=answer.get("reason", ""),
            error=answer.get("error"),
        )


@strawberry.type(name="Frame", description="One event of an answer; what it lacks is null.")
class GraphqlFrame:
    """A frame."""

    type: str
    request_id: strawberry.ID
    cursor: str
    session_id: str | None
    step: str | None
    took_ms: int | None
    text: str | None
    start: int | None
    end: int | None
    replacement: str | None
    reason: str | None
    citations: list[GraphqlCitation] | None
    usage: GraphqlUsage | None
    finish_reason: str | None
    degraded: list[str] | None
    problem: JSON | None

    @classmethod
    def of(cls, frame: Mapping[str, Any]) -> GraphqlFrame:
        """Spell a frame."""
        is_error = frame["type"] == "error"
        given: dict[str, Any] = {name: frame.get(name) for name in PLAIN_FIELDS}
        return cls(
            **given,
            citations=citations_of(frame) if "citations" in frame else None,
            usage=GraphqlUsage(**frame["usage"]) if "usage" in frame else None,
            problem=JSON({**frame, "type": frame["problem"]}) if is_error else None,
        )


PLAIN_FIELDS = (
    *("type", "request_id", "cursor", "session_id", "step", "took_ms", "text"),
    *("start", "end", "replacement", "reason", "finish_reason", "degraded"),
)
"""Fields of a frame that stand in the schema as they are."""


def citations_of(told: Mapping[str, Any]) -> list[GraphqlCitation]:
    """Spell the citations of an answer or a frame."""
    return [GraphqlCitation(**one) for one in told["citations"]]


@strawberry.type(name="Passage", description="A passage that was found.")
class GraphqlPassage:
    """A passage."""

    document_id: strawberry.ID
    chunk_id: strawberry.ID
    title: str
    uri: str
    text: str
    score: float


@strawberry.type(name="SearchResult", description="What a search found, the best first.")
class GraphqlFound:
    """What was found."""

    request_id: strawberry.ID
    passages: list[GraphqlPassage]


@strawberry.type(name="Document", description="How a document fares.")
class GraphqlDocument:
    """A document."""

    id: strawberry.ID
    uri: str
    title: str | None
    media_type: str
    metadata: JSON
    status: str
    reason: str
    version: int
    chunks: int
    manifest: JSON | None
    request_id: strawberry.ID
    changed_at: datetime

    @classmethod
    def of(cls, document: KnownDocument, title: str | None) -> GraphqlDocument:
        """Describe a document."""
        told = document.as_json(title)
        del told["document_id"]
        changed_us = told.pop("changed_us")
        return cls(id=strawberry.ID(document.id), changed_at=time_of(changed_us), **told)


@strawberry.type(name="DocumentPage", description="`next` is what to send as `after` for more.")
class GraphqlDocumentPage:
    """A page of documents."""

    nodes: list[GraphqlDocument]
    next: str | None


@strawberry.type(name="Taken", description="A request about a document is on the log.")
class GraphqlTaken:
    """What was taken in."""

    document_id: strawberry.ID
    request_id: strawberry.ID


@strawberry.type(name="Judged", description="A judgement of an answer is on the log.")
class GraphqlJudged:
    """What was judged."""

    request_id: strawberry.ID
    about: strawberry.ID


def time_of(us: int) -> datetime:
    """Return a time of the log."""
    return datetime.fromtimestamp(us / 1_000_000, UTC)
