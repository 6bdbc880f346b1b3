"""The index: on a fake in memory, and on a real Weaviate, which must be alike in all of this."""

import asyncio
import uuid
from functools import partial

import numpy as np
import pytest

from agents.errors import Permanent, Transient
from connectors.weaviate import Weaviate
from connectors.weaviate.tenant_objects import FIRST
from schemas import (
    DocumentRef,
    EmbeddedChunk,
    Fetch,
    IndexChunks,
    MapEntry,
    PublishVersion,
    Rerank,
    Sealed,
    Search,
    WithdrawVersions,
)
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.weaviate.memory import MemoryWeaviate

MODEL = "tiny@1"


def vector(name):
    """Make a unit vector that depends on a name alone."""
    values = np.random.default_rng(list(name.encode())).normal(size=384)
    return (values / np.linalg.norm(values)).astype("<f4")


def query_tokens(*names):
    """Pack token vectors of a query as the embedder does."""
    rows = np.stack([vector(name) for name in names])
    scales = (np.abs(rows).max(axis=1, keepdims=True) / 127).astype("<f2")
    numbers = np.clip(np.rint(rows / scales), -127, 127).astype(np.int8)
    return b"\x02" + len(rows).to_bytes(2, "little") + scales.tobytes() + numbers.tobytes()


def passage_tokens(name):
    """Pack one token vector of a passage: no mean, and its signs."""
    row = vector(name)
    length = np.asarray([np.square(row).sum() / np.abs(row).sum()], "<f2")
    head = b"\x01" + (1).to_bytes(2, "little") + np.zeros(384, "<f2").tobytes()
    return head + length.tobytes() + np.packbits(row >= 0).tobytes()


def chunk(name, text, **fields):
    values = {
        "id": name,
        "number": 0,
        "text": text,
        "tokens": 5,
        "vector": vector(name).tobytes(),
        "token_vectors": passage_tokens(name),
    }
    return EmbeddedChunk(**{**values, **fields})


def ref(version, document="d-1", **fields):
    return DocumentRef(document=document, version=version, uri=f"{document}.md", **fields)


def call(offset, tenant, lane=0):
    return Call(
        tenant=tenant,
        lane=lane,
        request="r-1",
        session="d-1",
        event="e-1",
        topic="playhead.chunks.embedded",
        offset=offset,
    )


class Index:
    """A tenant of its own on the running Weaviate."""

    def __init__(self, weaviate, tenant):
        self.weaviate, self.tenant = weaviate, tenant

    async def write(self, document, offset, *chunks, model=MODEL):
        request = IndexChunks(document=document, title="Guide", model=model, chunks=chunks)
        return await self.weaviate.index(request, call(offset, self.tenant))

    async def publish(self, document, offset, *retired):
        request = PublishVersion(document=document, retired=retired)
        return await self.weaviate.publish(request, call(offset, self.tenant))

    async def withdraw(self, document, offset):
        request = WithdrawVersions(document=document)
        return await self.weaviate.withdraw(request, call(offset, self.tenant))

    async def find(self, text="lanes", near="a", **fields):
        values = {"text": text, "vector": vector(near).tobytes(), "limit": 10}
        return await self.weaviate.search(Search(**{**values, **fields}), call(0, self.tenant))

    async def names(self, *, tenant=None, **fields):
        found = await Index(self.weaviate, tenant or self.tenant).find(**fields)
        return {candidate.chunk for candidate in found.candidates}

    async def fetch(self, *chunks, as_of=-1):
        request = Fetch(chunks=chunks, as_of=as_of)
        return (await self.weaviate.fetch(request, call(0, self.tenant))).passages


@pytest.fixture(params=["in memory", pytest.param("running", marks=pytest.mark.stack)])
def opened(request):
    """What opens a connector: to the fake in memory, then to the real one."""
    if request.param == "running":
        return partial(Weaviate, request.getfixturevalue("running").settings)
    return partial(Weaviate, Settings(), client=MemoryWeaviate())


@pytest.fixture
async def index(opened):
    weaviate = opened()
    yield Index(weaviate, f"t-{uuid.uuid4().hex}")
    await weaviate.close()


