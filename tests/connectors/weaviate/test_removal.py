"""What was erased is gone from the index, as of every position."""

import pytest

from connectors.weaviate import Weaviate
from schemas import DocumentRef, IndexChunks, PublishVersion, Search, WithdrawVersions
from streams.settings import Settings
from tests.connectors.weaviate.memory import MemoryWeaviate
from tests.connectors.weaviate.test_versions import call, chunk


@pytest.fixture
def server():
    return MemoryWeaviate()


async def index(weaviate, document, offset, *names):
    ref = DocumentRef(document=document, version=1, uri="u")
    chunks = tuple(map(chunk, names))
    await weaviate.index(
        IndexChunks(document=ref, title="", model="m@1", chunks=chunks), call(offset)
    )
    await weaviate.publish(PublishVersion(document=ref, chunks=names), call(offset + 1))
    return ref


async def found(weaviate, as_of):
    request = Search(text="lanes", vector=b"\0\0\x80\x3f", limit=10, as_of=as_of)
    return {one.chunk for one in (await weaviate.search(request, call(100))).candidates}


def objects(server):
    return sum(len(one) for tenants in server.data.values() for one in tenants.values())


async def test_an_erased_document_is_found_as_of_no_position_and_others_are(server):
    weaviate = Weaviate(Settings(), client=server)
    ref = await index(weaviate, "d-1", 1, "a", "b")
    await index(weaviate, "d-2", 3, "c")
    await weaviate.withdraw(WithdrawVersions(document=ref), call(5))
    assert await found(weaviate, 4) == {"a", "b", "c"}
    before = objects(server)
    assert await weaviate.remove("acme", ["d-1"]) == 2
    assert before - objects(server) == 4  # two chunks with their vectors
    for as_of in (2, 4, 6, -1):
        assert await found(weaviate, as_of) == ({"c"} if as_of != 2 else set())
    assert await weaviate.remove("acme", ["d-1"]) == 0


async def test_a_withdrawal_that_comes_later_does_no_harm(server):
    weaviate = Weaviate(Settings(), client=server)
    ref = await index(weaviate, "d-1", 1, "a")
    await weaviate.remove("acme", ["d-1"])
    await weaviate.withdraw(WithdrawVersions(document=ref), call(5))
    assert await found(weaviate, -1) == set()


async def test_of_a_tenant_that_the_index_does_not_know_nothing_is_removed(server):
    assert await Weaviate(Settings(), client=server).remove("acme", ["d-1"]) == 0


async def test_an_erased_document_goes_from_every_generation_and_comes_into_none(server):
    weaviate = Weaviate(Settings(), client=server)
    await index(weaviate, "d-1", 1, "a")
    other = Weaviate(Settings(), 2, server)
    await index(other, "d-1", 1, "a")
    assert await weaviate.remove("acme", ["d-1"]) == 2
    await index(weaviate, "d-1", 3, "b")  # what was on its way
    for generation in (1, 2):
        reader = Weaviate(Settings(), generation, server)
        assert [await found(reader, as_of) for as_of in (2, 4, -1)] == [set()] * 3
