"""What was erased is gone from the index, as of every position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Transient
from connectors.weaviate import Weaviate
from connectors.weaviate.removed_documents import RemovedDocuments
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


async def test_what_was_on_its_way_is_deleted_at_the_second_sweep_and_an_index_that_is_away_is_asked_again(
    server, monkeypatch
):
    weaviate, other = (Weaviate(Settings(), client=server) for _ in range(2))
    await index(weaviate, "d-1", 1, "a")
    weaviate.forget_documents("acme", ["d-0", "d-1"])

    async def away(*_):
        raise Transient("away")

    with monkeypatch.context() as broken:
        broken.setattr(weaviate, "_remove", away)
        with pytest.raises(Transient):
            await weaviate.sweep()
    await weaviate.sweep()
    assert await found(other, 4) == set()
    await index(other, "d-1", 3, "b")  # by a process that was not told yet
    await weaviate.sweep()
    assert await found(other, 4) == set()
    asked = []
    monkeypatch.setattr(weaviate, "remove", asked.append)
    await weaviate.sweep()
    assert asked == []


NAMES = st.sampled_from([f"d-{number}" for number in range(6)])


@given(st.lists(st.tuples(st.sampled_from(["add", "due", "deleted"]), NAMES), max_size=60))
def test_what_is_to_be_deleted_is_never_forgotten_and_the_newest_are_known(done):
    removed, left, order = RemovedDocuments(most=3), {}, []
    for what, name in done:
        if what == "deleted" and ("acme", name) not in removed.due():
            continue
        if what == "deleted":
            removed.deleted(("acme", name))
            left[name] -= 1
            continue
        removed.add("acme", [name], 2 * (what == "due"))
        left[name] = max(left.get(name, 0), 2 * (what == "due"))
        order = [*(one for one in order if one != name), name]
    assert sorted(name for _, name in removed.due()) == sorted(one for one in left if left[one])
    assert all(("acme", name) in removed for name in order[-3:])
    assert all(name in removed for name in removed.due())
    assert ("globex", "d-1") not in removed
    assert len(removed) <= 3 + len(removed.due())
