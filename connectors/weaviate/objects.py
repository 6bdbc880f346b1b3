"""What an object of the index holds: its id, and its properties from records and back.

Ids and names are functions of what is stored, so that whatever is written again lands on itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.weaviate.analysis import terms
from schemas import EmbeddedChunk, IndexChunks, MapEntry, Passage, Sealed
from streams.log.ids import index_id
from streams.running.world import Call

EVERYONE = "*"
"""What property `groups` holds of a document that names no groups; no group is stored so."""


def chunk_uuid(tenant: str, chunk: str, version: int) -> str:
    """Name the object of a chunk and of the document version that brought it."""
    return index_id("chunk", tenant, f"{chunk}|{version}")


def vectors_uuid(tenant: str, chunk: str, model: str) -> str:
    """Name the object of a chunk's vectors, as one model made them."""
    return index_id("vectors", tenant, f"{chunk}|{model}")


def document_uuid(tenant: str, document: str) -> str:
    """Name the object of a document's history."""
    return index_id("document", tenant, document)


def order_uuid(tenant: str, document: str, version: int) -> str:
    """Name the object that says in which order a version's chunks stand."""
    return index_id("order", tenant, f"{document}|{version}")


def head_uuid(tenant: str, lane: int) -> str:
    """Name the object that says how far a lane has come; it lies among the documents."""
    return index_id("head", tenant, str(lane))


def revision_uuid(tenant: str) -> str:
    """Name the object that tells whether a tenant's documents changed; it lies among them."""
    return index_id("revision", tenant, "")


def group_value(name: str) -> str:
    """Spell a group as property `groups` holds it, never to be taken for EVERYONE."""
    return f"g:{name}"


def group_of_value(value: str) -> str | None:
    """Read a group back from property `groups`; None for everyone."""
    return value.removeprefix("g:") if value.startswith("g:") else None


def group_values(names: Iterable[str]) -> list[str]:
    """Spell who may read a document, as property `groups` holds it; no names: everyone."""
    return sorted({group_value(name) for name in names}) or [EVERYONE]


def metadata_values(metadata: Mapping[str, str]) -> list[str]:
    """Spell a document's metadata, or the wanted ones, as property `metadata` holds them."""
    return sorted(f"{key}={value}" for key, value in metadata.items())


def chunk_properties(request: IndexChunks, chunk: EmbeddedChunk, call: Call) -> dict[str, Any]:
    """Make the properties of a new chunk: open to later versions, valid from this position."""
    ref = request.document
    digests = sorted({entry.digest for entry in chunk.entries})
    return {
        "chunk": chunk.id,
        "document": ref.document,
        "number": chunk.number,
        "title": request.title,
        "uri": ref.uri,
        "text": chunk.text,
        "terms": " ".join([*terms(chunk.text), *digests]),
        "tokens": chunk.tokens,
        "entries": json.dumps([_entry_json(entry) for entry in chunk.entries]),
        "entities": digests,
        "groups": group_values(ref.groups),
        "metadata": metadata_values(ref.metadata),
        "model": request.model,
        "lane": call.lane,
        "version_from": ref.version,
        "version_to": 0,
        "valid_from": call.offset,
        "valid_to": 0,
        "live": True,
    }


def passage_of(values: Mapping[str, Any], version: int) -> Passage:
    """Make a passage from a chunk's properties and its document's current version."""
    return Passage(
        chunk=values["chunk"],
        document=values["document"],
        version=version,
        number=values["number"],
        title=values["title"] or "",
        uri=values["uri"] or "",
        text=values["text"] or "",
        tokens=values["tokens"],
        entries=_entries(values["entries"]),
    )


def vectors_properties(chunk: EmbeddedChunk) -> dict[str, Any]:
    """Pack a chunk's vectors for reranking, each as base64."""
    values = {"dense": chunk.vector, "token_vectors": chunk.token_vectors}
    # an empty blob is refused
    return {key: base64.b64encode(value).decode() for key, value in values.items() if value}


def unpacked(blob: str | None) -> bytes:
    """Return the bytes of one of those properties; none where it is missing."""
    return base64.b64decode(blob or "")


def _entry_json(entry: MapEntry) -> dict[str, Any]:
    datum = entry.to_avro()
    ciphertext = base64.b64encode(entry.value.ciphertext).decode()
    return {**datum, "value": {**datum["value"], "ciphertext": ciphertext}}


def _entries(text: str | None) -> tuple[MapEntry, ...]:
    return tuple(
        MapEntry(
            placeholder=datum["placeholder"],
            kind=datum["kind"],
            digest=datum["digest"],
            value=Sealed.from_avro(
                {
                    **datum["value"],
                    "ciphertext": base64.b64decode(datum["value"]["ciphertext"]),
                }
            ),
        )
        for datum in json.loads(text or "[]")
    )
