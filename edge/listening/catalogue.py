"""What the edge remembers of the log: whose each request is, and how documents fare.

It lies in the index of the log (`log_index`): a file that is made of the log, and may be lost. What
the file has is not in memory, so neither requests nor documents make the process grow.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.listening.stored_documents import StoredAs, StoredByTenant, StoredTotal, size_of
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
DocumentName = tuple[str, str]
"""Tenant and id."""


@dataclass(frozen=True)
class KnownRequest(Identity):
    """A request that is on the log."""

    time_ms: int
    """When the broker had it: nothing of it lies before."""
    deadline_us: int = 0
    trace: str = ""
    offset: int = -1
    """Where its record lies in its lane; -1 where that is not known."""
    mode: str = ""
    """Of a question: an answer, or a search."""
    key: str = ""
    """Of a question: what it came by, as its record says; empty where that says nothing."""


class KnownRequests:
    """Requests, by tenant and id; those that were not written yet are in memory.

    Lives on the event loop, but for what the index's writer calls.
    """

    def __init__(self, index: LogIndex) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._own: dict[Whose, KnownRequest] = {}
        """What this process put on the log, until the log's reader comes to it."""
        self._fresh: dict[Whose, KnownRequest] = {}
        self._writing: dict[Whose, KnownRequest] = {}
        self._written = _count(index, "SELECT count(*) FROM requests")
        index.keep(self)

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here.

        The first record with an id wins.
        """
        if not isinstance(entry.event, RequestEvent):
            return
        request = known_from(entry.event, entry.time_ms, entry.offset)
        with self._lock:
            self._own.pop(request.whose, None)
            if request.whose not in self._writing:
                self._fresh.setdefault(request.whose, request)

    def learn(self, entry: Entry) -> None:
        """Learn of a request that this process put on the log, before its reader comes to it."""
        if isinstance(entry.event, RequestEvent) and self.find(entry.whose) is None:
            self._own[entry.whose] = known_from(entry.event, entry.time_ms, entry.offset)

    def find(self, whose: Whose) -> KnownRequest | None:
        """Return a request of a tenant."""
        # in this order: what is written between two looks is found by the second
        in_memory = self._fresh, self._writing
        row = self._index.row(FIND_REQUEST, (_digest_of(whose),))
        if row is not None and (row[1], row[0]) == whose:
            return KnownRequest(*row)
        waiting = (part[whose] for part in reversed(in_memory) if whose in part)
        return next(waiting, None) or self._own.get(whose)

    def newest(
        self, tenant: str, subject: str, most: int, session: str | None = None
    ) -> list[KnownRequest]:
        """Return a user's newest questions, the newest first: of one conversation, or of all.

        Searches are none of them.
        """
        whose = (tenant, subject) if session is None else (tenant, subject, session)
        return self._newest(
            NEWEST if session is None else NEWEST_OF_SESSION,
            (*whose, most),
            lambda one: (
                (one.tenant, one.subject, one.mode) == (tenant, subject, "answer")
                and session in (None, one.session)
            ),
        )

    def about(self, tenant: str, document: str, most: int) -> list[KnownRequest]:
        """Return a document's newest requests, the newest first: nobody is their subject."""
        return self._newest(
            ABOUT_DOCUMENT,
            (tenant, document, most),
            lambda one: (one.tenant, one.subject, one.session) == (tenant, "", document),
        )

    def _newest(
        self, statement: str, values: tuple[Any, ...], is_one: Callable[[KnownRequest], bool]
    ) -> list[KnownRequest]:
        """Return what a statement finds and what is not written yet; the last value is how many."""
        in_memory = *self._own.values(), *self._fresh.values(), *self._writing.values()
        found = {
            one.request: one
            for one in in_memory
            if is_one(one) and self.find(one.whose) == one  # the first record with an id wins
        }
        for row in self._index.rows(statement, values):
            found[row[0]] = KnownRequest(*row)
        newest = sorted(found.values(), key=lambda one: (one.time_ms, one.offset), reverse=True)
        return newest[: values[-1]]

    def unwritten_of(self, tenant: str) -> list[KnownRequest]:
        """List a tenant's requests that the index may not have yet, in no order.

        Whoever asks the index as well asks it after this: what is written between is in both.
        """
        parts = self._own, dict(self._fresh), self._writing
        found = {whose: one for part in parts for whose, one in part.items()}
        return [one for one in found.values() if one.tenant == tenant]

    def __len__(self) -> int:
        return self._written + len(self._fresh) + len(self._writing)

    # ------------------------------------------------------------------ what the index writes

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        return len(self._fresh) + len(self._writing)

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return the rows of what was learnt since the last call."""
        with self._lock:
            self._writing, self._fresh = self._fresh, {}
        rows = [(_digest_of(whose), *_row_of(one)) for whose, one in self._writing.items()]
        return [(ADD_REQUEST, rows)]

    def written(self) -> None:
        """Let go of what is in the file now."""
        with self._lock:
            self._written += len(self._writing)
            self._writing = {}

    def not_written(self) -> None:
        """Keep what could not be written."""
        with self._lock:
            self._fresh, self._writing = {**self._fresh, **self._writing}, {}

    def forget(self) -> None:
        """Forget what the log told, for it is read again."""
        with self._lock:
            self._fresh, self._writing, self._written = {}, {}, 0


def known_from(event: RequestEvent, time_ms: int, offset: int = -1) -> KnownRequest:
    """Return what is remembered of a request, by when the broker had it and where."""
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
        offset=offset,
        mode=question.ask.mode if question else "",
        key=question.key if question else "",
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


class KnownDocuments:
    """All documents of all tenants, folded from the log in whatever order its topics are read.

    Those that changed lately are in memory, until the index has them. Lives on the event loop, but
    for what the index's writer calls.
    """

    def __init__(self, index: LogIndex) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._fresh: dict[DocumentName, KnownDocument] = {}
        self._writing: dict[DocumentName, KnownDocument] = {}
        self._under_way = WorkByTenant()
        self._count = _count(index, "SELECT count(*) FROM documents")
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
        changed = {**self._writing, **self._fresh}
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
        with self._lock:
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
                    if self._known(event.meta.tenant, event.meta.session) is None:
                        return
                    document = self._changed(event.meta.tenant, event.meta.session)
                    document.come_to("failed", event.message, event.meta)
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
        # in this order: what is written between two looks is found by the second
        name, writing = (tenant, document), self._writing
        known = self._fresh.get(name) or writing.get(name)
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
        self._fresh[tenant, document] = known
        return known

    # ------------------------------------------------------------------ what the index writes

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        return len(self._fresh) + len(self._writing)

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return the rows of what changed since the last call."""
        with self._lock:
            self._writing, self._fresh = self._fresh, {}
            rows = [_document_row(tenant, one) for (tenant, _), one in self._writing.items()]
        return [(SET_DOCUMENT, rows)]

    def written(self) -> None:
        """Let go of what is in the file now."""
        with self._lock:
            self._writing = {}

    def not_written(self) -> None:
        """Keep what could not be written."""
        with self._lock:
            self._fresh, self._writing = {**self._writing, **self._fresh}, {}

    def forget(self) -> None:
        """Forget what the log told, for it is read again."""
        with self._lock:
            self._fresh, self._writing, self._count = {}, {}, 0
            self._under_way, self._stored = WorkByTenant(), StoredByTenant()