async def two_versions(index):
    """Publish a and b at 6; then b and c at 10."""
    await index.write(ref(1), 5, chunk("a", "Blue lanes."), chunk("b", "A red house."))
    await index.publish(ref(1), 6)
    await index.write(ref(2), 9, chunk("c", "Green lanes."))
    await index.publish(ref(2), 10, "a")


async def test_an_index_that_is_away_is_worth_another_try():
    away = Weaviate(Settings(weaviate_http="http://127.0.0.1:9", weaviate_grpc="127.0.0.1:10"))
    with pytest.raises(Transient, match="does not answer"):
        await away.fetch(Fetch(chunks=("a",)), call(0, "acme"))


async def test_a_key_file_that_is_missing_is_named(tmp_path):
    missing = Weaviate(Settings(weaviate_key_file=str(tmp_path / "key")))
    with pytest.raises(Transient, match="weaviate_key_file"):
        await missing.fetch(Fetch(chunks=("a",)), call(0, "acme"))


async def test_a_tenant_without_documents_finds_nothing(index):
    found = await index.find()
    assert (found.candidates, found.position) == ((), 0)
    assert await index.fetch("a") == ()


async def test_chunks_are_invisible_until_their_version_is_published(index):
    await index.write(ref(1), 5, chunk("a", "Blue lanes."))
    assert await index.names() == set()
    assert await index.fetch("a") == ()
    await index.publish(ref(1), 6)
    assert await index.names() == {"a"}


async def test_a_new_version_shows_its_chunks_and_hides_what_it_dropped(index):
    await two_versions(index)
    assert await index.names() == {"b", "c"}
    assert [(p.chunk, p.version) for p in await index.fetch("c", "a", "b")] == [("c", 2), ("b", 2)]


async def test_any_position_in_the_past_shows_what_was_visible_then(index):
    await two_versions(index)
    await index.withdraw(ref(2), 15)
    assert await index.names() == set()
    seen = {as_of: await index.names(as_of=as_of) for as_of in (5, 6, 9, 10, 14, 15)}
    old, new = {"a", "b"}, {"b", "c"}
    assert seen == {5: set(), 6: old, 9: old, 10: new, 14: new, 15: set()}
    assert [(p.chunk, p.version) for p in await index.fetch("a", as_of=7)] == [("a", 1)]


async def test_everything_again_in_order_leaves_the_same(index):
    await two_versions(index)
    first = await index.find()
    await index.write(ref(1), 5, chunk("a", "Blue lanes."), chunk("b", "A red house."))
    assert await index.names() == {"b", "c"}
    await index.publish(ref(1), 6)
    assert await index.names() == {"b", "c"}
    await index.write(ref(2), 9, chunk("c", "Green lanes."))
    again = await index.publish(ref(2), 10, "a")
    assert (again.count, again.position) == (1, 10)
    assert await index.find() == first
    assert await index.names(as_of=6) == {"a", "b"}


async def test_a_document_submitted_again_after_its_withdrawal_has_its_new_chunks_alone(index):
    await two_versions(index)
    gone = await index.withdraw(ref(2), 15)
    assert gone.count == 2
    assert (await index.withdraw(ref(2), 15)).count == 2
    await index.write(ref(3), 20, chunk("b", "A red house."))
    await index.publish(ref(3), 20)
    assert await index.names() == {"b"}
    assert [(p.chunk, p.version) for p in await index.fetch("b", "c")] == [("b", 3)]


async def test_objects_are_listed_in_the_order_of_their_ids_with_vectors_where_asked(index):
    await two_versions(index)
    number = (await index.weaviate.generations())[0]
    assert index.tenant in await index.weaviate.tenants()
    chunks = (await index.weaviate.collections_of(index.tenant))["chunks"]
    listed = await chunks.following(FIRST, ("chunk",), 2, vector=True)
    listed += await chunks.following(listed[-1].uuid, ("chunk",), 2, vector=True)
    ids = [one.uuid for one in listed]
    assert ids == sorted(ids)
    assert {one.properties["chunk"] for one in listed} == {"a", "b", "c"}
    assert all(one.vector == vector(one.properties["chunk"]).tobytes() for one in listed)
    [again] = await chunks.by_ids(ids[:1], ("chunk",), vector=True)
    assert again == listed[0]
    assert await chunks.following(ids[-1], ("chunk",), 2) == []
    assert number > 0


