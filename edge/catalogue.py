"""What the edge remembers of the log: whose each request and session is, and how documents fare.

Read from the beginning of the log at every start and kept in memory: about half a kilobyte a
request and a kilobyte a document, which is fine for some millions of each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from edge.entries import Entry
from schemas import (
    ChunksCut,
    ChunksIndexed,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    Manifest,
    QuestionAsked,
    Sealed,
)

REQUESTS_KEPT = 4
"""Newest requests remembered of a document: the one in force and what is under way."""


@dataclass(frozen=True)
class Asked:
    """A request that is on the log."""

    request: str
    tenant: str
    subject: str
    """Keyed digest of who asked; empty for a document."""
    session: str
    lane: int
    time_ms: int
    """When the broker had it: nothing of it lies before."""
    deadline_us: int = 0
    trace: str = ""


class Requests:
    """Requests and sessions, by id."""

    def __init__(self) -> None:
        self._requests: dict[str, Asked] = {}
        self._subjects: dict[tuple[str, str], str] = {}

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here."""
        event = entry.event
        if isinstance(event, QuestionAsked | DocumentSubmitted | DocumentWithdrawn):
            self.add(asked_of(event, entry.time_ms))

    def add(self, asked: Asked) -> None:
        """Remember a request; the first record with an id wins."""
        self._requests.setdefault(asked.request, asked)
        if asked.subject:
            self._subjects.setdefault((asked.tenant, asked.session), asked.subject)

    def find(self, request: str) -> Asked | None:
        """Return a request."""
        return self._requests.get(request)

    def __len__(self) -> int:
        return len(self._requests)

    def claim(self, tenant: str, session: str, subject: str) -> bool:
        """Make a session the subject's; False where it is another's.

        What a rewrite may read of a conversation, only its owner may ask about.
        """
        return self._subjects.setdefault((tenant, session), subject) == subject


def asked_of(event: QuestionAsked | DocumentSubmitted | DocumentWithdrawn, time_ms: int) -> Asked:
    """Return what is remembered of a request."""
    question = event if isinstance(event, QuestionAsked) else None
    return Asked(
        request=event.meta.request,
        tenant=event.meta.tenant,
        subject=question.subject if question else "",
        session=event.meta.session,
        lane=event.meta.lane,
        time_ms=time_ms,
        deadline_us=question.ask.deadline if question else 0,
        trace=event.meta.trace,
    )


@dataclass
class Submission:
    """One request about a document: a version handed in, or its withdrawal."""

    request: str
    at: int = -1
    """Event time of the request in microseconds; -1 while only outcomes were seen."""
    status: str = "accepted"
    reason: str = ""
    changed_us: int = 0


@dataclass
class Document:
    """A document as the log tells it."""

    id: str
    uri: str = ""
    media_type: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    title: Sealed | None = None
    described_us: int = -1
    version: int = 0
    """Version that can be found; 0 for none so far."""
    position: int = -1
    manifest: Manifest | None = None
    submissions: dict[str, Submission] = field(default_factory=dict)

    @property
    def newest(self) -> Submission:
        """The newest request about it: what its status is the status of."""
        return max(self.submissions.values(), key=lambda one: (one.at, one.request))

    def as_json(self, title: str | None) -> dict[str, Any]:
        """Return what a client sees."""
        newest = self.newest
        manifest = self.manifest
        return {
            "document_id": self.id,
            "uri": self.uri,
            "title": title,
            "media_type": self.media_type,
            "metadata": self.metadata,
            "status": newest.status,
            "reason": newest.reason,
            "version": self.version,
            "chunks": len(manifest.chunks) if manifest else 0,
            "manifest": None
            if manifest is None
            else {
                "checksum": manifest.checksum,
                "parser": manifest.parser,
                "parser_version": manifest.parser_version,
                "chunk_policy": manifest.policy,
                "chunks": list(manifest.chunks),
                "kept": len(manifest.kept),
                "retired": len(manifest.retired),
            },
            "request_id": newest.request,
            "changed_us": newest.changed_us,
        }


