"""Weaviate in memory, as far as the connector asks it; the tests in test_connector.py hold it to the real one."""

import copy
import math
import re
from collections import Counter
from types import SimpleNamespace

import numpy as np
from weaviate.exceptions import (
    UnexpectedStatusCodeError,
    WeaviateConnectionError,
    WeaviateInsertManyAllFailedError,
    WeaviateQueryError,
)

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
        self.alias = _Aliases(server)
        self.collections = _Collections(server)

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
        return SimpleNamespace(with_tenant=lambda tenant: _Collection(self._server, name, tenant))


class _Collection:
    """A tenant's objects; `query` and `data` as the client has them."""

    def __init__(self, server, name, tenant):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tenant)
        self._server, self._tenants, self._tenant = server, server.data[name], tenant
        self._properties = server.properties[name]
        self.query = self.data = self

    def _objects(self):
        if self._tenant not in self._tenants:
            raise WeaviateQueryError(f"tenant not found: {self._tenant!r}", "GRPC")
        return self._tenants[self._tenant]

    async def insert_many(self, objects):
        self._server.write()
        mine = self._tenants.setdefault(self._tenant, {})
        sizes = {len(one.vector) for one in mine.values() if one.vector}
        errors = {}
        for number, one in enumerate(objects):
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
        self._server.write()
        self._objects()[str(uuid)].properties.update(copy.deepcopy(properties))

    async def fetch_objects_by_ids(self, ids, *, limit, return_properties):
        mine = self._objects()
        some = [mine[one] for one in dict.fromkeys(map(str, ids)) if one in mine]
        return answer(some[:limit], return_properties)

    async def fetch_objects(self, *, filters, limit, offset, return_properties):
        some = sorted(self._passing(filters), key=lambda one: str(one.uuid))
        return answer(some[offset : offset + limit], return_properties)

    async def bm25(
        self, *, query, query_properties, limit, filters, return_properties, include_vector, **_
    ):
        assert include_vector
        [name] = query_properties
        assert self._properties[name].indexSearchable
        texts = {key: one.properties[name].split() for key, one in self._objects().items()}
        average = sum(map(len, texts.values())) / len(texts)
        holding = Counter(word for words in texts.values() for word in set(words))
        scored = []
        for one in self._passing(filters):
            words = texts[str(one.uuid)]
            score = 0.0
            for word in query.split():
                rarity = math.log(1 + (len(texts) - holding[word] + 0.5) / (holding[word] + 0.5))
                often = words.count(word)
                score += (
                    rarity * often * (K1 + 1) / (often + K1 * (1 - B + B * len(words) / average))
                )
            if score:
                scored.append((score, one))
        return best(scored, limit, return_properties, "score")

    async def near_vector(self, *, near_vector, limit, filters, return_properties, **_):
        scored = [(float(np.dot(near_vector, one.vector)), one) for one in self._passing(filters)]
        return best(scored, limit, return_properties, "distance")

    def _passing(self, filters):
        return [one for one in self._objects().values() if self._passes(filters, one.properties)]

    def _passes(self, filters, properties):
        if hasattr(filters, "filters"):
            assert filters.operator == "And"
            return all(self._passes(one, properties) for one in filters.filters)
        definition = self._properties[filters.target]
        ranged = filters.operator.value.startswith("Less") and definition.indexRangeFilters
        assert ranged or definition.indexFilterable, filters.target
        return passes(filters, properties.get(filters.target))


def passes(filters, value):
    """Whether a value passes one condition."""
    match filters.operator.value:
        case "Equal":
            return value == filters.value
        case "LessThan":
            return value < filters.value
        case "LessThanEqual":
            return value <= filters.value
        case "ContainsAny":
            held = value if isinstance(value, list) else [value]
            return not set(held).isdisjoint(filters.value)
    raise NotImplementedError(filters.operator)


def answer(objects, names):
    """What the client returns of some objects: the properties that were asked for, None where unset."""
    return SimpleNamespace(
        objects=[
            SimpleNamespace(
                uuid=str(one.uuid),
                properties={name: copy.deepcopy(one.properties.get(name)) for name in names},
            )
            for one in objects
        ]
    )


def best(scored, limit, names, figure):
    """The objects of the highest similarity, first the best, with their vector and figure."""
    scored = sorted(scored, key=lambda pair: (-pair[0], str(pair[1].uuid)))[:limit]
    found = answer([one for _, one in scored], names)
    for (score, one), item in zip(scored, found.objects, strict=True):
        item.vector = {"default": list(one.vector)}
        item.metadata = SimpleNamespace(
            score=score if figure == "score" else None,
            distance=1 - score if figure == "distance" else None,
        )
    return found


def refused(status):
    """What the client raises for what is there already."""
    import httpx

    return UnexpectedStatusCodeError("refused", httpx.Response(status))
