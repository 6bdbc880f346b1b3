"""Searching, reranking and fetching, against an index in memory whose contents are chosen."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import Transient
from connectors.token_vectors import NO_SCORE
from connectors.weaviate import Weaviate
from connectors.weaviate.objects import chunk_uuid
from connectors.weaviate.search import ROUNDS_MAX
from schemas import (
    DocumentRef,
    EmbeddedChunk,
    Fetch,
    IndexChunks,
    PublishVersion,
    Rerank,
    Search,
    WithdrawVersions,
)
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.weaviate.memory import MemoryWeaviate

AXES = np.eye(4, dtype="<f4")


def call(offset=0, tenant="acme", lane=0):
    return Call(
        tenant=tenant, lane=lane, request="r", session="d", event="e", topic="t", offset=offset
    )


def chunk(name, text="lanes", axis=0):
    return EmbeddedChunk(
        id=name, number=0, text=text, tokens=2, vector=AXES[axis].tobytes(), token_vectors=b""
    )


class Shelf:
    """A tenant's index, filled document by document."""

    def __init__(self):
        self.server = MemoryWeaviate()
        self.weaviate = Weaviate(Settings(), client=self.server)
        self.offset = 0

    async def put(self, document, *chunks, published=True, **fields):
        ref = DocumentRef(document=document, version=1, uri=f"{document}.md", **fields)
        self.offset += 1
        request = IndexChunks(document=ref, title="T", model="m@1", chunks=chunks)
        await self.weaviate.index(request, call(self.offset))
        if published:
            await self.weaviate.publish(PublishVersion(document=ref), call(self.offset))

    async def find(self, text="lanes", axis=None, **fields):
        vector = b"" if axis is None else AXES[axis].tobytes()
        request = Search(**{"text": text, "vector": vector, "limit": 10, **fields})
        return await self.weaviate.search(request, call())

    async def names(self, **fields):
        return [one.chunk for one in (await self.find(**fields)).candidates]


@pytest.fixture
def shelf():
    return Shelf()


async def test_words_alone_a_vector_alone_or_neither(shelf):
    await shelf.put("d", chunk("a", "blue lanes", axis=0), chunk("b", "red house", axis=1))
    assert await shelf.names(text="lane") == ["a"]
    assert await shelf.names(text="", axis=1) == ["b", "a"]
    assert await shelf.names(text="the") == []  # stop words alone: nothing to look for
    assert await shelf.names(text="", axis=None) == []


async def test_no_more_than_the_limit_and_the_best_of_all(shelf):
    await shelf.put("d", *[chunk(f"c{n}", "lanes " * (1 + n)) for n in range(9)])
    everything = await shelf.names(limit=9)
    assert len(everything) == 9
    for limit in (1, 3, 8):
        assert await shelf.names(limit=limit) == everything[:limit]


async def test_a_search_asks_for_more_until_enough_is_visible(shelf):
    await shelf.put("old", chunk("z", "lanes are many"))
    crowd = [chunk(f"p{n:03}", "lanes lanes lanes") for n in range(4 ** (ROUNDS_MAX - 1) - 1)]
    await shelf.put("new", *crowd, published=False)
    assert await shelf.names(limit=1) == ["z"]


async def test_a_search_gives_up_after_some_rounds_and_says_nothing_wrong(shelf):
    await shelf.put("old", chunk("z", "lanes are many"))
    crowd = [chunk(f"p{n:03}", "lanes lanes lanes") for n in range(4**ROUNDS_MAX)]
    await shelf.put("new", *crowd, published=False)
    assert await shelf.names(limit=1) == []


async def test_the_first_position_of_a_lane_is_a_position_too(shelf):
    first = DocumentRef(document="d", version=1, uri="one")
    request = IndexChunks(document=first, title="T", model="m", chunks=(chunk("a"),))
    await shelf.weaviate.index(request, call(0))
    await shelf.weaviate.publish(PublishVersion(document=first), call(0))
    second = PublishVersion(
        document=DocumentRef(document="d", version=2, uri="two"), retired=("a",)
    )
    await shelf.weaviate.publish(second, call(1))
    assert [await shelf.names(as_of=as_of) for as_of in (0, 1, -1)] == [["a"], [], []]


