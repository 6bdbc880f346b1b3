"""What the edge remembers of the log: whose each request is, and how documents fare.

Read from the beginning of the log at every start and kept in memory: about half a kilobyte a
request and a kilobyte a document, which is fine for some millions of each.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from edge.listening.entries import Entry
from edge.listening.under_way import UnderWay, WorkByTenant
from edge.requests.identity import Identity, Whose
from schemas import (
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    Manifest,
    Meta,
    QuestionAsked,
    Sealed,
)
from streams.topics import topics_of

AT_WORK = frozenset({"accepted", "ingested"})
"""Statuses of a document that steps still work on."""
REQUESTS_KEPT = 4
"""Newest requests remembered of a document: the one in force and what is under way."""

CUT_STATUS = {"cut": "ingested", "unchanged": "ingested", "failed": "failed"}
INDEX_STATUS = {
    "indexed": "indexed",
    "unchanged": "indexed",
    "withdrawn": "deleted",
    "failed": "failed",
}
RANK = {"accepted": 0, "ingested": 1, "failed": 2, "indexed": 2, "deleted": 2}
"""A status never goes back: the topics are read side by side, so outcomes may come out of order."""

ABOUT_DOCUMENTS = frozenset(
    topics_of(DocumentSubmitted, DocumentWithdrawn, ChunksCut, ChunksRedacted, ChunksEmbedded)
)
"""Topics whose records' session is a document; elsewhere, a session may be called like one."""

RequestEvent = QuestionAsked | DocumentSubmitted | DocumentWithdrawn


@dataclass(frozen=True)
class KnownRequest(Identity):
    """A request that is on the log."""

    time_ms: int
    """When the broker had it: nothing of it lies before."""
    deadline_us: int = 0
    trace: str = ""


class KnownRequests:
    """Requests, by tenant and id."""

    def __init__(self) -> None:
        self._requests: dict[Whose, KnownRequest] = {}

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here.

        The first record with an id wins.
        """
        if not isinstance(entry.event, RequestEvent):
            return
        request = known_from(entry.event, entry.time_ms)
        self._requests.setdefault(request.whose, request)

    def find(self, whose: Whose) -> KnownRequest | None:
        """Return a request of a tenant."""
        return self._requests.get(whose)

    def __len__(self) -> int:
        return len(self._requests)


def known_from(event: RequestEvent, time_ms: int) -> KnownRequest:
    """Return what is remembered of a request."""
    question = event if isinstance(event, QuestionAsked) else None
    return KnownRequest(
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
class DocumentRequest:
    """One request about a document: a version handed in, or its withdrawal."""

    request: str
    at: int = -1
    """Event time of the request in microseconds; -1 while only outcomes were seen."""
    status: str = "accepted"
    reason: str = ""
    changed_us: int = 0


@dataclass
class KnownDocument:
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
    requests: dict[str, DocumentRequest] = field(default_factory=dict)

    @property
    def newest(self) -> DocumentRequest:
        """The newest request about it: what its status is the status of."""
        return max(self.requests.values(), key=lambda one: (one.at, one.request))

    def describe(self, event: DocumentSubmitted) -> None:
        """Learn of a version that was handed in."""
        if event.meta.at >= self.described_us:
            self.described_us = event.meta.at
            self.uri = event.uri
            self.media_type = event.media_type
            self.metadata = dict(event.metadata)
            self.groups = event.groups
            self.title = event.title
        self.ask(event.meta)

    def cut(self, event: ChunksCut) -> None:
        """Learn what ingest made of a version."""
        if event.title is not None and event.meta.at >= self.described_us:
            self.title = event.title
        if event.batch.last and event.outcome in CUT_STATUS:
            self.come_to(CUT_STATUS[event.outcome], event.reason, event.meta)

    def index(self, event: ChunksIndexed) -> None:
        """Learn what can be found."""
        if event.batch.last:
            self.come_to(INDEX_STATUS.get(event.outcome, "failed"), event.reason, event.meta)
        if event.position < self.position:
            return
        if event.outcome == "withdrawn":
            self.position, self.manifest = event.position, None
        elif event.visible:
            self.position = event.position
            self.version = event.document.version
            self.manifest = event.manifest or self.manifest

    def ask(self, meta: Meta) -> None:
        """Learn of a request about it; only the newest are kept."""
        request = self.requests.setdefault(meta.request, DocumentRequest(meta.request))
        request.at = meta.at
        request.changed_us = max(request.changed_us, meta.at)
        if len(self.requests) > 2 * REQUESTS_KEPT:
            oldest = sorted(self.requests.values(), key=lambda one: (one.at, one.request))
            for one in oldest[:-REQUESTS_KEPT]:
                del self.requests[one.request]

    def come_to(self, status: str, reason: str, meta: Meta) -> None:
        """Learn what became of a request; a status never goes back."""
        request = self.requests.setdefault(meta.request, DocumentRequest(meta.request))
        if RANK[status] >= RANK[request.status]:
            request.status = status
            request.reason = reason
            request.changed_us = max(request.changed_us, meta.at)

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


class KnownDocuments:
    """All documents of all tenants, folded from the log in whatever order its topics are read."""

    def __init__(self) -> None:
        self._tenants: defaultdict[str, dict[str, KnownDocument]] = defaultdict(dict)
        self._under_way = WorkByTenant()

    def under_way(self, lane: int, tenant: str) -> UnderWay:
        """Tell which documents of a tenant steps still work on in a lane, since when in seconds."""
        return self._under_way.of(lane, tenant)

    def find(self, tenant: str, document: str) -> KnownDocument | None:
        """Return a document of a tenant."""
        entry = self._tenants.get(tenant, {}).get(document)
        return entry if entry and entry.described_us >= 0 else None

    def __len__(self) -> int:
        return sum(len(mine) for mine in list(self._tenants.values()))

    def all(self, tenant: str) -> list[KnownDocument]:
        """List a tenant's documents by id."""
        mine = self._tenants.get(tenant, {})
        return [mine[key] for key in sorted(mine) if mine[key].described_us >= 0]

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here."""
        match entry.event:
            case DocumentSubmitted() as event:
                document = self._document(event.meta.tenant, event.document)
                document.describe(event)
            case DocumentWithdrawn() as event:
                document = self._document(event.meta.tenant, event.document)
                document.ask(event.meta)
            case ChunksCut() as event:
                document = self._document(event.meta.tenant, event.document.document)
                document.cut(event)
            case ChunksIndexed() as event:
                document = self._document(event.meta.tenant, event.document.document)
                document.index(event)
            case EventRejected(topic=topic) as event if topic in ABOUT_DOCUMENTS:
                rejected = self._tenants.get(event.meta.tenant, {}).get(event.meta.session)
                if rejected is None:
                    return
                document = rejected
                document.come_to("failed", event.message, event.meta)
            case _:
                return
        self._note(event.meta, document)

    def _note(self, meta: Meta, document: KnownDocument) -> None:
        """Note whether a document is under way; a request of which only batches came tells not."""
        if document.requests and document.newest.status in AT_WORK:
            began_s = document.newest.at / 1_000_000
            self._under_way.begin(meta.lane, meta.tenant, document.id, began_s)
        else:
            self._under_way.end(meta.lane, meta.tenant, document.id)

    def _document(self, tenant: str, document: str) -> KnownDocument:
        mine = self._tenants[tenant]
        if document not in mine:
            mine[document] = KnownDocument(id=document)
        return mine[document]
