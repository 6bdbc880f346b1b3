"""Comparing generations: what differs is named, and what changed in between is no difference."""

import pytest

from connectors.weaviate.schema import chunks_name, documents_name, vectors_name
from tests.replay.rebuild.indexed_log import IndexedLog


@pytest.fixture
async def past():
    made = IndexedLog()
    made.publish("a", {"a1", "a2"})
    made.publish("b", {"b1"}, "globex")
    await made.index_all()
    await made.rebuilt()
    return made


def objects(past, name, tenant="acme"):
    return past.server.data[name(2)][tenant]


def a_chunk(past, name):
    held = objects(past, chunks_name).items()
    return next((key, one) for key, one in held if one.properties["chunk"] == name)


async def test_equal_ones_have_equal_digests_by_tenant(past):
    made = await past.compared()
    assert made.equal
    told = made.as_json()
    assert set(told["tenants"]) == {"acme", "globex"}
    digests = [one["digests"] for one in told["tenants"].values()]
    assert all(one == other for one, other in digests)
    assert digests[0] != digests[1]
    assert told["first_difference"] is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("text", "other", 'text: "lanes a1" and "other"'), ("version_to", 7, "version_to: 0 and 7")],
)
async def test_a_property_that_differs_is_told_with_both_values(past, name, value, said):
    key, one = a_chunk(past, "a1")
    one.properties[name] = value
    made = await past.compared()
    [difference] = made.differences
    assert difference == ("acme", "chunks", key, said)
    assert not made.equal
    assert made.tenants["globex"].different == 0
    digests = made.tenants["acme"].digests
    assert digests[0].digest() != digests[1].digest()


async def test_a_vector_that_differs_is_told_unless_the_embedder_is_another(past):
    _, one = a_chunk(past, "a1")
    one.vector = [0.5]
    made = await past.compared()
    assert made.differences[0].reason.startswith("vector: ")
    assert (await past.compared(same_embedder=False)).equal


@pytest.mark.parametrize("name", [chunks_name, documents_name, vectors_name])
async def test_an_object_that_is_missing_is_told(past, name):
    held = objects(past, name)
    key = min(key for key, one in held.items() if one.properties.get("document") != "")
    del held[key]
    made = await past.compared()
    [difference] = made.differences
    assert (difference.id, difference.reason) == (key, "only the first has it")


async def test_a_tenant_that_is_missing_is_told(past):
    for name in (chunks_name, documents_name, vectors_name):
        del past.server.data[name(2)]["globex"]
    made = await past.compared()
    assert made.tenants["globex"].objects[1] == 0
    assert made.tenants["globex"].different == made.tenants["globex"].objects[0] > 0
    assert {one.reason for one in made.differences} == {"only the first has it"}


async def test_what_does_not_differ_any_more_is_no_difference(past):
    past.publish("c", {"c1"})
    past.publish("a", {"a2"})
    await past.index_all()

    async def later():
        await past.rebuilt()

    made = await past.compared(later=later)
    assert made.equal
    assert made.changed > 0
    assert made.differences == []


async def test_more_objects_than_a_page_are_compared(past):
    past.publish("e", {f"e{number}" for number in range(7)})
    await past.index_all()
    assert (await past.compared()).tenants["acme"].different == 7 + 7 + 3
    await past.rebuilt()
    made = await past.compared(bounds=(2, 9))
    assert made.equal
    chunks, documents, heads = 9, 2 + 2, 1
    assert made.tenants["acme"].objects == [2 * chunks + documents + heads] * 2


async def test_kept_differences_are_bounded_and_all_are_counted(past):
    for one in objects(past, chunks_name).values():
        one.properties["text"] = "other"
    made = await past.compared(bounds=(200, 1))
    assert len(made.differences) == 1
    assert made.tenants["acme"].different == 2