async def test_search_fails_as_transient_while_the_index_is_away(shelf):
    await shelf.put("d", chunk("a"))

    async def away(**_):
        raise ConnectionError("nobody")

    client = await shelf.weaviate._connected()
    client.alias.get = away
    shelf.weaviate._generation = (0.0, 0)
    with pytest.raises(Transient, match="does not answer"):
        await shelf.names()


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from("uvw"),
        st.tuples(
            st.frozensets(st.sampled_from(["hr", "it", "*"])),
            st.dictionaries(st.sampled_from(["year", "team"]), st.sampled_from("12"), max_size=2),
        ),
        min_size=1,
    ),
    st.frozensets(st.sampled_from(["hr", "it", "*", "g:hr"])),
    st.dictionaries(st.sampled_from(["year", "team"]), st.sampled_from("12"), max_size=2),
)
async def test_readers_see_what_their_groups_and_filters_let_them(documents, groups, filters):
    shelf = Shelf()
    for name, (readers, metadata) in documents.items():
        await shelf.put(name, chunk(name), groups=tuple(sorted(readers)), metadata=metadata)
    seen = await shelf.names(groups=tuple(groups), filters=filters)
    assert set(seen) == {
        name
        for name, (readers, metadata) in documents.items()
        if (not readers or readers & groups) and filters.items() <= metadata.items()
    }


async def test_a_fetch_after_its_search_reads_the_chunks_by_where_they_lie_and_nothing_else(shelf):
    await shelf.put("d", chunk("a"), chunk("b"))
    await shelf.find()
    shelf.server.searches.clear()
    answer = await shelf.weaviate.fetch(Fetch(chunks=("b", "a", "b")), call())
    assert [(one.chunk, one.version) for one in answer.passages] == [("b", 1), ("a", 1), ("b", 1)]
    [read] = shelf.server.searches
    assert read.filters.target.property == "_id"
    assert read.limit == 2


async def test_a_fetch_shows_what_its_search_saw_and_another_runs_what_is_there_now(shelf):
    await shelf.put("d", chunk("a"))
    await shelf.find()
    gone = WithdrawVersions(document=DocumentRef(document="d", version=1, uri="d.md"))
    await shelf.weaviate.withdraw(gone, call(9))
    request = Fetch(chunks=("a",))
    assert [one.chunk for one in (await shelf.weaviate.fetch(request, call())).passages] == ["a"]
    other = replace(call(), event="another")
    assert (await shelf.weaviate.fetch(request, other)).passages == ()
    assert (
        await shelf.weaviate.fetch(msgspec.structs.replace(request, as_of=9), call())
    ).passages == ()


async def test_a_chunk_that_is_gone_since_it_was_found_is_left_out(shelf):
    await shelf.put("d", chunk("a"), chunk("b"))
    await shelf.find()
    shelf.server.data["PlayheadChunk_1"]["acme"].pop(chunk_uuid("acme", "a", 1))
    answer = await shelf.weaviate.fetch(Fetch(chunks=("a", "b")), call())
    assert [one.chunk for one in answer.passages] == ["b"]


def documents_read(shelf):
    """How many documents each request of the last search read, the lane's head apart.

    The first and the last one read what tells whether they changed.
    """
    reads = [one for one in shelf.server.searches if one.collection.startswith("PlayheadDoc")]
    return [one.limit - 1 for one in reads[1:-1]]


async def test_only_the_documents_of_the_best_are_read_while_all_of_them_are_visible(shelf):
    for number in range(6):
        await shelf.put(f"d{number}", chunk(f"c{number}", "lanes " * (1 + number)))
    shelf.server.searches.clear()
    assert await shelf.names(limit=4) == ["c5", "c4", "c3", "c2"]
    assert documents_read(shelf) == [4]


