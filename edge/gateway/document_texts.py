"""Document texts: what a document says, as its reader may see it, read back from the log.

It is the redacted text. Values are put back as in an answer, and where any is, the log is told who
saw it before anybody does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edge.answering.restored_document import RestoredText, restored_text
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.gateway.tellings import Tellings
from edge.listening.known_documents import KnownDocument
from edge.listening.known_requests import KnownRequests
from edge.listening.reading_back import ReadsBack
from edge.problems import Problem, not_found
from schemas import ChunksRedacted, DocumentRef, MapEntry, RedactedChunk

REQUESTS_MAX = 32
"""Versions whose records are read back for one text: what did not change lies with older ones."""


class DocumentTexts:
    """Reads documents back for those who may read them; lives on one event loop."""

    def __init__(
        self, requests: KnownRequests, access: Access, read_back: ReadsBack, tellings: Tellings
    ) -> None:
        self._requests = requests
        self._access = access
        self._read_back = read_back
        self._tellings = tellings

    async def read(
        self, caller: Caller, document_id: str, reason: str, trace: str = ""
    ) -> tuple[KnownDocument, RestoredText]:
        """Return the version of a document that can be found, with its text; raises Problem."""
        document = self._access.document(caller, document_id)
        if not self._access.may_know(caller, document_id):
            raise not_found(f"no document {document.id!r} that this key may read")
        if document.manifest is None:
            raise Problem(
                409,
                "not-indexed",
                f"document {document.id!r} is {document.newest.status}: no version of it can be "
                "read",
                retryable=document.under_way_since_us is not None,
            )
        chunks = await self._chunks(caller.tenant, document, document.manifest.chunks)
        text = await asyncio.to_thread(
            restored_text, chunks, lambda entries: self._access.reveal(caller, entries)
        )
        if text.shown:
            ref = DocumentRef(document=document.id, version=document.version, uri=document.uri)
            await self._tellings.restored(caller, ref, text.shown, reason, trace)
        return document, text

    async def values_of(
        self, caller: Caller, document: KnownDocument, chunks: Sequence[str]
    ) -> tuple[MapEntry, ...]:
        """Return all values that were found in a version's chunks, each once, by digest.

        Raises Problem unless the caller may see every one of them.
        """
        found = await self._chunks(caller.tenant, document, chunks)
        text = await asyncio.to_thread(
            restored_text, found, lambda entries: self._access.reveal(caller, entries)
        )
        if text.hidden:
            raise Problem(
                403,
                "values-withheld",
                f"{text.hidden} values in document {document.id!r} are not for this reader, or "
                "were erased: its original is not handed out; read its text, which holds "
                "placeholders for them",
            )
        return text.shown

    async def _chunks(
        self, tenant: str, document: KnownDocument, wanted: Sequence[str]
    ) -> list[RedactedChunk]:
        """Return a version's chunks in reading order; raises Problem where the log lacks some."""
        found: dict[str, RedactedChunk] = {}
        missing = set(wanted)
        for request in self._requests.about(tenant, document.id, REQUESTS_MAX):
            if not missing:
                break
            for entry in await self._read_back(request, (ChunksRedacted,)):
                if isinstance(entry.event, ChunksRedacted):
                    found |= {
                        chunk.id: chunk for chunk in entry.event.chunks if chunk.id in missing
                    }
            missing -= found.keys()
        if missing:
            raise Problem(
                410,
                "text-missing",
                f"{len(missing)} of {len(wanted)} chunks of document {document.id!r} are not on "
                f"the log any more, or older than its last {REQUESTS_MAX} versions: hand it in "
                "again, or search it",
            )
        return [found[one] for one in wanted]
