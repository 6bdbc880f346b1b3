"""Kept searches: the same question of the same readers, until a document changes."""

import tracemalloc
from dataclasses import replace

import pytest

from connectors.bounded_cache import BoundedCache
from connectors.weaviate import Weaviate
from connectors.weaviate.kept_finds import FoundChunk
from connectors.weaviate.kept_searches import (
    REVISIONS_MAX,
    KeptSearch,
    KeptSearches,
    SearchKey,
)
from schemas import (
    Candidate,
    DescribedDocument,
    DocumentRef,
    Fetch,
    Found,
    PublishVersion,
    Search,
    WithdrawVersions,
)
from streams.running.cache_mark import cache_mark
from streams.settings import Settings
from tests.connectors.weaviate.test_search import Shelf, call, chunk

SEARCH = Search(text="lanes", vector=b"", limit=10)


@pytest.fixture
async def shelf():
    shelf = Shelf()
    await shelf.put("d", chunk("a", axis=0), chunk("b", "red lanes", axis=1))
    return shelf


async def marked(shelf, **fields):
    with cache_mark() as mark:
        found = await shelf.find(**fields)
    return found, mark.cached


async def test_a_search_that_is_repeated_reads_one_object_and_finds_the_same(shelf):
    first, cached = await marked(shelf, axis=0)
    assert not cached
    shelf.server.searches.clear()
    assert await marked(shelf, axis=0) == (first, True)
    [read] = shelf.server.searches
    assert (read.limit, read.collection) == (1, "PlayheadDocument_1")


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "red"},
        {"axis": 1},
        {"groups": ("staff",)},
        {"filters": {"k": "v"}},
        {"entities": ("digest",)},
        {"limit": 1},
        {"as_of": 1},
    ],
)
async def test_each_part_of_the_request_decides(shelf, fields):
    await shelf.find(axis=0)
    _, cached = await marked(shelf, **{"axis": 0, **fields})
    assert not cached


async def test_another_tenant_and_another_lane_search_for_themselves(shelf):
    await shelf.find()
    for other in (call(tenant="other"), call(lane=1)):
        with cache_mark() as mark:
            await shelf.weaviate.search(SEARCH, other)
        assert not mark.cached


async def test_a_document_that_comes_or_goes_is_seen_at_once(shelf):
    assert await shelf.names() == ["a", "b"]
    await shelf.put("e", chunk("c", "lanes lanes lanes"))
    assert await shelf.names() == ["c", "a", "b"]
    gone = WithdrawVersions(document=DocumentRef(document="e", version=1, uri="e.md"))
    await shelf.weaviate.withdraw(gone, call(9))
    assert await shelf.names() == ["a", "b"]
    assert (await marked(shelf))[1]


async def test_a_document_that_loses_its_readers_is_seen_no_more(shelf):
    assert await shelf.names() == ["a", "b"]
    closed = DocumentRef(document="d", version=2, uri="d.md", groups=("staff",))
    await shelf.weaviate.publish(PublishVersion(document=closed), call(8))
    assert await shelf.names() == []
    assert await shelf.names(groups=("staff",)) == ["a", "b"]


async def test_a_change_by_another_process_is_seen_too(shelf):
    other = Weaviate(Settings(), client=shelf.server)
    assert await shelf.names() == ["a", "b"]
    gone = WithdrawVersions(document=DocumentRef(document="d", version=1, uri="d.md"))
    await other.withdraw(gone, call(9, lane=3))
    assert await shelf.names() == []


async def test_a_version_that_is_published_again_ends_what_was_kept(shelf):
    """Two lanes that write in turns never come back to a revision of before."""
    published = PublishVersion(document=DocumentRef(document="d", version=1, uri="d.md"))
    await shelf.find()
    await shelf.weaviate.publish(published, call(1))
    assert not (await marked(shelf))[1]