async def test_a_request_may_name_the_generation_that_is_asked(index):
    await two_versions(index)
    number = (await index.weaviate.generations())[0]
    search = index.weaviate.handlers()[Search]
    request = Search(text="lanes", vector=vector("a").tobytes(), limit=10, generation=number)
    found = await search(request, call(0, index.tenant))
    assert {one.chunk for one in found.candidates} == {"b", "c"}
    absent = Search(text="lanes", vector=b"", limit=10, generation=999_999)
    with pytest.raises((Permanent, Transient, KeyError)):
        await search(absent, call(0, index.tenant))


async def test_held_writes_go_on_when_they_are_released(index):
    weaviate = index.weaviate
    number = await weaviate.writable()
    began = await weaviate.hold()
    waiting = asyncio.create_task(weaviate.writable())
    await asyncio.sleep(0)
    assert not waiting.done()
    await weaviate.release()
    assert await asyncio.wait_for(waiting, 60) == number
    assert began <= asyncio.get_running_loop().time()
    await weaviate.release()  # a second time is nothing


async def test_one_tenant_sees_nothing_of_another(index):
    await two_versions(index)
    other = Index(index.weaviate, f"t-{uuid.uuid4().hex}")
    await other.write(ref(1, "d-9"), 1, chunk("z", "Other lanes."))
    await other.publish(ref(1, "d-9"), 1)
    assert await other.names() == {"z"}
    assert await other.fetch("b", "c") == ()
    request = Rerank(query=query_tokens("c"), model=MODEL, chunks=("c",))
    assert (await other.weaviate.rerank(request, call(0, other.tenant))).scores == (-1.0,)


async def test_tenants_may_have_names_that_weaviate_forbids(index):
    odd = Index(index.weaviate, f"Größe & Söhne/{uuid.uuid4()}")
    await odd.write(ref(1), 1, chunk("a", "Blue lanes."))
    await odd.publish(ref(1), 1)
    assert await odd.names() == {"a"}


async def test_readers_see_documents_of_their_groups_and_of_everyone(index):
    await index.write(ref(1, "open"), 1, chunk("o", "Open lanes."))
    await index.publish(ref(1, "open"), 1)
    secret = ref(1, "secret", groups=("hr", "legal"))
    await index.write(secret, 2, chunk("s", "Secret lanes."))
    await index.publish(secret, 2)
    assert await index.names() == {"o"}
    assert await index.names(groups=("sales",)) == {"o"}
    assert await index.names(groups=("sales", "legal")) == {"o", "s"}


async def test_a_version_with_other_groups_moves_its_kept_chunks_too(index):
    await index.write(ref(1), 1, chunk("a", "Blue lanes."))
    await index.publish(ref(1), 1)
    await index.publish(ref(2, groups=("hr",)), 2)
    assert await index.names() == set()
    assert await index.names(groups=("hr",)) == {"a"}
    await index.publish(ref(3), 3)
    assert await index.names() == {"a"}


async def test_a_version_for_everyone_shows_kept_chunks_and_an_old_event_again_does_not_hide_them(
    index,
):
    secret = ref(1, groups=("hr",))
    await index.write(secret, 1, chunk("a", "Blue lanes."))
    await index.publish(secret, 1)
    assert await index.names() == set()
    await index.publish(ref(2), 2)
    assert await index.names() == {"a"}
    await index.publish(secret, 1)
    assert await index.names() == {"a"}


async def test_filters_must_all_match(index):
    document = ref(1, metadata={"year": "2024", "team": "a=b"})
    await index.write(document, 1, chunk("a", "Blue lanes."))
    await index.publish(document, 1)
    assert await index.names(filters={"year": "2024", "team": "a=b"}) == {"a"}
    assert await index.names(filters={"year": "2024", "team": "a"}) == set()


async def test_words_and_vectors_each_name_candidates_with_their_scores(index):
    document = ref(1)
    await index.write(document, 1, chunk("a", "The quota."), chunk("b", "A lane."))
    await index.publish(document, 1)
    found = await index.find(text="lanes", near="a", limit=2)
    scores = {c.chunk: (c.lexical > 0, round(c.dense, 2)) for c in found.candidates}
    assert scores == {"a": (False, 1.0), "b": (True, round(float(vector("a") @ vector("b")), 2))}
    assert found.index.endswith("_1")
    assert found.position == 1