async def test_the_others_are_read_too_where_one_of_the_best_is_invisible(shelf):
    for number in range(5):
        await shelf.put(f"d{number}", chunk(f"c{number}", "lanes " * (1 + number)))
    await shelf.put("d5", chunk("c5", "lanes " * 6), published=False)
    shelf.server.searches.clear()
    assert await shelf.names(limit=4) == ["c4", "c3", "c2", "c1"]
    assert documents_read(shelf) == [4, 1]


async def test_fetched_passages_come_in_the_order_asked_each_once_and_none_made_up(shelf):
    await shelf.put("d", chunk("a"), chunk("b"))
    answer = await shelf.weaviate.fetch(Fetch(chunks=("b", "gone", "a", "b")), call())
    assert [one.chunk for one in answer.passages] == ["b", "a", "b"]
    assert (await shelf.weaviate.fetch(Fetch(chunks=()), call())).passages == ()


async def test_of_several_versions_of_a_chunk_the_newest_visible_one_is_fetched(shelf):
    first = DocumentRef(document="d", version=1, uri="one")
    second = DocumentRef(document="d", version=2, uri="two")
    weaviate = shelf.weaviate
    for ref, offset in ((first, 1), (second, 2)):
        request = IndexChunks(document=ref, title="T", model="m", chunks=(chunk("a"),))
        await weaviate.index(request, call(offset))
    await weaviate.publish(PublishVersion(document=first), call(1))
    [passage] = (await weaviate.fetch(Fetch(chunks=("a",)), call())).passages
    assert (passage.uri, passage.version) == ("one", 1)
    await weaviate.publish(PublishVersion(document=second, retired=("a",)), call(2))
    [passage] = (await weaviate.fetch(Fetch(chunks=("a",)), call())).passages
    assert (passage.uri, passage.version) == ("two", 2)


async def test_reranking_nothing_or_what_no_model_embedded_is_an_answer(shelf):
    await shelf.put("d", chunk("a", axis=0), chunk("b", axis=1))
    nothing = await shelf.weaviate.rerank(Rerank(query=b"", model="m@1", chunks=()), call())
    assert (nothing.scores, nothing.similarities) == ((), b"")
    request = Rerank(query=b"", model="other@1", chunks=("a", "b"))
    unknown = await shelf.weaviate.rerank(request, call())
    assert unknown.scores == (NO_SCORE, NO_SCORE)
    request = Rerank(query=b"", model="m@1", chunks=("a", "b", "gone"))
    known = await shelf.weaviate.rerank(request, call())
    similar = np.frombuffer(known.similarities, "<f4").reshape(3, 3)
    assert similar.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


async def test_as_of_a_position_readers_and_filters_are_those_of_then(shelf):
    """Version 1 was read by `hr`, version 2 by `law`; both hold chunk a, and 1 chunk b, too."""
    for version, group, names in ((1, "hr", "ab"), (2, "law", "a")):
        ref = DocumentRef(
            document="d", version=version, uri="d", groups=(group,), metadata={"v": str(version)}
        )
        chunks = tuple(chunk(name) for name in names if version == 1)
        index = IndexChunks(document=ref, title="T", model="m@1", chunks=chunks)
        await shelf.weaviate.index(index, call(version))
        retired = tuple("b" * (version - 1))
        await shelf.weaviate.publish(PublishVersion(document=ref, retired=retired), call(version))

    async def seen(group, as_of, **filters):
        return sorted(await shelf.names(groups=(group,), as_of=as_of, filters=filters))

    assert await seen("law", -1) == ["a"]
    assert await seen("law", 1) == [], "it could not be read by law then"
    assert await seen("hr", 1) == [], "it was taken from hr since"
    shelf.weaviate.then_alone = True
    assert await seen("hr", 1) == ["a", "b"]
    assert await seen("hr", 1, v="1") == ["a", "b"]
    assert await seen("hr", 1, v="2") == []
    assert await seen("law", 1) == []
    assert await seen("law", 2, v="2") == ["a"]
    assert await seen("hr", 2) == []
    found = await shelf.find(groups=("hr",), as_of=1, described=True)
    assert [(one.groups, one.metadata) for one in found.documents] == [(("hr",), {"v": "1"})]
