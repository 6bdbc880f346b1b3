"""Weaviate in memory, as far as the connector asks it; the tests in test_connector.py hold it to the real one."""

import copy
import math
import re
import struct
import uuid
from collections import Counter
from types import SimpleNamespace

import grpc
import numpy as np
from grpc.aio import AioRpcError, Metadata
from weaviate.exceptions import (
    UnexpectedStatusCodeError,
    WeaviateConnectionError,
    WeaviateInsertManyAllFailedError,
)
from weaviate.proto.v1 import base_pb2, properties_pb2, search_get_pb2

K1, B = 0.9, 0.4


class MemoryWeaviate:
    """All that clients share: collections by name, tenants in them, objects by id; and the aliases."""

    def __init__(self):
        self.data = {}
        self.properties = {}
        self.pointers = {}
        self.writes_left = None
        self.refusal = ""
        """Why every object is refused, if it is."""
        self.searches = []
        """The requests that were searched for, and read."""
        self.turn = None
        """What each request waits for, and within a batch each object, if anything."""

    async def reached(self):
        """Have a request, or an object of a batch, wait for its turn."""
        if self.turn is not None:
            await self.turn()

    def write(self):
        """Count a write; the one after the last that is allowed meets no server."""
        if self.writes_left is not None:
            if not self.writes_left:
                raise WeaviateConnectionError("gone")
            self.writes_left -= 1

    def __call__(self, settings):
        """Make a client, as `new_client` does."""
        return _Client(self)


class _Client:
    def __init__(self, server):
        self._server = server
        self.alias = _Aliases(server)
        self.collections = _Collections(server)

    async def search(self, request):
        """Answer as `IndexClient.search` does."""
        self._server.searches.append(request)
        await self._server.reached()
        collection = _Collection(self._server, request.collection, request.tenant)
        return search_get_pb2.SearchReply(results=collection.results(request))

    async def connect(self):
        """Nobody is far away."""

    async def close(self):
        """Nothing is held."""


class _Aliases:
    def __init__(self, server):
        self._server = server

    async def get(self, *, alias_name):
        target = self._server.pointers.get(alias_name)
        return target and SimpleNamespace(collection=target)

    async def create(self, *, alias_name, target_collection):
        if alias_name in self._server.pointers:
            raise refused(422)
        self._server.pointers[alias_name] = target_collection

    async def list_all(self):
        return {
            name: SimpleNamespace(alias=name, collection=target)
            for name, target in self._server.pointers.items()
        }

    async def delete(self, *, alias_name):
        return self._server.pointers.pop(alias_name, None) is not None

    async def update(self, *, alias_name, new_target_collection):
        self._server.pointers[alias_name] = new_target_collection


class _Collections:
    def __init__(self, server):
        self._server = server

    async def exists(self, name):
        return name in self._server.data

    async def create(self, name, **definition):
        if name in self._server.data:
            raise refused(422)
        assert definition["multi_tenancy_config"].enabled
        self._server.data[name] = {}
        self._server.properties[name] = {one.name: one for one in definition["properties"]}

    async def list_all(self):
        return dict.fromkeys(self._server.data)

    async def delete(self, name):
        self._server.data.pop(name, None)

    def get(self, name):
        return SimpleNamespace(
            config=_Config(self._server.properties[name]),
            tenants=_Tenants(self._server.data[name]),
            with_tenant=lambda tenant: SimpleNamespace(
                data=_Collection(self._server, name, tenant)
            ),
        )


class _Tenants:
    def __init__(self, tenants):
        self._tenants = tenants

    async def get(self):
        return dict.fromkeys(self._tenants)


class _Config:
    def __init__(self, properties):
        self._properties = properties

    async def get(self, *, simple):
        assert simple
        return SimpleNamespace(properties=list(self._properties.values()))

    async def add_property(self, one):
        if one.name in self._properties:
            raise refused(422)
        self._properties[one.name] = one


