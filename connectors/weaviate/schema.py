"""The collections of the index: their names, and what their objects hold.

Three collections. `Chunk` holds an object for every chunk and the document version that first had
it: text, vector, and the versions between which it belongs to its document. `Document` holds an
object for every document: which version became current at which position of the log, and who may
read it; and one for each version of several chunks: in which order they stand. `Vectors` holds what
reranking reads of a chunk, apart, since an index that hands out a property reads the whole object,
and token vectors would be most of it.

A generation is one of each; its number ends their names.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import weaviate
from weaviate.classes.config import (
    Configure,
    DataType,
    Property,
    StopwordsPreset,
    Tokenization,
    VectorDistances,
)
from weaviate.exceptions import UnexpectedStatusCodeError

ALIAS = "PlayheadChunk"
"""What points to the generation in force; a rebuild fills another generation and moves it."""
DOCUMENTS = "PlayheadDocument"
VECTORS = "PlayheadVectors"

BUILD_TENANT = "playhead-build".ljust(64, "-")
"""Where a generation keeps how far it is built: a name that `tenant_name` gives to no tenant."""

# k1 and b of Anserini, measured better on passages than Weaviate's 1.2 and .75
BM25_K1, BM25_B = 0.9, 0.4


_TENANT = re.compile(r"[A-Za-z0-9_-]{1,62}")


def chunks_name(generation: int) -> str:
    """Name the collection of a generation's chunks; the alias points to one of these."""
    return f"{ALIAS}_{generation}"


def documents_name(generation: int) -> str:
    """Name the collection of a generation's documents."""
    return f"{DOCUMENTS}_{generation}"


def vectors_name(generation: int) -> str:
    """Name the collection of a generation's vectors."""
    return f"{VECTORS}_{generation}"


def generation_of(name: str) -> int:
    """Read the generation from the name of one of its collections."""
    return int(name.rpartition("_")[2])


def tenant_name(tenant: str) -> str:
    """Name a tenant as Weaviate allows: letters, digits, - and _, at most 64."""
    if _TENANT.fullmatch(tenant):
        return tenant
    return "sha-" + hashlib.sha256(tenant.encode()).hexdigest()[:40]


async def create_missing(client: weaviate.WeaviateAsyncClient, generation: int | None) -> None:
    """Create what is missing: a generation's collections, and the alias if there is none.

    Without a generation: nothing if the alias points to one, else the first generation. Errors
    are those of the client.
    """
    pointed = await client.alias.get(alias_name=ALIAS)
    if generation is None and pointed is not None:
        await _add_missing(client, generation_of(pointed.collection))
        return
    number = 1 if generation is None else generation
    for name, create in (
        (chunks_name(number), _create_chunks),
        (documents_name(number), _create_documents),
        (vectors_name(number), _create_vectors),
    ):
        if await client.collections.exists(name):
            continue
        try:
            await create(client, name)
        except UnexpectedStatusCodeError:
            if not await client.collections.exists(name):  # another process was first
                raise
    if pointed is None and await client.alias.get(alias_name=ALIAS) is None:
        try:
            await client.alias.create(alias_name=ALIAS, target_collection=chunks_name(number))
        except UnexpectedStatusCodeError:
            if await client.alias.get(alias_name=ALIAS) is None:
                raise


async def _add_missing(client: weaviate.WeaviateAsyncClient, generation: int) -> None:
    """Add what an index lacks that an earlier release created."""
    documents = client.collections.get(documents_name(generation)).config
    known = {one.name for one in (await documents.get(simple=True)).properties}
    for added in (ORDER, READERS):
        if added.name in known:
            continue
        try:
            await documents.add_property(added)
        except UnexpectedStatusCodeError:
            now = {one.name for one in (await documents.get(simple=True)).properties}
            if added.name not in now:  # else another process was first
                raise


async def _create_chunks(client: weaviate.WeaviateAsyncClient, name: str) -> None:
    def words(key: str) -> Property:
        return _text(key, Tokenization.WHITESPACE, searchable=True)

    await _create(
        client,
        name,
        "Chunks of documents: an object for each chunk and version that brought it.",
        Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE),
        [
            _text("chunk", Tokenization.FIELD, filterable=True),
            _text("document", Tokenization.FIELD, filterable=True),
            _number("number"),
            _text("title"),
            _text("uri"),
            _text("text"),
            words("terms"),
            _number("tokens"),
            _text("entries"),
            _texts("entities"),
            _texts("groups"),
            _texts("metadata"),
            _text("model"),
            _number("lane"),
            _number("version_from", filterable=True, ranged=True),
            _number("version_to", filterable=True),
            _number("valid_from", ranged=True),
            _number("valid_to"),
            Property(name="live", data_type=DataType.BOOL, index_filterable=True),
        ],
        inverted_index_config=Configure.inverted_index(
            bm25_k1=BM25_K1, bm25_b=BM25_B, stopwords_preset=StopwordsPreset.NONE
        ),
    )


async def _create_vectors(client: weaviate.WeaviateAsyncClient, name: str) -> None:
    await _create(
        client,
        name,
        "Vectors of chunks, as reranking reads them: by id, never searched.",
        Configure.VectorIndex.flat(),
        [
            Property(name="dense", data_type=DataType.BLOB),
            Property(name="token_vectors", data_type=DataType.BLOB),
        ],
    )


async def _create_documents(client: weaviate.WeaviateAsyncClient, name: str) -> None:
    await _create(
        client,
        name,
        "Documents: which version is current from which position, and who may read it.",
        Configure.VectorIndex.flat(),
        [
            _text("document", Tokenization.FIELD, filterable=True),
            Property(name="versions", data_type=DataType.INT_ARRAY, index_filterable=False),
            Property(name="positions", data_type=DataType.INT_ARRAY, index_filterable=False),
            _texts("groups"),
            _texts("metadata"),
            ORDER,
            READERS,
        ],
    )


async def _create(
    client: weaviate.WeaviateAsyncClient,
    name: str,
    description: str,
    vector_index: Any,
    properties: list[Property],
    **others: Any,
) -> None:
    """Create a collection whose tenants come into being when they are first written.

    Vectors are given with the objects: Weaviate makes none.
    """
    await client.collections.create(
        name,
        description=description,
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
        vector_config=Configure.Vectors.self_provided(vector_index_config=vector_index),
        properties=properties,
        **others,
    )


def _text(
    key: str,
    tokenization: Tokenization | None = None,
    *,
    filterable: bool = False,
    searchable: bool = False,
) -> Property:
    return Property(
        name=key,
        data_type=DataType.TEXT,
        tokenization=tokenization,
        index_filterable=filterable,
        index_searchable=searchable,
    )


def _texts(key: str) -> Property:
    return Property(
        name=key,
        data_type=DataType.TEXT_ARRAY,
        tokenization=Tokenization.FIELD,
        index_filterable=True,
        index_searchable=False,
    )


ORDER = Property(
    name="chunks",
    data_type=DataType.TEXT_ARRAY,
    tokenization=Tokenization.FIELD,
    index_filterable=False,
    index_searchable=False,
)
"""Of the object of a version's order alone: the ids of its chunks, as they stand in it."""


READERS = _text("readers")
"""Of a document: who could read it, and its metadata, at each of its positions; JSON."""


def _number(key: str, *, filterable: bool = False, ranged: bool = False) -> Property:
    return Property(
        name=key,
        data_type=DataType.INT,
        index_filterable=filterable,
        index_range_filters=ranged,
    )