# ---------------------------------------------------------------------- rows of the index

_REQUEST = (
    "SELECT request, tenant, subject, session, lane, time_ms, deadline_us, trace, offset, mode, "
    "key FROM requests "
)
FIND_REQUEST = f"{_REQUEST}WHERE digest = ?"
_ASKED = f"{_REQUEST}WHERE mode = 'answer' AND tenant = ? AND subject = ? "
NEWEST = f"{_ASKED}ORDER BY time_ms DESC LIMIT ?"
NEWEST_OF_SESSION = f"{_ASKED}AND session = ? ORDER BY time_ms DESC LIMIT ?"
ABOUT_DOCUMENT = (
    f"{_REQUEST}WHERE tenant = ? AND subject = '' AND session = ? ORDER BY time_ms DESC LIMIT ?"
)
ADD_REQUEST = "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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


def _digest_of(whose: Whose) -> bytes:
    """Return what a request is looked up by; who it is found for is compared all the same."""
    tenant, request = (name.encode("utf-8", "surrogatepass") for name in whose)
    return hashlib.blake2b(b"%d %b%b" % (len(tenant), tenant, request), digest_size=16).digest()


def _row_of(one: KnownRequest) -> tuple[Any, ...]:
    named = one.tenant, one.request, one.subject, one.session
    return *named, one.lane, one.time_ms, one.deadline_us, one.trace, one.offset, one.mode, one.key


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


def _count(index: LogIndex, question: str) -> int:
    row = index.row(question, ())
    return row[0] if row else 0