class _Collection:
    """A tenant's objects; written as by the client's `data`, read as by the protocol."""

    def __init__(self, server, name, tenant):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tenant)
        self._server, self._tenants, self._tenant = server, server.data[name], tenant
        self._properties = server.properties[name]

    def _objects(self):
        if self._tenant not in self._tenants:
            why = f"tenant not found: {self._tenant!r}"
            raise AioRpcError(grpc.StatusCode.UNKNOWN, Metadata(), Metadata(), details=why)
        return self._tenants[self._tenant]

    async def insert_many(self, objects):
        self._server.write()
        mine = self._tenants.setdefault(self._tenant, {})
        sizes = {len(one.vector) for one in mine.values() if one.vector}
        errors = {}
        for number, one in enumerate(objects):
            await self._server.reached()
            if self._server.refusal:
                errors[number] = SimpleNamespace(message=self._server.refusal)
                continue
            if sizes and one.vector and len(one.vector) not in sizes:
                errors[number] = SimpleNamespace(message="vector lengths don't match")
                continue
            assert set(one.properties) <= set(self._properties)
            mine[str(one.uuid)] = copy.deepcopy(one)
        if len(errors) == len(objects):
            raise WeaviateInsertManyAllFailedError(f"all errors: {errors[0].message}")
        return SimpleNamespace(errors=errors)

    async def update(self, *, uuid, properties):
        await self._server.reached()
        self._server.write()
        self._objects()[str(uuid)].properties.update(copy.deepcopy(properties))

    async def delete_by_id(self, uuid):
        self._server.write()
        return self._objects().pop(str(uuid), None) is not None

    def results(self, request):
        """Return what a request finds, reads and asks of each object."""
        assert request.uses_123_api
        assert request.uses_125_api
        assert request.uses_127_api
        found = self._found(request)
        if request.after:
            assert not request.HasField("filters")
            found = [pair for pair in found if str(pair[1].uuid) > request.after]
        some = found[request.offset : request.offset + request.limit]
        return [self._result(request, one, similarity) for similarity, one in some]

    def _found(self, request):
        passing = [
            (0.0, one)
            for one in sorted(self._objects().values(), key=lambda one: str(one.uuid))
            if self._passes(request.filters, one)
        ]
        if request.HasField("bm25_search"):
            return best(self._by_words(request.bm25_search, passing))
        if request.HasField("near_vector"):
            [vector] = request.near_vector.vectors
            assert vector.type == base_pb2.Vectors.VECTOR_TYPE_SINGLE_FP32
            asked = np.frombuffer(vector.vector_bytes, "<f4")
            return best([(float(np.dot(asked, one.vector)), one) for _, one in passing])
        return passing

    def _by_words(self, asked, passing):
        [name] = asked.properties
        assert self._properties[name].indexSearchable
        texts = {key: one.properties[name].split() for key, one in self._objects().items()}
        average = sum(map(len, texts.values())) / max(1, len(texts))
        holding = Counter(word for words in texts.values() for word in set(words))
        scored = []
        for _, one in passing:
            words = texts[str(one.uuid)]
            score = 0.0
            for word in asked.query.split():
                rarity = math.log(1 + (len(texts) - holding[word] + 0.5) / (holding[word] + 0.5))
                often = words.count(word)
                score += (
                    rarity * often * (K1 + 1) / (often + K1 * (1 - B + B * len(words) / average))
                )
            if score:
                scored.append((score, one))
        return scored

    def _result(self, request, one, similarity):
        names = request.properties.non_ref_properties
        assert set(names) <= set(self._properties)
        values = {name: one.properties.get(name) for name in names}
        fields = {
            name: spelt(value, self._properties[name].dataType)
            for name, value in values.items()
            if value is not None
        }
        wanted = request.metadata
        metadata = search_get_pb2.MetadataResult()
        if wanted.uuid:
            metadata.id = str(one.uuid)
            metadata.id_as_bytes = uuid.UUID(str(one.uuid)).bytes
        if wanted.score:
            metadata.score, metadata.score_present = similarity, True
        if wanted.distance:
            metadata.distance, metadata.distance_present = 1 - similarity, True
        if wanted.vector:
            packed = np.asarray(one.vector, "<f4").tobytes()
            metadata.vectors.add(name="default", vector_bytes=packed)
        properties = search_get_pb2.PropertiesResult(
            non_ref_props=properties_pb2.Properties(fields=fields)
        )
        return search_get_pb2.SearchResult(properties=properties, metadata=metadata)

    def _passes(self, condition, one):
        operator = base_pb2.Filters.Operator.Name(condition.operator)
        if operator == "OPERATOR_UNSPECIFIED":
            return True
        if operator == "OPERATOR_AND":
            assert condition.filters
            return all(self._passes(each, one) for each in condition.filters)
        name = condition.target.property
        if name == "_id":
            return passes(operator, condition, str(one.uuid))
        definition = self._properties[name]
        ranged = operator.startswith("OPERATOR_LESS") and definition.indexRangeFilters
        assert ranged or definition.indexFilterable, name
        return passes(operator, condition, one.properties.get(name))


def passes(operator, condition, value):
    """Whether a value passes one condition."""
    asked = getattr(condition, condition.WhichOneof("test_value"))
    match operator:
        case "OPERATOR_EQUAL":
            return value == asked
        case "OPERATOR_LESS_THAN":
            return value < asked
        case "OPERATOR_LESS_THAN_EQUAL":
            return value <= asked
        case "OPERATOR_CONTAINS_ANY":
            held = value if isinstance(value, list) else [value]
            return not set(held).isdisjoint(asked.values)
    raise NotImplementedError(operator)


def spelt(value, kind):
    """What the protocol makes of a property's value."""
    match kind.value:
        case "text":
            return properties_pb2.Value(text_value=value)
        case "int":
            return properties_pb2.Value(int_value=value)
        case "boolean":
            return properties_pb2.Value(bool_value=value)
        case "blob":
            return properties_pb2.Value(blob_value=value)
        case "text[]":
            texts = properties_pb2.TextValues(values=value)
            return properties_pb2.Value(list_value=properties_pb2.ListValue(text_values=texts))
        case "int[]":
            numbers = properties_pb2.IntValues(values=struct.pack(f"<{len(value)}q", *value))
            return properties_pb2.Value(list_value=properties_pb2.ListValue(int_values=numbers))
    raise NotImplementedError(kind)


def best(scored):
    """Pairs of similarity and object, the most similar first."""
    return sorted(scored, key=lambda pair: (-pair[0], str(pair[1].uuid)))


def refused(status):
    """What the client raises for what is there already."""
    import httpx

    return UnexpectedStatusCodeError("refused", httpx.Response(status))
