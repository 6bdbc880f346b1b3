"""What the edge remembers of documents: how each fares, folded from the log.

It lies in the index of the log, as requests do (`known_requests`).
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.listening.stored_documents import StoredAs, StoredByTenant, StoredTotal, size_of
from edge.listening.under_way import UnderWay, WorkByTenant
from edge.listening.unwritten_rows import UnwrittenRows
from schemas import (
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    DocumentSubmitted,
    DocumentWithdrawn,
    Event,
    EventRejected,
    Manifest,
    Meta,
    Sealed,
)
from schemas.prepared_types import prepared
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

DocumentName = tuple[str, str]
"""Tenant and id."""


def status_in(event: Event) -> tuple[str, str] | None:
    """Return what a record says that a request came to, and why; None where it says nothing."""
    match event:
        case ChunksCut() if event.batch.last and event.outcome in CUT_STATUS:
            return CUT_STATUS[event.outcome], event.reason
        case ChunksIndexed() if event.batch.last:
            return INDEX_STATUS.get(event.outcome, "failed"), event.reason
        case EventRejected():
            return "failed", event.message
        case _:
            return None


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
    lane: int = 0
    key: str = ""
    """What its newest version came by; empty where that is not told."""
    size: int = 0
    """Bytes of its newest version; 0 where that is not told."""
    counted: StoredAs | None = None
    """What it counts as among what is stored; None where it does not."""

    @property
    def under_way_since_us(self) -> int | None:
        """When its newest request began, if steps still work on that; None where they don't."""
        if self.requests and self.newest.status in AT_WORK:
            return self.newest.at
        return None

    @property
    def newest(self) -> DocumentRequest:
        """The newest request about it: what its status is the status of."""
        return max(self.requests.values(), key=lambda one: (one.at, one.request))

    @property
    def stored(self) -> StoredAs | None:
        """What it counts as; None where it is withdrawn, or no version of it ever stood."""
        if self.described_us < 0:
            return None
        status = self.newest.status
        stands = status in AT_WORK or status == "indexed" or self.manifest is not None
        return StoredAs(self.key, self.size) if stands and status != "deleted" else None

    def describe(self, event: DocumentSubmitted) -> None:
        """Learn of a version that was handed in."""
        if event.meta.at >= self.described_us:
            self.described_us = event.meta.at
            self.uri = event.uri
            self.media_type = event.media_type
            self.metadata = dict(event.metadata)
            self.groups = event.groups
            self.title = event.title
            self.key, self.size = event.key, size_of(event)
        self.ask(event.meta)

    def cut(self, event: ChunksCut) -> None:
        """Learn what ingest made of a version."""
        if event.title is not None and event.meta.at >= self.described_us:
            self.title = event.title
        self.come_to(event)

    def index(self, event: ChunksIndexed) -> None:
        """Learn what can be found."""
        self.come_to(event)
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

    def come_to(self, event: Event) -> None:
        """Learn what became of a request; a status never goes back."""
        came, meta = status_in(event), event.meta
        if came is None:
            return
        status, reason = came
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
                "notes": list(manifest.notes),
                "chunk_policy": manifest.policy,
                "language": manifest.language,
                "chunks": list(manifest.chunks),
                "kept": len(manifest.kept),
                "retired": len(manifest.retired),
                "unsupported": list(manifest.unsupported),
            },
            "request_id": newest.request,
            "changed_us": newest.changed_us,
        }


class DocumentHead(NamedTuple):
    """What a document is chosen by, where many are listed."""

    id: str
    status: str
    groups: tuple[str, ...]


prepared(KnownDocument)