CUT_STATUS = {"cut": "ingested", "unchanged": "ingested", "failed": "failed"}
INDEX_STATUS = {
    "indexed": "indexed",
    "unchanged": "indexed",
    "withdrawn": "deleted",
    "failed": "failed",
}
RANK = {"accepted": 0, "ingested": 1, "failed": 2, "indexed": 2, "deleted": 2}
"""A status never goes back: the topics are read side by side, so outcomes may come out of order."""


class Documents:
    """All documents of all tenants, folded from the log in whatever order its topics are read."""

    def __init__(self) -> None:
        self._tenants: defaultdict[str, dict[str, Document]] = defaultdict(dict)

    def find(self, tenant: str, document: str) -> Document | None:
        """Return a document of a tenant."""
        found = self._tenants.get(tenant, {}).get(document)
        return found if found and found.described_us >= 0 else None

    def __len__(self) -> int:
        return sum(len(mine) for mine in list(self._tenants.values()))

    def all(self, tenant: str) -> list[Document]:
        """List a tenant's documents by id."""
        mine = self._tenants.get(tenant, {})
        return [mine[key] for key in sorted(mine) if mine[key].described_us >= 0]

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here."""
        match entry.event:
            case DocumentSubmitted() as event:
                document = self._document(event.meta.tenant, event.document)
                if event.meta.at >= document.described_us:
                    document.described_us = event.meta.at
                    document.uri = event.uri
                    document.media_type = event.media_type
                    document.metadata = dict(event.metadata)
                    document.groups = event.groups
                    document.title = event.title
                self._requested(document, event.meta.request, event.meta.at)
            case DocumentWithdrawn() as event:
                document = self._document(event.meta.tenant, event.document)
                self._requested(document, event.meta.request, event.meta.at)
            case ChunksCut() as event:
                document = self._document(event.meta.tenant, event.document.document)
                if event.title is not None and event.meta.at >= document.described_us:
                    document.title = event.title
                if event.batch.last and event.outcome in CUT_STATUS:
                    status = CUT_STATUS[event.outcome]
                    self._came(document, event.meta.request, status, event.reason, event.meta.at)
            case ChunksIndexed() as event:
                document = self._document(event.meta.tenant, event.document.document)
                if event.batch.last:
                    status = INDEX_STATUS.get(event.outcome, "failed")
                    self._came(document, event.meta.request, status, event.reason, event.meta.at)
                if event.outcome == "withdrawn" and event.position >= document.position:
                    document.position, document.manifest = event.position, None
                elif event.visible and event.position >= document.position:
                    document.position = event.position
                    document.version = event.document.version
                    document.manifest = event.manifest or document.manifest
            case EventRejected() as event if event.meta.tenant:
                document_ = self._tenants.get(event.meta.tenant, {}).get(event.meta.session)
                if document_ is not None:
                    reason = event.message
                    self._came(document_, event.meta.request, "failed", reason, event.meta.at)
            case _:
                pass

    def _document(self, tenant: str, document: str) -> Document:
        mine = self._tenants[tenant]
        if document not in mine:
            mine[document] = Document(id=document)
        return mine[document]

    def _requested(self, document: Document, request: str, at: int) -> None:
        submission = document.submissions.setdefault(request, Submission(request))
        submission.at = at
        submission.changed_us = max(submission.changed_us, at)
        if len(document.submissions) > 2 * REQUESTS_KEPT:
            oldest = sorted(document.submissions.values(), key=lambda one: (one.at, one.request))
            for one in oldest[:-REQUESTS_KEPT]:
                del document.submissions[one.request]

    def _came(self, document: Document, request: str, status: str, reason: str, at: int) -> None:
        submission = document.submissions.setdefault(request, Submission(request))
        if RANK[status] >= RANK[submission.status]:
            submission.status = status
            submission.reason = reason
            submission.changed_us = max(submission.changed_us, at)
