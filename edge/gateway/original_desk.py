"""The original desk: a document's versions, and what was handed in as one of them.

An original holds what redaction took out of it, and more that it may have missed. So it is for who
has the whole scope `restore`, may read the document, and could see every value that was found in
it, none of them erased; and the log is told before anybody has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import KeyDestroyed, Permanent
from edge.answering.following import Follower
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.gateway.document_texts import REQUESTS_MAX, DocumentTexts
from edge.gateway.records_out import as_problems
from edge.gateway.tellings import Tellings
from edge.listening.entries import Entry
from edge.listening.known_documents import KnownDocument
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.problems import Problem, forbidden, not_found
from edge.requests.building import Seals
from schemas import (
    ChunksCut,
    ChunksIndexed,
    DocumentRef,
    DocumentSubmitted,
    DocumentWithdrawn,
    Event,
    EventRejected,
    Manifest,
)

TOLD: tuple[type[Event], ...] = (
    DocumentSubmitted,
    DocumentWithdrawn,
    ChunksCut,
    ChunksIndexed,
    EventRejected,
)
ORIGINAL = "ORIGINAL"
"""The kind that an original is, since it may hold any: a policy may let nobody see it."""


@dataclass
class DocumentVersion:
    """One request about a document, and what became of it."""

    request: KnownRequest
    submitted: DocumentSubmitted | None = None
    """None for a withdrawal."""
    status: str = "accepted"
    reason: str = ""
    version: int = 0
    manifest: Manifest | None = None
    asked_us: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is a version that could be found."""
        return self.submitted is not None and self.status == "indexed"

    def as_json(self) -> dict[str, Any]:
        """Return what a client sees."""
        return {
            "request_id": self.request.request,
            "what": "withdrawn" if self.submitted is None else "submitted",
            "asked_us": self.asked_us,
            "status": self.status,
            "reason": self.reason,
            "version": self.version,
            "media_type": "" if self.submitted is None else self.submitted.media_type,
            "checksum": "" if self.manifest is None else self.manifest.checksum,
        }


@dataclass(frozen=True)
class OriginalFile:
    """What was handed in."""

    uri: str
    content: bytes


class OriginalDesk:
    """Hands out versions and originals; lives on one event loop."""

    def __init__(
        self,
        requests: KnownRequests,
        access: Access,
        follower: Follower,
        texts: DocumentTexts,
        tellings: Tellings,
        keyring: Seals,
    ) -> None:
        self._requests = requests
        self._access = access
        self._follower = follower
        self._texts = texts
        self._tellings = tellings
        self._keyring = keyring

    async def versions(self, caller: Caller, document_id: str) -> list[DocumentVersion]:
        """List the newest requests about a document, the newest first; raises Problem."""
        document = self._access.document(caller, document_id)
        requests = self._requests.about(caller.tenant, document.id, REQUESTS_MAX)
        found = await self._follower.read_back_many(requests, TOLD)
        return [_version_of(document.id, one, found[one.whose]) for one in requests]

    async def original(
        self, caller: Caller, document_id: str, request_id: str, reason: str, trace: str = ""
    ) -> OriginalFile:
        """Return what was handed in, by default as the version that can be found.

        Raises Problem.
        """
        document = self._access.document(caller, document_id)
        if not self._access.may_know(caller, document_id):
            raise not_found(f"no document {document.id!r} that this key may read")
        if not self._access.may_restore(caller, ORIGINAL):
            raise forbidden("the policy in force lets you see no originals")
        version = await self._version(caller, document, request_id)
        assert version.submitted is not None
        manifest = version.manifest or document.manifest
        if manifest is None:
            raise _not_indexed(document)
        shown = await self._texts.values_of(caller, document, manifest.chunks)
        content = await self._opened(caller, version.submitted)
        ref = DocumentRef(document=document.id, version=version.version, uri=document.uri)
        await self._tellings.restored(caller, ref, shown, reason, trace, (ORIGINAL,))
        return OriginalFile(version.submitted.uri, content)

    async def _version(
        self, caller: Caller, document: KnownDocument, request_id: str
    ) -> DocumentVersion:
        if document.manifest is None:  # nothing of it was checked, or it was withdrawn
            raise _not_indexed(document)
        for one in await self.versions(caller, document.id):
            if one.is_whole and request_id in ("", one.request.request):
                return one
        raise not_found(
            f"no version of document {document.id!r} that could be found"
            + (" is of this request" if request_id else f" is among its last {REQUESTS_MAX}")
        )

    async def _opened(self, caller: Caller, submitted: DocumentSubmitted) -> bytes:
        with as_problems():
            try:
                return await asyncio.to_thread(
                    self._keyring.unseal, caller.tenant, submitted.content
                )
            except KeyDestroyed:
                raise
            except Permanent as error:
                raise Problem(410, "original-missing", str(error)) from None


def _version_of(document: str, request: KnownRequest, entries: Sequence[Entry]) -> DocumentVersion:
    """Put together what the log tells of one request."""
    made, known = DocumentVersion(request), KnownDocument(document)
    order = {kind: number for number, kind in enumerate(TOLD)}
    for entry in sorted(entries, key=lambda one: order.get(type(one.event), len(TOLD))):
        match entry.event:
            case DocumentSubmitted() as event:
                made.submitted, made.asked_us = event, event.meta.at
                known.describe(event)
            case DocumentWithdrawn() as event:
                made.asked_us = event.meta.at
                known.ask(event.meta)
            case ChunksCut() as event:
                known.cut(event)
            case ChunksIndexed() as event:
                known.index(event)
                made.version = event.document.version
                made.manifest = event.manifest or made.manifest
            case EventRejected() as event:
                known.come_to(event)
    if known.requests:
        made.status, made.reason = known.newest.status, known.newest.reason
    return made


def _not_indexed(document: KnownDocument) -> Problem:
    return Problem(
        409,
        "not-indexed",
        f"document {document.id!r} is {document.newest.status}: no version of it can be handed out",
        retryable=document.under_way_since_us is not None,
    )