async def test_what_is_kept_can_be_fetched_by_the_run_that_got_it(shelf):
    await shelf.find()
    other = replace(call(), event="another")
    await shelf.weaviate.search(SEARCH, other)
    shelf.server.searches.clear()
    passages = (await shelf.weaviate.fetch(Fetch(chunks=("b", "a")), other)).passages
    assert [one.chunk for one in passages] == ["b", "a"]
    assert [one.collection for one in shelf.server.searches] == ["PlayheadChunk_1"]


@pytest.mark.parametrize(("count", "told", "properties"), [(5, 0, 0), (100, 0, 0), (50, 50, 20)])
def test_a_search_takes_about_as_many_bytes_as_are_counted(count, told, properties):
    cache = BoundedCache("tests", 10**9, 60.0)
    kept = KeptSearches(cache)
    tracemalloc.start()
    try:
        for search in range(10):
            names = [f"{search}-{number}-{'c' * 30}" for number in range(count)]
            found = Found(
                candidates=tuple(
                    Candidate(
                        chunk=name,
                        document=f"d {name}",
                        dense=n + 0.1,
                        lexical=n + 0.2,
                        score=n + 0.3,
                    )
                    for n, name in enumerate(names)
                ),
                index="PlayheadChunk_1",
                documents=tuple(
                    DescribedDocument(
                        document=f"of {name}",
                        uri=f"https://{name}",
                        metadata={f"{one} {name}": name * 5 for one in range(properties)},
                    )
                    for name in names[:told]
                ),
            )
            chunks = {name: FoundChunk(f"object {name}", 1) for name in names}
            key = SearchKey(1, 0, f"{search} of an index", f"{search}".encode() * 33)
            kept.keep(key, "acme", KeptSearch(found, chunks))
        del found, chunks, names
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.7 * taken < cache.bytes < 1.5 * taken


async def test_an_index_of_before_is_searched_each_time(shelf):
    documents = shelf.server.data["PlayheadDocument_1"]["acme"]
    for identity, one in list(documents.items()):
        if one.properties["document"] == "" and not one.properties["versions"]:
            del documents[identity]
    await shelf.find()
    assert not (await marked(shelf))[1]


async def test_a_search_asks_for_chunks_documents_and_for_the_revision():
    shelf = Shelf()
    shelf.weaviate = Weaviate(Settings(cache_mb=0), client=shelf.server)
    await shelf.put("d", chunk("a"))
    await asks(shelf, 4)  # the revision around words and the document's history
    await asks(shelf, 3)  # it is known from the search before
    await asks(shelf, 3)
    await shelf.put("e", chunk("b"))
    await asks(shelf, 4)  # another revision at the end: whether what was found stands
    await asks(shelf, 4)  # so it is read before once more
    await asks(shelf, 3)
    shelf.weaviate.forget_tenant("acme")
    await asks(shelf, 4)


async def test_what_is_kept_is_shown_only_under_a_revision_that_was_read_just_now(shelf):
    await asks(shelf, 5, axis=0)
    await asks(shelf, 1, axis=0)
    await asks(shelf, 4, axis=1)
    writer = Shelf()
    writer.server = shelf.server
    writer.weaviate = Weaviate(Settings(), client=shelf.server)  # another process
    writer.offset = 50
    await writer.put("e", chunk("c", axis=0))
    assert "c" in await shelf.names(axis=0)


def test_revisions_are_remembered_of_the_tenants_that_searched_last():
    kept = KeptSearches(BoundedCache("t", 0, 0))
    for number in range(REVISIONS_MAX + 1):
        kept.learn_revision(f"t-{number}", 1, "r")
    request, last = Search(text="x", vector=b"", limit=1), f"t-{REVISIONS_MAX}"
    known = [kept.known_revision(request, call(tenant=one), 1) for one in ("t-0", "t-1", last)]
    assert known == [None, "r", "r"]
    assert kept.known_revision(request, call(tenant=last), 2) is None


async def asks(shelf, requests, **fields):
    """Search, by so many requests of the index."""
    shelf.server.searches.clear()
    await shelf.find(**fields)
    assert len(shelf.server.searches) == requests, shelf.server.searches
