"""Weaviate: the index of chunks, one Weaviate tenant for each of ours.

Three collections. `Chunk` holds an object for every chunk and the document version that first had
it: text, vector, and the versions between which it belongs to its document. `Document` holds an
object for every document: which version became current at which position of the log, and who may
read it. `Vectors` holds what reranking reads of a chunk, apart, since an index that hands out a
property reads the whole object, and token vectors would be most of it.

Why it is so: a new version must replace the old one at once, whatever its size, while an index has
no transactions. So chunks are written before anyone can see them, and one write of the `Document`
object makes the switch. A chunk is visible if and only if `version_from <= current < version_to`
(0: open) and its document lets the reader in. Search asks for candidates, then reads their
documents; what the chunks say about groups, metadata and being live only narrows the search, and
may lag behind. Since a document keeps the history of its versions, the same rule answers for any
position in the past.

Words are analysed here and not by Weaviate, which has no stemmer: the property `terms` holds them
with spaces between, and beside them the digests of the values behind the text's placeholders, so
that a question about a person finds the chunks that mention that person and no others.

Every write may be repeated, in order, and leaves the same state.

The client's own ways of waiting for a server are switched off (`Address`): it would try a call
again for a minute before it says that nobody is there, and gRPC would wait for up to two before it
connects again. Callers have a deadline and a circuit breaker of their own.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import json
import logging
import re
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped]
import httpx
import numpy as np
import weaviate
from numpy.typing import NDArray
from weaviate.classes.config import (
    Configure,
    DataType,
    Property,
    StopwordsPreset,
    Tokenization,
    VectorDistances,
)
from weaviate.classes.data import DataObject
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.connect import ConnectionParams
from weaviate.exceptions import (
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateClosedClientError,
    WeaviateConnectionError,
    WeaviateGRPCUnavailableError,
    WeaviateInsertManyAllFailedError,
    WeaviateRetryError,
    WeaviateStartUpError,
    WeaviateTimeoutError,
)

from agents.errors import Permanent, Transient
from connectors.token_vectors import max_sim
from schemas import (
    Candidate,
    DocumentRef,
    EmbeddedChunk,
    Fetch,
    Fetched,
    Found,
    IndexChunks,
    IndexWritten,
    MapEntry,
    Passage,
    PublishVersion,
    Request,
    Rerank,
    Reranked,
    Sealed,
    Search,
    StreamRequest,
    WithdrawVersions,
)
from streams.ids import NAMESPACE
from streams.settings import Settings
from streams.world import Call, Handler, StreamHandler

ALIAS = "PlayheadChunk"
"""What points to the generation in force; a rebuild fills another generation and moves it."""
DOCUMENTS = "PlayheadDocument"
VECTORS = "PlayheadVectors"

# k1 and b of Anserini, measured better on passages than Weaviate's 1.2 and .75
BM25_K1, BM25_B = 0.9, 0.4
RRF_K = 60  # the constant of Cormack, Clarke and Büttcher, SIGIR 2009
SURPLUS = 1.25  # candidates asked per candidate wanted: some belong to versions not yet published
MESSAGE_BYTES_MAX = 104_858_000  # Weaviate's own bound
ROUNDS_MAX = 4  # each asks for four times as many, where invisible chunks crowd out visible ones
PAGE = 500  # objects read or listed at once
PATCHES_MAX = 8  # changes of single objects in flight
CHANNEL = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # a server in Go takes more frequent pings for abuse; a network that swallows packets is
    # noticed sooner, since with this on, data must be acknowledged within the timeout
    ("grpc.keepalive_time_ms", 360_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
GENERATION_S = 2.0  # how long the alias is trusted: a worker follows a swap within this time
EVERYONE = "*"
MUTABLE = ("version_to", "valid_to", "live", "uri", "groups", "metadata")
DECIMALS = 6

PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*_\d+>")
WORD = re.compile(r"\w+")
STOPWORDS = frozenset(
    re.split(
        r"\s",
        "a an and are as at be but by for if in into is it no not of on or such that the their then"
        " there these they this to was will with what which who how do does did i we you",
    )
)

P = ParamSpec("P")
R = TypeVar("R")

# the client would log the objects that it failed to write
logging.getLogger("weaviate-client").setLevel(logging.CRITICAL)


def stem(word: str) -> str:
    """Strip the commonest English endings, so that plural and singular meet."""
    for ending, rest in (
        ("sses", "ss"),
        ("ies", "y"),
        ("ing", ""),
        ("edly", ""),
        ("ed", ""),
        ("ly", ""),
        ("es", "e"),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            if ending == "s" and word.endswith("ss"):
                continue
            return word.removesuffix(ending) + rest
    return word


def terms(text: str) -> list[str]:
    """Analyse a text or a query: lower case, stems, neither stop words nor placeholders."""
    words = WORD.findall(PLACEHOLDER.sub(" ", text).lower())
    return [stem(word) for word in words if word not in STOPWORDS]


@dataclass(frozen=True)
class DocumentHistory:
    """Which version of a document was current when, and who may read it."""

    versions: tuple[int, ...]
    positions: tuple[int, ...]
    """Position from which each version is current, growing; version 0 stands for none."""
    groups: frozenset[str]
    metadata: frozenset[str]

    def current(self, as_of: int) -> int:
        """Version that is current now (-1) or was at a position; 0 if none."""
        if as_of < 0:
            return self.versions[-1] if self.versions else 0
        version = 0
        for candidate, position in zip(self.versions, self.positions, strict=True):
            if position <= as_of:
                version = candidate
        return version

    def latest(self, position: int) -> int:
        """Highest version published up to a position, withdrawn or not."""
        pairs = zip(self.versions, self.positions, strict=True)
        return max((version for version, reached in pairs if reached <= position), default=0)

    def shows(self, version_from: int, version_to: int, as_of: int) -> bool:
        """Whether a chunk of these versions is visible."""
        current = self.current(as_of)
        return version_from <= current and (version_to == 0 or current < version_to)

    def admits(self, groups: Iterable[str], wanted: Iterable[str]) -> bool:
        """Whether a reader of these groups may see it and its metadata is as wanted."""
        readable = not self.groups.isdisjoint((EVERYONE, *map(_group, groups)))
        return readable and self.metadata.issuperset(wanted)


def _group(name: str) -> str:
    return f"g:{name}"


def _groups(names: Iterable[str]) -> list[str]:
    return sorted({_group(name) for name in names}) or [EVERYONE]


def _pairs(metadata: Mapping[str, str]) -> list[str]:
    return sorted(f"{key}={value}" for key, value in metadata.items())


class _FailAtOnce(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Raises ConnectionError where nobody answers: on that the client does not try again."""

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        call = await continuation(details, request)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise ConnectionError(error.details()) from None
            raise
        return call