async def test_a_person_is_found_by_the_digest_of_the_value_and_not_by_the_placeholder(index):
    sealed = Sealed(key="value/x", event="e", field="text", ciphertext=b"\x00\xff", claim="")
    entry = MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest="ab" * 32, value=sealed)
    await index.write(
        ref(1),
        1,
        chunk("a", "<PERSON_1> signed.", entries=(entry,)),
        chunk("b", "<PERSON_1> left.", entries=()),
    )
    await index.publish(ref(1), 1)
    found = await index.find(text="<PERSON_1>?", near="b", entities=("ab" * 32,))
    assert {c.chunk for c in found.candidates if c.lexical} == {"a"}
    [passage] = await index.fetch("a")
    assert passage.entries == (entry,)
    assert (passage.title, passage.uri, passage.tokens) == ("Guide", "d-1.md", 5)


async def test_chunks_are_reranked_by_their_best_matches(index):
    await index.write(ref(1), 1, chunk("a", "One."), chunk("b", "Two."))
    await index.write(ref(1), 2, chunk("c", "Three."), model="other@1")
    await index.write(ref(1), 3, chunk("d", "Four.", token_vectors=b""))
    request = Rerank(query=query_tokens("a"), model=MODEL, chunks=("b", "a", "c", "d", "gone"))
    answer = await index.weaviate.rerank(request, call(0, index.tenant))
    b, a, *rest = answer.scores
    assert (a > 0.7, b < 0.3) == (True, True)
    assert rest == [-1.0, -1.0, -1.0]
    similar = np.frombuffer(answer.similarities, "<f4").reshape(5, 5)
    assert similar.diagonal() == pytest.approx([1, 1, 0, 1, 0], abs=1e-3)
    assert similar[0, 1] == pytest.approx(float(vector("a") @ vector("b")), abs=1e-3)


async def test_many_unpublished_chunks_do_not_crowd_out_the_visible_ones(index):
    await index.write(ref(1, "old"), 1, chunk("a", "Lanes and more."))
    await index.publish(ref(1, "old"), 1)
    same = vector("near").tobytes()
    pending = [chunk(f"p{n}", "Lanes, lanes, lanes.", vector=same) for n in range(40)]
    await index.write(ref(1, "new"), 2, *pending)
    assert await index.names(near="near", limit=1) == {"a"}


async def test_new_chunks_are_found_by_their_words_at_once_however_many_there_are(index):
    common = [chunk(f"c{n:02}", f"The lane quota of region {n}.") for n in range(60)]
    rare = [chunk(f"r{n}", f"The lane quota of region {n}, a heron{n}.") for n in range(3)]
    await index.write(ref(1), 1, *common, *rare)
    await index.publish(ref(1), 1)
    for n in range(3):
        found = await index.find(text=f"lane quota of heron{n}", near="elsewhere", limit=10)
        best = max(found.candidates, key=lambda candidate: candidate.lexical)
        assert best.chunk == f"r{n}"


async def test_a_vector_of_another_length_is_refused_for_good(index):
    await index.write(ref(1), 1, chunk("a", "One."))
    short = chunk("b", "Two.", vector=b"\0\0\x80\x3f")
    with pytest.raises(Permanent, match="refused 1 of 1 objects"):
        await index.write(ref(1), 2, short)


async def test_another_generation_is_filled_beside_the_one_in_force_and_put_in_its_place(opened):
    tenant = f"t-{uuid.uuid4().hex}"
    live = opened()
    before, *others = await live.generations()
    aside = opened(generation=max([before, *others]) + 1)
    back = opened(generation=before)
    try:
        await Index(aside, tenant).write(ref(1), 1, chunk("a", "Blue lanes."))
        await Index(aside, tenant).publish(ref(1), 1)
        assert await Index(live, tenant).names() == set()
        await aside.put_in_force()
        fresh = opened()
        assert await Index(fresh, tenant).names() == {"a"}
        await fresh.close()
    finally:
        await back.put_in_force()
        after = await back.generations()
        assert after[0] == before
        await back.drop(max(after))
        for one in (live, aside, back):
            await one.close()
