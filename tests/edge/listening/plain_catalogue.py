"""What is known of the log, in dictionaries for ever: what the index must answer like."""

from __future__ import annotations

from edge.listening.known_documents import ABOUT_DOCUMENTS, KnownDocument
from edge.listening.known_requests import RequestEvent, known_from
from schemas import ChunksCut, ChunksIndexed, DocumentSubmitted, DocumentWithdrawn, EventRejected


class PlainCatalogue:
    """Requests and documents by tenant and id."""

    def __init__(self):
        self.requests, self.documents = {}, {}

    def take(self, entry):
        event = entry.event
        if isinstance(event, RequestEvent):
            self.requests.setdefault(entry.whose, known_from(event, entry.time_ms, entry.offset))
        match event:
            case DocumentSubmitted():
                self._document(event, event.document).describe(event)
            case DocumentWithdrawn():
                self._document(event, event.document).ask(event.meta)
            case ChunksCut():
                self._document(event, event.document.document).cut(event)
            case ChunksIndexed():
                self._document(event, event.document.document).index(event)
            case EventRejected(topic=topic) if topic in ABOUT_DOCUMENTS:
                self._document(event, event.meta.session).come_to(event)
        for known in self.documents.values():
            known.counted = known.stored

    def _document(self, event, document):
        return self.documents.setdefault((event.meta.tenant, document), KnownDocument(document))

    def newest(self, tenant, subject, most, session=None):
        """A user's newest questions, the newest first."""
        mine = [
            one
            for one in self.requests.values()
            if (one.tenant, one.subject, one.mode) == (tenant, subject, "answer")
            and session in (None, one.session)
        ]
        return sorted(mine, key=lambda one: (one.time_ms, one.offset), reverse=True)[:most]

    def described(self, tenant):
        """The ids of the documents that were handed in."""
        return sorted(
            document
            for (whose, document), known in self.documents.items()
            if whose == tenant and known.described_us >= 0
        )

    def stored(self, tenant, key=""):
        """How many documents are stored, and their bytes."""
        mine = [
            known.counted
            for (whose, _), known in self.documents.items()
            if whose == tenant and known.counted and key in ("", known.counted.key)
        ]
        return len(mine), sum(one.size for one in mine)

    def at_work(self, tenant):
        """How many documents steps still work on."""
        return sum(
            bool(known.requests) and known.newest.status in ("accepted", "ingested")
            for (whose, _), known in self.documents.items()
            if whose == tenant
        )