class Address(ConnectionParams):
    """Where Weaviate is, and how its client connects."""

    def _grpc_channel(
        self, proxies: dict[str, str], grpc_msg_size: int | None, is_async: bool
    ) -> grpc.aio.Channel:
        del proxies, grpc_msg_size
        assert is_async
        options, interceptors = (
            [*CHANNEL, ("grpc.default_authority", self.grpc.host)],
            [_FailAtOnce()],
        )
        if not self.grpc.secure:
            return grpc.aio.insecure_channel(self._grpc_target, options, interceptors=interceptors)
        credentials = grpc.ssl_channel_credentials()
        return grpc.aio.secure_channel(
            self._grpc_target, credentials, options, interceptors=interceptors
        )


def _translated(
    function: Callable[P, Awaitable[R]],
) -> Callable[P, Awaitable[R]]:
    """Raise what Weaviate's client raises as Transient or Permanent."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await function(*args, **kwargs)
        except (WeaviateBaseError, grpc.RpcError, httpx.HTTPError, OSError) as error:
            raise _translation(error) from error

    return call


AWAY = (
    WeaviateConnectionError,
    WeaviateTimeoutError,
    WeaviateGRPCUnavailableError,
    WeaviateRetryError,
    WeaviateClosedClientError,
    WeaviateStartUpError,
    httpx.HTTPError,
    OSError,
)
BUSY = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INTERNAL,
    )
)
PASSING = (
    "unavailable", "timeout", "deadline", "read-only", "connection", "shutting down", "not ready",
    "leader not found", "loading",
)  # fmt: skip
BUSY_HTTP = frozenset((401, 403, 408, 429))  # a key can be set right while the event waits


def _translation(error: Exception) -> Exception:
    if isinstance(error, AWAY):
        return Transient(
            f"Weaviate does not answer ({type(error).__name__}): see `playhead status`"
        )
    if isinstance(error, UnexpectedStatusCodeError):
        status = error.status_code
        message = f"Weaviate answered HTTP {status}: see its log, and weaviate_key_file for 401"
        return Transient(message) if status in BUSY_HTTP or status >= 500 else Permanent(message)
    cause = error if isinstance(error, grpc.RpcError) else _rpc_cause(error)
    if cause is not None:
        code = cast(Any, cause).code()
        message = f"Weaviate answered {getattr(code, 'name', code)}: see its log"
        # it has no better status for most of its errors, those of a shard that starts among them
        passing = code is grpc.StatusCode.UNKNOWN and _passing(cast(Any, cause).details())
        return Transient(message) if code in BUSY or passing else Permanent(message)
    return Permanent(f"Weaviate refused ({type(error).__name__}): see its log")


def _rpc_cause(error: BaseException | None) -> grpc.RpcError | None:
    seen = 0
    while error is not None and seen < 5:
        if isinstance(error, grpc.RpcError):
            return error
        error = error.__cause__ or error.__context__
        seen += 1
    return None


def _no_such_tenant(error: BaseException) -> bool:
    return "tenant not found" in str(error).lower()


class Weaviate:
    """Answers index requests. Connects at the first one, and creates the collections if need be."""

    service = "Weaviate"

    def __init__(self, settings: Settings, generation: int | None = None) -> None:
        """Search and write the generation in force; or another one, to rebuild it on the side."""
        self._settings = settings
        self._fixed = generation
        self._client: weaviate.WeaviateAsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._generation = (0.0, 0)  # until when it is trusted; its number
        self._documents: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._heads: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._patches = asyncio.Semaphore(PATCHES_MAX)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {
            IndexChunks: self.index,
            PublishVersion: self.publish,
            WithdrawVersions: self.withdraw,
            Search: self.search,
            Rerank: self.rerank,
            Fetch: self.fetch,
        }

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: the index streams no answers."""
        return {}

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # ------------------------------------------------------------------ collections

    async def _connected(self) -> weaviate.WeaviateAsyncClient:
        if self._client is not None:
            return self._client
        async with self._connecting:
            if self._client is not None:
                return self._client
            settings = self._settings
            key = _key(settings.weaviate_key_file)
            http = urlsplit(settings.weaviate_http)
            host, _, port = settings.weaviate_grpc.rpartition(":")
            secure = http.scheme == "https"
            client = weaviate.WeaviateAsyncClient(
                Address.from_params(
                    http_host=http.hostname or "127.0.0.1",
                    http_port=http.port or (443 if secure else 80),
                    http_secure=secure,
                    grpc_host=host,
                    grpc_port=int(port),
                    grpc_secure=secure,
                ),
                auth_client_secret=Auth.api_key(key) if key else None,
                additional_config=AdditionalConfig(
                    timeout=Timeout(init=10, query=30, insert=60), trust_env=False
                ),
                skip_init_checks=True,  # one of them asks a package registry for a newer client
            )
            try:
                await client.connect()
                await self._create(client, self._fixed)
            except BaseException:
                await client.close()
                raise
            self._client = client
            return client

    async def _create(self, client: weaviate.WeaviateAsyncClient, generation: int | None) -> None:
        """Create what is missing: a generation's collections, and the alias if there is none."""
        pointed = await client.alias.get(alias_name=ALIAS)
        if generation is None and pointed is not None:
            return
        number = 1 if generation is None else generation
        for name, create in (
            (_chunks(number), _create_chunks),
            (_docs(number), _create_documents),
            (_vectors(number), _create_vectors),
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
                await client.alias.create(alias_name=ALIAS, target_collection=_chunks(number))
            except UnexpectedStatusCodeError:
                if await client.alias.get(alias_name=ALIAS) is None:
                    raise

    async def _number(self) -> int:
        """Return the generation to work on."""
        if self._fixed is not None:
            return self._fixed
        now = asyncio.get_running_loop().time()
        until, number = self._generation
        if now >= until:
            client = await self._connected()
            pointed = await client.alias.get(alias_name=ALIAS)
            if pointed is None:
                raise Transient(f"Weaviate has no alias {ALIAS}: restart the worker to create it")
            number = int(pointed.collection.rpartition("_")[2])
            self._generation = (now + GENERATION_S, number)
        return number

    @_translated
    async def put_in_force(self) -> None:
        """Point everyone at this generation; the switch is one write, seen within GENERATION_S."""
        if self._fixed is None:
            raise Permanent("only a connector that was given a generation can put it in force")
        client = await self._connected()
        await client.alias.update(alias_name=ALIAS, new_target_collection=_chunks(self._fixed))

    @_translated
    async def generations(self) -> tuple[int, ...]:
        """Return all generations, the one in force first."""
        client = await self._connected()
        names = await client.collections.list_all()
        numbers = {int(n.rpartition("_")[2]) for n in names if n.startswith(f"{ALIAS}_")}
        pointed = await client.alias.get(alias_name=ALIAS)
        force = int(pointed.collection.rpartition("_")[2]) if pointed else 0
        return tuple(sorted(numbers, key=lambda number: (number != force, number)))

    @_translated
    async def drop(self, generation: int) -> None:
        """Delete a generation that is not in force."""
        if generation == (await self.generations())[0]:
            raise Permanent(f"generation {generation} is in force: put another one in force first")
        client = await self._connected()
        for name in (_chunks(generation), _docs(generation), _vectors(generation)):
            await client.collections.delete(name)

    async def _chunks_of(self, tenant: str) -> Any:
        return await self._collection(_chunks, tenant)

    async def _documents_of(self, tenant: str) -> Any:
        return await self._collection(_docs, tenant)

    async def _vectors_of(self, tenant: str) -> Any:
        return await self._collection(_vectors, tenant)

    async def _collection(self, name: Callable[[int], str], tenant: str) -> Any:
        client = await self._connected()
        return client.collections.get(name(await self._number())).with_tenant(_tenant(tenant))

    # ------------------------------------------------------------------ writing

    @_translated
    async def index(self, request: IndexChunks, call: Call) -> IndexWritten:
        """Write chunks of a version that nobody sees yet."""
        chunks = await self._chunks_of(call.tenant)
        ref = request.document
        ids = {
            chunk.id: _chunk_uuid(call.tenant, chunk.id, ref.version) for chunk in request.chunks
        }
        # written again after a crash, a chunk keeps what later versions did to it
        before = {
            str(item.uuid): item.properties
            for item in await _by_uuid(chunks, ids.values(), MUTABLE)
        }
        objects = []
        for chunk in request.chunks:
            properties = _properties(request, chunk, call)
            objects.append(
                DataObject(
                    uuid=ids[chunk.id],
                    properties={**properties, **before.get(ids[chunk.id], {})},
                    vector=np.frombuffer(chunk.vector, "<f4").tolist(),
                )
            )
        # what a chunk is found by comes last: whatever can be found can be reranked
        await _insert(
            await self._vectors_of(call.tenant),
            [
                DataObject(
                    uuid=_vectors_uuid(call.tenant, chunk.id, request.model),
                    properties=_packed(chunk),
                )
                for chunk in request.chunks
            ],
        )
        await _insert(chunks, objects)
        return IndexWritten(count=len(objects), position=call.offset)

    @_translated
    async def publish(self, request: PublishVersion, call: Call) -> IndexWritten:
        """Make a version visible and retire what it no longer has, at once."""
        ref = request.document
        async with self._documents[call.tenant, ref.document]:
            chunks = await self._chunks_of(call.tenant)
            known = await self._history(call.tenant, ref.document)
            retired = []
            for ids in _pages(request.retired):
                where = (
                    Filter.by_property("chunk").contains_any(ids)
                    & Filter.by_property("document").equal(ref.document)
                    & Filter.by_property("version_from").less_than(ref.version)
                )
                retired += [
                    item
                    for item in await _listed(chunks, where, ("version_to", "live"))
                    if item.properties["version_to"] in {0, ref.version}
                ]
            closing = {"version_to": ref.version, "valid_to": call.offset}
            await self._patch(
                chunks, [item for item in retired if not item.properties["version_to"]], closing
            )
            if known is not None and call.offset >= known.positions[-1]:
                await self._spread(chunks, ref, known)
            await self._flip(call, ref, known, ref.version)
            await self._patch(
                chunks, [item for item in retired if item.properties["live"]], {"live": False}
            )
        await self._advance(call)
        return IndexWritten(count=len(retired), position=call.offset)

    @_translated
    async def withdraw(self, request: WithdrawVersions, call: Call) -> IndexWritten:
        """Make all versions of a document invisible."""
        ref = request.document
        async with self._documents[call.tenant, ref.document]:
            known = await self._history(call.tenant, ref.document)
            if known is None:
                return IndexWritten(count=0, position=call.offset)
            chunks = await self._chunks_of(call.tenant)
            last = known.latest(call.offset)
            where = Filter.by_property("document").equal(ref.document) & Filter.by_property(
                "version_from"
            ).less_or_equal(last)
            found = await _listed(chunks, where, ("version_to", "live"))
            gone = [item for item in found if item.properties["version_to"] in {0, last + 1}]
            closing = {"version_to": last + 1, "valid_to": call.offset}
            await self._patch(
                chunks, [item for item in gone if not item.properties["version_to"]], closing
            )
            await self._flip(call, ref, known, 0)
            await self._patch(
                chunks, [item for item in gone if item.properties["live"]], {"live": False}
            )
        await self._advance(call)
        return IndexWritten(count=len(gone), position=call.offset)

    async def _flip(
        self, call: Call, ref: DocumentRef, known: DocumentHistory | None, version: int
    ) -> None:
        """Write the one object that decides what is visible."""
        history = dict(zip(known.positions, known.versions, strict=True)) if known else {}
        newest = not history or call.offset >= max(history)
        history[call.offset] = version
        positions = sorted(history)
        properties: dict[str, Any] = {
            "document": ref.document,
            "versions": [history[position] for position in positions],
            "positions": positions,
            "groups": _groups(ref.groups),
            "metadata": _pairs(ref.metadata),
        }
        if known is not None and (version == 0 or not newest):
            # a withdrawal says nothing of readers, and an event that is run again is not the newest
            properties["groups"] = sorted(known.groups)
            properties["metadata"] = sorted(known.metadata)
        documents = await self._documents_of(call.tenant)
        item = DataObject(uuid=_document_uuid(call.tenant, ref.document), properties=properties)
        await _insert(documents, [item])

    async def _spread(self, chunks: Any, ref: DocumentRef, known: DocumentHistory) -> None:
        """Tell kept chunks of new groups and metadata, by which searches are narrowed."""
        groups, metadata = _groups(ref.groups), _pairs(ref.metadata)
        if known.groups == set(groups) and known.metadata == set(metadata):
            return
        where = Filter.by_property("document").equal(ref.document) & Filter.by_property(
            "version_to"
        ).equal(0)
        old = await _listed(chunks, where, ("version_from",))
        kept = [item for item in old if item.properties["version_from"] < ref.version]
        await self._patch(chunks, kept, {"groups": groups, "metadata": metadata, "uri": ref.uri})

    async def _patch(self, chunks: Any, items: Sequence[Any], change: dict[str, Any]) -> None:
        async def patch(item: Any) -> None:
            async with self._patches:
                await chunks.data.update(uuid=item.uuid, properties=change)

        for some in _pages(items):
            await asyncio.gather(*map(patch, some))

    async def _advance(self, call: Call) -> None:
        """Remember how far the lane has come; a lane is written by one process at a time."""
        async with self._heads[call.tenant, call.lane]:
            documents = await self._documents_of(call.tenant)
            head = _head_uuid(call.tenant, call.lane)
            found = await _by_uuid(documents, [head], ("positions",))
            reached = max((max(item.properties["positions"]) for item in found), default=-1)
            if call.offset > reached:
                properties = {"document": "", "versions": [0], "positions": [call.offset]}
                await _insert(documents, [DataObject(uuid=head, properties=properties)])

    async def _history(self, tenant: str, document: str) -> DocumentHistory | None:
        found, _ = await self._histories(tenant, (document,), 0)
        return found.get(document)

    async def _histories(
        self, tenant: str, names: Iterable[str], lane: int
    ) -> tuple[dict[str, DocumentHistory], int]:
        """Read documents' histories, and how far a lane has come."""
        documents = await self._documents_of(tenant)
        head = _head_uuid(tenant, lane)
        ids = [head, *(_document_uuid(tenant, name) for name in sorted(set(names)))]
        properties = ("document", "versions", "positions", "groups", "metadata")
        position, found = 0, {}
        for item in await _by_uuid(documents, ids, properties):
            values = item.properties
            if str(item.uuid) == head:
                position = max(values["positions"])
                continue
            found[values["document"]] = DocumentHistory(
                versions=tuple(values["versions"]),
                positions=tuple(values["positions"]),
                groups=frozenset(values["groups"] or ()),
                metadata=frozenset(values["metadata"] or ()),
            )
        return found, position

    # ------------------------------------------------------------------ reading

    @_translated
    async def search(self, request: Search, call: Call) -> Found:
        """Find candidates by words and by vector; see the module's head for who is visible."""
        number = await self._number()
        name = _chunks(number)
        wanted = int(request.limit * SURPLUS)
        for _ in range(ROUNDS_MAX):
            try:
                lexical, dense = await self._ranked(request, call.tenant, wanted)
            except WeaviateBaseError as error:
                if _no_such_tenant(error):
                    return Found(candidates=(), index=name, position=max(request.as_of, 0))
                raise
            items = {str(item.uuid): item for item in (*lexical, *dense)}
            histories, head = await self._histories(
                call.tenant, (item.properties["document"] for item in items.values()), call.lane
            )
            visible = {
                identity for identity, item in items.items() if _visible(item, histories, request)
            }
            exhausted = len(lexical) < wanted and len(dense) < wanted
            if len(visible) >= request.limit or exhausted:
                break
            wanted *= 4
        vector = np.frombuffer(request.vector, "<f4")
        candidates = _fused(
            [item for item in lexical if str(item.uuid) in visible],
            [item for item in dense if str(item.uuid) in visible],
            vector,
        )
        return Found(
            candidates=tuple(candidates[: request.limit]),
            index=name,
            position=head if request.as_of < 0 else request.as_of,
        )

    async def _ranked(self, request: Search, tenant: str, limit: int) -> tuple[Any, Any]:
        """Ask for the best by words and the best by vector."""
        chunks = await self._chunks_of(tenant)
        where = Filter.by_property("groups").contains_any(
            [EVERYONE, *(_group(name) for name in sorted(set(request.groups)))]
        )
        if request.as_of < 0:
            where &= Filter.by_property("live").equal(True)
        else:
            where &= Filter.by_property("valid_from").less_or_equal(request.as_of)
        for pair in _pairs(request.filters):
            where &= Filter.by_property("metadata").contains_any([pair])
        properties = ["chunk", "document", "version_from", "version_to"]
        words = [*terms(request.text), *request.entities]

        async def by_words() -> Any:
            if not words:
                return []
            found = await chunks.query.bm25(
                query=" ".join(words),
                query_properties=["terms"],
                limit=limit,
                filters=where,
                include_vector=True,
                return_metadata=MetadataQuery(score=True),
                return_properties=properties,
            )
            return found.objects

        async def by_vector() -> Any:
            if not request.vector:
                return []
            found = await chunks.query.near_vector(
                near_vector=np.frombuffer(request.vector, "<f4").tolist(),
                limit=limit,
                filters=where,
                return_metadata=MetadataQuery(distance=True),
                return_properties=properties,
            )
            return found.objects

        return await asyncio.gather(by_words(), by_vector())

    @_translated
    async def rerank(self, request: Rerank, call: Call) -> Reranked:
        """Score chunks by late interaction, and tell how similar they are to each other.

        A chunk that this model did not embed scores -1 and is similar to none.
        """
        ids = [_vectors_uuid(call.tenant, chunk, request.model) for chunk in request.chunks]
        found = {
            str(item.uuid): item.properties
            for item in await _by_uuid(
                await self._vectors_of(call.tenant), ids, ("dense", "token_vectors")
            )
        }
        packed = [_bytes(found.get(identity, {}).get("token_vectors")) for identity in ids]
        rows = [np.frombuffer(_bytes(found.get(i, {}).get("dense")), "<f4") for i in ids]
        vectors = np.zeros((len(ids), max((len(row) for row in rows), default=0)), np.float32)
        for number, row in enumerate(rows):
            vectors[number, : len(row)] = row
        # some milliseconds of arithmetic, during which the worker's other streams must go on
        scored = await asyncio.to_thread(max_sim, request.query, packed)
        similar = np.round(vectors @ vectors.T, DECIMALS).astype("<f4")
        return Reranked(
            scores=tuple(round(score, DECIMALS) for score in scored),
            similarities=similar.tobytes(),
        )

    @_translated
    async def fetch(self, request: Fetch, call: Call) -> Fetched:
        """Read chunks that are visible."""
        items = await self._newest(
            call.tenant,
            request.chunks,
            (
                "chunk", "document", "number", "title", "uri", "text", "tokens", "entries",
                "version_from", "version_to",
            ),
        )  # fmt: skip
        documents = (item.properties["document"] for some in items.values() for item in some)
        histories, _ = await self._histories(call.tenant, documents, call.lane)
        passages = []
        for chunk in request.chunks:
            for item in items.get(chunk, ()):
                values = item.properties
                history = histories.get(values["document"])
                if history is not None and history.shows(
                    values["version_from"], values["version_to"], request.as_of
                ):
                    passages.append(_passage(values, history.current(request.as_of)))
                    break
        return Fetched(passages=tuple(passages))

    async def _newest(
        self,
        tenant: str,
        names: Sequence[str],
        properties: Sequence[str],
    ) -> dict[str, list[Any]]:
        """Read the objects of each chunk, that of the newest version first."""
        chunks = await self._chunks_of(tenant)
        found: defaultdict[str, list[Any]] = defaultdict(list)
        for some in _pages(sorted(set(names))):
            where = Filter.by_property("chunk").contains_any(some)
            try:
                items = await _listed(chunks, where, properties)
            except WeaviateBaseError as error:
                if _no_such_tenant(error):
                    return {}
                raise
            for item in items:
                found[item.properties["chunk"]].append(item)
        for objects in found.values():
            objects.sort(key=lambda item: -item.properties["version_from"])
        return found


# ---------------------------------------------------------------------- names and objects


def _chunks(generation: int) -> str:
    return f"{ALIAS}_{generation}"


def _vectors(generation: int) -> str:
    return f"{VECTORS}_{generation}"


def _key(file: str) -> str:
    return Path(file).read_text(encoding="utf-8").strip() if file else ""


def _docs(generation: int) -> str:
    return f"{DOCUMENTS}_{generation}"


def _tenant(tenant: str) -> str:
    """Name a tenant as Weaviate allows: letters, digits, - and _, at most 64."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,62}", tenant):
        return tenant
    return "sha-" + hashlib.sha256(tenant.encode()).hexdigest()[:40]


def _chunk_uuid(tenant: str, chunk: str, version: int) -> str:
    return str(uuid.uuid5(NAMESPACE, f"index-chunk|{tenant}|{chunk}|{version}"))


def _vectors_uuid(tenant: str, chunk: str, model: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"index-vectors|{tenant}|{chunk}|{model}"))


def _document_uuid(tenant: str, document: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"index-document|{tenant}|{document}"))


def _head_uuid(tenant: str, lane: int) -> str:
    return str(uuid.uuid5(NAMESPACE, f"index-head|{tenant}|{lane}"))


def _properties(request: IndexChunks, chunk: EmbeddedChunk, call: Call) -> dict[str, Any]:
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
        "groups": _groups(ref.groups),
        "metadata": _pairs(ref.metadata),
        "model": request.model,
        "lane": call.lane,
        "version_from": ref.version,
        "version_to": 0,
        "valid_from": call.offset,
        "valid_to": 0,
        "live": True,
    }


def _passage(values: Mapping[str, Any], version: int) -> Passage:
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


def _packed(chunk: EmbeddedChunk) -> dict[str, Any]:
    values = {"dense": chunk.vector, "token_vectors": chunk.token_vectors}
    # an empty blob is refused
    return {key: base64.b64encode(value).decode() for key, value in values.items() if value}


def _bytes(blob: str | None) -> bytes:
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


def _vector(item: Any) -> Sequence[float]:
    vector: Sequence[float] = item.vector["default"]
    return vector


def _visible(item: Any, histories: Mapping[str, DocumentHistory], request: Search) -> bool:
    values = item.properties
    history = histories.get(values["document"])
    return (
        history is not None
        and history.shows(values["version_from"], values["version_to"], request.as_of)
        and history.admits(request.groups, _pairs(request.filters))
    )


def _fused(
    lexical: Sequence[Any], dense: Sequence[Any], vector: NDArray[np.float32]
) -> list[Candidate]:
    """Merge two rankings by reciprocal rank; every candidate gets its cosine similarity."""
    words: dict[str, float] = {}
    cosines: dict[str, float] = {}
    scores: defaultdict[str, float] = defaultdict(float)
    documents: dict[str, str] = {}
    for item in lexical:
        chunk = item.properties["chunk"]
        if chunk in words:
            continue
        words[chunk] = round(item.metadata.score, DECIMALS)
        documents[chunk] = item.properties["document"]
        scores[chunk] += 1 / (RRF_K + len(words))
        if vector.size:
            cosine = float(np.asarray(_vector(item), np.float32) @ vector)
            cosines[chunk] = round(cosine, DECIMALS)
    ranked: set[str] = set()
    for item in dense:
        chunk = item.properties["chunk"]
        if chunk in ranked:
            continue
        ranked.add(chunk)
        cosines[chunk] = round(1 - item.metadata.distance, DECIMALS)
        documents[chunk] = item.properties["document"]
        scores[chunk] += 1 / (RRF_K + len(ranked))
    order = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    return [
        Candidate(
            chunk=chunk,
            document=documents[chunk],
            dense=cosines.get(chunk, 0.0),
            lexical=words.get(chunk, 0.0),
            score=round(scores[chunk], DECIMALS),
        )
        for chunk in order
    ]


# ---------------------------------------------------------------------- the client's verbs


def _pages(items: Sequence[R] | Iterable[R]) -> list[list[R]]:
    everything = list(items)
    return [everything[start : start + PAGE] for start in range(0, len(everything), PAGE)]


async def _by_uuid(collection: Any, ids: Iterable[str], properties: Sequence[str]) -> list[Any]:
    """Read objects by id; those that do not exist are left out."""
    found = []
    for some in _pages(ids):
        try:
            answer = await collection.query.fetch_objects_by_ids(
                some, limit=len(some), return_properties=list(properties)
            )
        except WeaviateBaseError as error:
            if _no_such_tenant(error):
                return []
            raise
        found += answer.objects
    return found


async def _listed(collection: Any, where: Any, properties: Sequence[str]) -> list[Any]:
    """Read all objects that a filter lets through."""
    found: list[Any] = []
    while True:
        answer = await collection.query.fetch_objects(
            filters=where,
            limit=PAGE,
            offset=len(found),
            return_properties=list(properties),
        )
        found += answer.objects
        if len(answer.objects) < PAGE:
            return found


async def _insert(collection: Any, objects: Sequence[Any]) -> None:
    """Write objects, new or not."""
    if not objects:
        return
    try:
        answer = await collection.data.insert_many(objects)
    except WeaviateInsertManyAllFailedError as error:
        raise _refusal(len(objects), len(objects), str(error)) from error
    if answer.errors:
        first = next(iter(answer.errors.values())).message
        raise _refusal(len(answer.errors), len(objects), first)


def _refusal(count: int, of: int, why: str) -> Exception:
    message = f"Weaviate refused {count} of {of} objects: {why.rpartition('errors: ')[2][:200]}"
    return Transient(message) if _passing(why) else Permanent(message)


def _passing(why: str | None) -> bool:
    """Tell by its words whether an error passes by itself."""
    return any(words in (why or "").lower() for words in PASSING)


async def _create_chunks(client: weaviate.WeaviateAsyncClient, name: str) -> None:
    def words(key: str) -> Property:
        return _text(key, Tokenization.WHITESPACE, searchable=True)

    await client.collections.create(
        name,
        description="Chunks of documents: an object for each chunk and version that brought it.",
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
        inverted_index_config=Configure.inverted_index(
            bm25_k1=BM25_K1, bm25_b=BM25_B, stopwords_preset=StopwordsPreset.NONE
        ),
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE)
        ),
        properties=[
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
    )


async def _create_vectors(client: weaviate.WeaviateAsyncClient, name: str) -> None:
    await client.collections.create(
        name,
        description="Vectors of chunks, as reranking reads them: by id, never searched.",
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=Configure.VectorIndex.flat()
        ),
        properties=[
            Property(name="dense", data_type=DataType.BLOB),
            Property(name="token_vectors", data_type=DataType.BLOB),
        ],
    )


async def _create_documents(client: weaviate.WeaviateAsyncClient, name: str) -> None:
    await client.collections.create(
        name,
        description="Documents: which version is current from which position, and who may read it.",
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
        vector_config=Configure.Vectors.self_provided(
            vector_index_config=Configure.VectorIndex.flat()
        ),
        properties=[
            _text("document", Tokenization.FIELD, filterable=True),
            Property(name="versions", data_type=DataType.INT_ARRAY, index_filterable=False),
            Property(name="positions", data_type=DataType.INT_ARRAY, index_filterable=False),
            _texts("groups"),
            _texts("metadata"),
        ],
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


def _number(key: str, *, filterable: bool = False, ranged: bool = False) -> Property:
    return Property(
        name=key,
        data_type=DataType.INT,
        index_filterable=filterable,
        index_range_filters=ranged,
    )
