"""Objects as they are read: every property of the schema, and what is not set is empty."""

import pytest
from weaviate.classes.data import DataObject

from connectors.weaviate.conditions import any_number, any_text, at_most, equal, every, less
from connectors.weaviate.schema import chunks_name, create_missing, documents_name, vectors_name
from connectors.weaviate.tenant_objects import READ_AS, TenantObjects
from streams.settings import Settings
from tests.connectors.weaviate.memory import MemoryWeaviate

IDS = [f"00000000-0000-0000-0000-{n:012}" for n in range(4)]


@pytest.fixture
async def server():
    server = MemoryWeaviate()
    await create_missing(server(Settings()), 1)
    return server


@pytest.fixture
def opened(server):
    return lambda name: TenantObjects(server(Settings()), name(1), "acme")


async def test_whatever_the_schema_holds_can_be_read(server):
    assert set(READ_AS) == {name for names in server.properties.values() for name in names}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (chunks_name, {"chunk": "c", "tokens": 7, "live": True, "groups": ["*", "g:hr"]}),
        (documents_name, {"versions": [1, 0, 2**40], "positions": [0, 5, 9], "metadata": []}),
        (vectors_name, {"dense": "AAA=", "token_vectors": "AQI="}),
    ],
)
async def test_properties_come_back_as_they_were_written(opened, kind, properties):
    objects = opened(kind)
    await objects.data.insert_many([DataObject(uuid=IDS[0], properties=properties, vector=[1.0])])
    [read] = await objects.by_ids(IDS, list(properties))
    assert (read.uuid, read.properties) == (IDS[0], properties)


async def test_what_is_not_set_is_empty(opened):
    objects = opened(chunks_name)
    await objects.data.insert_many([DataObject(uuid=IDS[0], properties={}, vector=[1.0])])
    [read] = await objects.by_ids(IDS, ["title", "number", "live", "groups"])
    assert read.properties == {"title": "", "number": 0, "live": False, "groups": []}
    assert (read.score, read.distance, read.vector) == (0.0, 0.0, b"")


@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        (equal("document", "d1"), {1}),
        (equal("live", True), {0, 1}),
        (equal("live", False), {2, 3}),
        (equal("version_to", 0), {0}),
        (less("version_from", 2), {0, 1}),
        (at_most("version_from", 2), {0, 1, 2}),
        (any_text("groups", ["g:1", "g:3"]), {1, 3}),
        (any_text("groups", []), set()),
        (any_number("version_to", [0, 3]), {0, 3}),
        (every([less("version_from", 2), equal("live", True), equal("document", "d0")]), {0}),
    ],
)
async def test_a_condition_lets_through_what_it_says(opened, condition, passing):
    objects = opened(chunks_name)
    await objects.data.insert_many(
        [
            DataObject(
                uuid=IDS[n],
                properties={
                    "document": f"d{n}", "live": n < 2, "version_from": n, "version_to": n,
                    "groups": [f"g:{n}"],
                },
                vector=[1.0],
            )
            for n in range(4)
        ]
    )  # fmt: skip
    read = await objects.page(condition, ["document"], 10, 0)
    assert {int(one.properties["document"][1:]) for one in read} == passing
