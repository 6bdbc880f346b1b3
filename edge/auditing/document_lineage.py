"""Document lineage: which bytes the passages of an answer were cut from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from edge.listening.known_documents import KnownDocument
from edge.listening.known_requests import KnownRequests
from edge.listening.reading_back import ReadsBack
from schemas import ChunksCut, Manifest, Passage

READ_MAX = 8
"""Requests about documents that are read back for one answer, where versions have changed since."""


class DocumentLineage:
    """Finds the versions of documents; lives on one event loop."""

    def __init__(self, requests: KnownRequests, read_back: ReadsBack) -> None:
        self._requests = requests
        self._read_back = read_back

    async def of_passages(
        self,
        tenant: str,
        passages: Iterable[Passage],
        cited: set[str],
        known: Callable[[str], KnownDocument | None],
    ) -> list[dict[str, Any]]:
        """Tell of each version of a document that passages stand in; raises Problem."""
        left = READ_MAX
        told = []
        for name, version, uri in sorted({(p.document, p.version, p.uri) for p in passages}):
            document = known(name)
            manifest, reads = None, 0
            if document is not None and document.version == version:
                manifest = document.manifest
            if manifest is None:
                manifest, reads = await self._cut_as(tenant, name, version, left)
            left -= reads
            told.append(
                {
                    "document_id": name,
                    "version": version,
                    "uri": uri,
                    "cited": name in cited,
                    "in_force": document is not None
                    and document.version == version
                    and document.manifest is not None,
                    **manifest_json(manifest),
                }
            )
        return told

    async def _cut_as(
        self, tenant: str, document: str, version: int, most: int
    ) -> tuple[Manifest | None, int]:
        """Look for the manifest of an older version; returns how many requests were read, too."""
        requests = self._requests.about(tenant, document, most) if most > 0 else []
        for reads, request in enumerate(requests, start=1):
            for entry in await self._read_back(request, (ChunksCut,)):
                event = entry.event
                if (
                    isinstance(event, ChunksCut)
                    and event.document.version == version
                    and event.manifest is not None
                ):
                    return event.manifest, reads
        return None, len(requests)


def manifest_json(manifest: Manifest | None) -> dict[str, Any]:
    """Spell which bytes a version was read from and how; nulls where that was not found."""
    return {
        "checksum": manifest.checksum if manifest else None,
        "parser": manifest.parser if manifest else None,
        "parser_version": manifest.parser_version if manifest else None,
        "chunk_policy": manifest.policy if manifest else None,
    }
