"""The objects of one tenant in one collection: how they are read, and what writes them.

Why it is so: a question reads some four hundred objects. The client checks the type of every
argument, and makes an object of a dozen fields out of each that it reads, for every property in
turn: that was a quarter of what the event loop's thread of a worker did under load. Here a request
is the message of Weaviate's protocol that goes out, and of an answer what was asked for is read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from weaviate.proto.v1 import base_pb2, base_search_pb2, properties_pb2, search_get_pb2

from connectors.weaviate.conditions import Condition, any_text
from connectors.weaviate.connecting import IndexClient

IDENTITY = "_id"
"""What an object's own id is called in a condition."""


FIRST = "00000000-0000-0000-0000-000000000000"
"""An id that is before all others: none is made of a hash so."""

PropertyReader = Callable[[properties_pb2.Value], Any]
_text: PropertyReader = attrgetter("text_value")
_number: PropertyReader = attrgetter("int_value")
_truth: PropertyReader = attrgetter("bool_value")
_blob: PropertyReader = attrgetter("blob_value")


def _texts(value: properties_pb2.Value) -> list[str]:
    return list(value.list_value.text_values.values)


def _numbers(value: properties_pb2.Value) -> list[int]:
    packed = value.list_value.int_values.values
    return list(struct.unpack(f"<{len(packed) // 8}q", packed))


READ_AS: Mapping[str, PropertyReader] = {
    **dict.fromkeys(("chunk", "document", "title", "uri", "text", "terms"), _text),
    **dict.fromkeys(("entries", "model", "readers"), _text),
    **dict.fromkeys(
        ("number", "tokens", "lane", "version_from", "version_to", "valid_from", "valid_to"),
        _number,
    ),
    **dict.fromkeys(("entities", "groups", "metadata", "chunks"), _texts),
    **dict.fromkeys(("versions", "positions"), _numbers),
    **dict.fromkeys(("dense", "token_vectors"), _blob),
    "live": _truth,
}
"""How each property of `schema.py` is read; what is not set is empty, 0 or False."""


class ReadObject(NamedTuple):
    """An object as it was read, with those of its properties that were asked for."""

    uuid: str
    properties: dict[str, Any]
    score: float = 0.0
    """By words, where it was searched for so."""
    distance: float = 0.0
    """From the vector, where it was searched for so: 1 - cosine."""
    vector: bytes = b""
    """float32, little endian, where it was asked for."""


class TenantObjects:
    """A tenant's objects of one kind. All methods raise the errors of the client, or of gRPC."""

    def __init__(self, client: IndexClient, collection: str, tenant: str) -> None:
        self._client = client
        self._collection = collection
        self._tenant = tenant

    @property
    def data(self) -> Any:
        """What the client writes objects with."""
        return self._client.collections.get(self._collection).with_tenant(self._tenant).data

    async def by_ids(
        self, ids: Sequence[str], names: Sequence[str], *, vector: bool = False
    ) -> list[ReadObject]:
        """Read objects by id, in no order; those that do not exist are left out."""
        metadata = search_get_pb2.MetadataRequest(uuid=True, vector=vector)
        where = any_text(IDENTITY, ids)
        return await self._read(names, len(ids), filters=where, metadata=metadata)

    async def page(
        self, where: Condition, names: Sequence[str], limit: int, offset: int
    ) -> list[ReadObject]:
        """Read a page of what a condition lets through."""
        return await self._read(names, limit, filters=where, offset=offset)

    async def following(
        self, after: str, names: Sequence[str], limit: int, *, vector: bool = False
    ) -> list[ReadObject]:
        """Read the objects behind an id, in the order of their ids: FIRST for all."""
        metadata = search_get_pb2.MetadataRequest(uuid=True, vector=vector)
        return await self._read(names, limit, after=after, metadata=metadata)

    async def by_words(
        self, words: Sequence[str], where: Condition, names: Sequence[str], limit: int
    ) -> list[ReadObject]:
        """Find by words, best first, with scores and vectors."""
        query = base_search_pb2.BM25(query=" ".join(words), properties=["terms"])
        metadata = search_get_pb2.MetadataRequest(uuid=True, score=True, vector=True)
        return await self._read(names, limit, filters=where, bm25_search=query, metadata=metadata)

    async def by_vector(
        self, vector: bytes, where: Condition, names: Sequence[str], limit: int
    ) -> list[ReadObject]:
        """Find what is near a vector (float32, little endian), nearest first, with distances."""
        single = base_pb2.Vectors.VECTOR_TYPE_SINGLE_FP32
        vectors = [base_pb2.Vectors(vector_bytes=vector, type=single)]
        near = base_search_pb2.NearVector(vectors=vectors)
        metadata = search_get_pb2.MetadataRequest(uuid=True, distance=True)
        return await self._read(names, limit, filters=where, near_vector=near, metadata=metadata)

    async def _read(self, names: Sequence[str], limit: int, **how: Any) -> list[ReadObject]:
        how.setdefault("metadata", search_get_pb2.MetadataRequest(uuid=True))
        request = search_get_pb2.SearchRequest(
            collection=self._collection,
            tenant=self._tenant,
            limit=limit,
            properties=search_get_pb2.PropertiesRequest(non_ref_properties=names),
            uses_123_api=True,
            uses_125_api=True,
            uses_127_api=True,
            **how,
        )
        reply = await self._client.search(request)
        readers = [(name, READ_AS[name]) for name in names]
        return [_object(result, readers) for result in reply.results]


def _object(
    result: search_get_pb2.SearchResult, readers: Sequence[tuple[str, PropertyReader]]
) -> ReadObject:
    metadata = result.metadata
    fields = result.properties.non_ref_props.fields
    vectors = metadata.vectors
    return ReadObject(
        metadata.id,
        {name: read(fields[name]) for name, read in readers},
        metadata.score,
        metadata.distance,
        vectors[0].vector_bytes if vectors else metadata.vector_bytes,
    )