class KnownDocuments:
    """All documents of all tenants, folded from the log in whatever order its topics are read.

    Those that changed lately are in memory, until the index has them. Lives on the event loop, but
    for what the index's writer calls.
    """

    def __init__(self, index: LogIndex) -> None:
        self._index = index
        self._unwritten: UnwrittenRows[DocumentName, KnownDocument] = UnwrittenRows("newest")
        self._under_way = WorkByTenant()
        self._count = index.count("documents")
        for tenant, known in index.rows(UNDER_WAY):
            self._note(tenant, _document_in(index, known))
        self._stored = StoredByTenant(index.rows(STORED))
        index.keep(self)

    def under_way(self, lane: int, tenant: str) -> UnderWay:
        """Tell which documents of a tenant steps still work on in a lane, since when in seconds."""
        return self._under_way.of(lane, tenant)

    def stored(self, tenant: str, key: str = "") -> StoredTotal:
        """Tell how much a tenant has stored, or one of its keys."""
        return self._stored.of(tenant, key)

    def stored_as(self, tenant: str, document: str) -> StoredAs | None:
        """Tell what a document counts as among them; None where it does not."""
        known = self._known(tenant, document)
        return known.counted if known else None

    def find(self, tenant: str, document: str) -> KnownDocument | None:
        """Return a document of a tenant."""
        known = self._known(tenant, document)
        return known if known and known.described_us >= 0 else None

    def heads(self, tenant: str, after: str = "") -> Iterator[DocumentHead]:
        """List a tenant's documents by id, from behind one on."""
        changed = self._unwritten.look().all()
        mine = {id_: known for (whose, id_), known in changed.items() if whose == tenant}
        written = (
            DocumentHead(id_, status, tuple(json.loads(groups)))
            for id_, status, groups in self._index.rows(HEADS, (tenant, after))
            if id_ not in mine
        )
        fresh = sorted(
            DocumentHead(id_, one.newest.status, one.groups)
            for id_, one in mine.items()
            if one.described_us >= 0 and id_ > after
        )
        return heapq.merge(written, fresh)

    def __len__(self) -> int:
        return self._count

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here."""
        with self._unwritten.lock:
            match entry.event:
                case DocumentSubmitted() as event:
                    document = self._changed(event.meta.tenant, event.document)
                    document.describe(event)
                case DocumentWithdrawn() as event:
                    document = self._changed(event.meta.tenant, event.document)
                    document.ask(event.meta)
                case ChunksCut() as event:
                    document = self._changed(event.meta.tenant, event.document.document)
                    document.cut(event)
                case ChunksIndexed() as event:
                    document = self._changed(event.meta.tenant, event.document.document)
                    document.index(event)
                case EventRejected(topic=topic) as event if topic in ABOUT_DOCUMENTS:
                    if not event.meta.request:  # it is about a record that nobody could read
                        return
                    # it may be read before the document: topics are read side by side
                    document = self._changed(event.meta.tenant, event.meta.session)
                    document.come_to(event)
                case _:
                    return
            document.lane = event.meta.lane
            before, document.counted = document.counted, document.stored
            self._stored.change(event.meta.tenant, before, document.counted)
        self._note(event.meta.tenant, document)

    def _note(self, tenant: str, document: KnownDocument) -> None:
        """Note whether a document is under way; a request of which only batches came tells not."""
        since_us = document.under_way_since_us
        if since_us is not None:
            self._under_way.begin(document.lane, tenant, document.id, since_us / 1_000_000)
        else:
            self._under_way.end(document.lane, tenant, document.id)

    def _known(self, tenant: str, document: str) -> KnownDocument | None:
        name = tenant, document
        known = self._unwritten.look().find(name)
        if known is None:
            row = self._index.row(FIND_DOCUMENT, name)
            known = None if row is None else _document_in(self._index, row[0])
        return known

    def _changed(self, tenant: str, document: str) -> KnownDocument:
        """Return a document that is about to change: it is to be written."""
        known = self._known(tenant, document)
        if known is None:
            known = KnownDocument(id=document)
            self._count += 1
        self._unwritten.put((tenant, document), known)
        return known

    # ------------------------------------------------------------------ what the index writes

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        return len(self._unwritten)

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return the rows of what changed since the last call."""
        rows = self._unwritten.to_write(lambda name, one: _document_row(name[0], one))
        return [(SET_DOCUMENT, rows)]

    def written(self) -> None:
        """Let go of what is in the file now."""
        self._unwritten.written()

    def not_written(self) -> None:
        """Keep what could not be written."""
        self._unwritten.not_written()

    def forget(self) -> None:
        """Forget what the log told, for it is read again."""
        self._unwritten.forget()
        self._count = 0
        self._under_way, self._stored = WorkByTenant(), StoredByTenant()


# ---------------------------------------------------------------------- rows of the index

FIND_DOCUMENT = "SELECT known FROM documents WHERE tenant = ? AND id = ?"
SET_DOCUMENT = "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
UNDER_WAY = "SELECT tenant, known FROM documents WHERE since_us IS NOT NULL ORDER BY since_us"
STORED = (
    "SELECT tenant, key, count(*), sum(size) FROM documents WHERE size IS NOT NULL "
    "GROUP BY tenant, key"
)
HEADS = (
    "SELECT id, status, groups FROM documents WHERE tenant = ? AND id > ? AND described ORDER BY id"
)


def _document_row(tenant: str, one: KnownDocument) -> tuple[Any, ...]:
    status = one.newest.status if one.requests else ""
    groups = json.dumps(one.groups)
    described = one.described_us >= 0
    known = msgspec.msgpack.encode(one)
    stored = one.counted or StoredAs()
    at_work = one.under_way_since_us
    return tenant, one.id, described, status, groups, at_work, stored.key, stored.size, known


def _document_in(index: LogIndex, known: bytes) -> KnownDocument:
    """Read a document of a row; one that can't be read is known from the log again."""
    try:
        return msgspec.msgpack.decode(known, type=KnownDocument)
    except msgspec.DecodeError as error:
        index.spoil(f"a document's row: {error}")
        return KnownDocument(id="")
