"""Writing versions: whatever happens, and however often, a reader sees whole versions alone."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import Transient
from connectors.weaviate import Weaviate
from connectors.weaviate.visibility import DocumentHistory
from schemas import (
    DocumentRef,
    EmbeddedChunk,
    Fetch,
    FetchAdjacent,
    IndexChunks,
    PublishVersion,
    Search,
    WithdrawVersions,
)
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.weaviate.memory import MemoryWeaviate

CHUNKS = "abcdef"


def call(offset):
    return Call(
        tenant="acme", lane=0, request="r", session="d", event="e", topic="t", offset=offset
    )


def chunk(name):
    return EmbeddedChunk(
        id=name, number=0, text=f"lanes {name}", tokens=2, vector=b"\0\0\x80\x3f", token_vectors=b""
    )


@dataclass
class Log:
    """A document's past, as the step before the index tells it, and what should be visible since."""

    server: MemoryWeaviate = field(default_factory=MemoryWeaviate)
    shown: dict[int, frozenset[str]] = field(default_factory=dict)
    events: list = field(default_factory=list)
    current: frozenset[str] = frozenset()
    version: int = 0

    def open(self):
        return Weaviate(Settings(), client=self.server)

    def publish(self, names):
        """Append a version of these chunks: only new ones are written, dropped ones are retired."""
        self.version += 1
        self.events.append((self.version, names - self.current, self.current - names))
        self._show(names)

    def withdraw(self):
        self.events.append((self.version, frozenset(), None))
        self._show(frozenset())

    def _show(self, names):
        self.current = names
        self.shown[len(self.events)] = names

    async def play(self, weaviate, number):
        """Index the event of a number, from 1: its offset."""
        version, new, retired = self.events[number - 1]
        ref = DocumentRef(document="d-1", version=version, uri="d-1.md")
        if retired is None:
            return await weaviate.withdraw(WithdrawVersions(document=ref), call(number))
        chunks = tuple(map(chunk, sorted(new)))
        if chunks:
            request = IndexChunks(document=ref, title="", model="m@1", chunks=chunks)
            await weaviate.index(request, call(number))
        order = in_order(version, self.shown[number])
        request = PublishVersion(document=ref, retired=tuple(sorted(retired)), chunks=order)
        return await weaviate.publish(request, call(number))

    async def play_all(self, weaviate):
        for number in range(1, len(self.events) + 1):
            await self.play(weaviate, number)


def in_order(version, names):
    """Return how the chunks of a version stand: otherwise in each."""
    return tuple(sorted(names, key=lambda name: f"{ord(name) * 7919 * version % 101:03}{name}"))


def beside(order, asked):
    """Return what stands beside the chunks that were asked for."""
    places = {at + step for at, one in enumerate(order) if one in asked for step in (-1, 1)}
    return {order[at] for at in places if 0 <= at < len(order)} - set(asked)


async def adjacent(weaviate, asked, as_of=-1):
    answer = await weaviate.fetch_adjacent(FetchAdjacent(chunks=asked, as_of=as_of), call(0))
    found = [passage.chunk for passage in answer.passages]
    assert len(set(found)) == len(found)
    return set(found)


async def visible(weaviate, as_of=-1):
    request = Search(text="lanes", vector=b"", limit=20, as_of=as_of)
    found = await weaviate.search(request, call(0))
    return frozenset(candidate.chunk for candidate in found.candidates)


async def fetched(weaviate, as_of=-1):
    answer = await weaviate.fetch(Fetch(chunks=tuple(CHUNKS), as_of=as_of), call(0))
    return frozenset(passage.chunk for passage in answer.passages)


@st.composite
def logs(draw):
    """Versions and withdrawals in any order; a withdrawal follows a version."""
    log = Log()
    sets = st.frozensets(st.sampled_from(CHUNKS), min_size=1)
    for names in draw(st.lists(st.one_of(st.none(), sets), min_size=1, max_size=6)):
        if names:
            log.publish(names)
        elif log.version:
            log.withdraw()
    return log


@settings(max_examples=60)
@given(logs())
def test_now_and_at_any_position_the_version_of_then_is_seen(log):
    async def run():
        weaviate = log.open()
        await log.play_all(weaviate)
        assert await visible(weaviate) == await fetched(weaviate) == log.current
        for position, names in log.shown.items():
            assert await visible(weaviate, as_of=position) == names
            assert await fetched(weaviate, as_of=position) == names

    asyncio.run(run())


@settings(max_examples=60)
@given(logs(), st.sets(st.sampled_from(CHUNKS), min_size=1, max_size=3))
def test_what_stands_beside_a_chunk_is_of_the_version_that_is_seen(log, asked):
    async def run():
        weaviate = log.open()
        await log.play_all(weaviate)
        for position, shown in log.shown.items():
            version = log.events[position - 1][0]
            order = in_order(version, shown)
            seen = asked & shown
            found = await adjacent(weaviate, tuple(sorted(asked)), position)
            assert found == beside(order, seen) - asked
            if position == len(log.events):
                assert await adjacent(weaviate, tuple(sorted(asked))) == found

    asyncio.run(run())


async def test_nothing_stands_beside_a_chunk_whose_order_nobody_wrote():
    log = Log()
    log.publish(frozenset("abc"))
    weaviate = log.open()
    await log.play_all(weaviate)
    order = in_order(1, log.current)
    assert await adjacent(weaviate, (order[1],)) == {order[0], order[2]}
    ref = DocumentRef(document="d-2", version=1, uri="d-2.md")
    old = IndexChunks(document=ref, title="", model="m@1", chunks=tuple(map(chunk, "xyz")))
    await weaviate.index(old, call(5))
    await weaviate.publish(PublishVersion(document=ref), call(5))
    assert await adjacent(weaviate, ("y",)) == set()
    assert await adjacent(weaviate, ("gone",)) == await adjacent(weaviate, ()) == set()


async def test_vectors_are_written_while_what_was_there_is_read_and_chunks_behind_both():
    server = MemoryWeaviate()
    weaviate = Weaviate(Settings(), client=server)
    await weaviate.documents_of("acme")
    done, wrote, written = [], asyncio.Event(), server.write
    client = await weaviate._connected()
    search = client.search

    def write():
        written()
        done.append("written")
        wrote.set()

    async def read(request):
        async with asyncio.timeout(60):
            await wrote.wait()  # for ever, if the one waited for the other
        done.append("read")
        return await search(request)

    server.write, client.search = write, read
    ref = DocumentRef(document="d-1", version=1, uri="d-1.md")
    request = IndexChunks(document=ref, title="", model="m@1", chunks=(chunk("a"),))
    await weaviate.index(request, call(1))
    assert done == ["written", "read", "written"]


async def test_an_index_of_before_gets_what_it_lacks():
    server = MemoryWeaviate()
    first = Weaviate(Settings(), client=server)
    await first.documents_of("acme")
    await first.close()
    for added in ("chunks", "readers"):
        del server.properties["PlayheadDocument_1"][added]
    log = Log(server)
    log.publish(frozenset("abc"))
    weaviate = log.open()
    await log.play_all(weaviate)
    order = in_order(1, log.current)
    assert await adjacent(weaviate, (order[1],)) == {order[0], order[2]}


@settings(max_examples=40)
@given(logs(), st.data())
def test_events_that_are_run_again_in_order_change_nothing(log, data):
    async def run():
        weaviate = log.open()
        await log.play_all(weaviate)
        if log.events:
            first = data.draw(st.integers(1, len(log.events)))
            for number in range(first, len(log.events) + 1):
                await log.play(weaviate, number)
                assert await visible(weaviate) <= log.current
        assert await visible(weaviate) == log.current
        for position, names in log.shown.items():
            assert await visible(weaviate, as_of=position) == names

    asyncio.run(run())


VERSIONS = [
    (partial(Log.publish, names=frozenset("bcd")), frozenset("bcd")),
    (partial(Log.publish, names=frozenset("ef")), frozenset("ef")),
    (Log.withdraw, frozenset()),
]


@pytest.mark.parametrize(("change", "after"), VERSIONS)
async def test_a_crash_after_any_write_shows_the_old_version_or_the_new_one(change, after):
    before = frozenset("abc")
    seen = set()
    for writes in range(40):
        log = Log()
        log.publish(before)
        change(log)
        weaviate = log.open()
        await log.play(weaviate, 1)
        log.server.writes_left = writes
        try:
            await log.play(weaviate, 2)
            crashed = False
        except Transient:
            crashed = True
        log.server.writes_left = None
        fresh = log.open()
        now = await fetched(fresh)
        assert now in (before, after)
        seen.add(now)
        await log.play(fresh, 2)  # the worker that comes after runs the event again
        assert await visible(fresh) == await fetched(fresh) == after
        if not crashed:
            break
    assert seen == {before, after}
    assert not crashed


async def test_a_withdrawal_of_what_was_never_published_changes_nothing():
    log = Log()
    log.withdraw()
    weaviate = log.open()
    written = await log.play(weaviate, 1)
    assert (written.count, written.position) == (0, 1)
    assert await visible(weaviate) == frozenset()


async def test_a_search_tells_how_far_its_lane_has_come():
    log = Log()
    log.publish(frozenset("ab"))
    log.publish(frozenset("bc"))
    weaviate = log.open()
    await log.play_all(weaviate)
    request = Search(text="lanes", vector=b"", limit=5)
    assert (await weaviate.search(request, call(0))).position == 2
    await log.play(weaviate, 1)  # an old event does not move it back
    assert (await weaviate.search(request, call(0))).position == 2


async def test_two_events_of_a_document_at_once_do_not_lose_each_other():
    log = Log()
    log.publish(frozenset("ab"))
    log.publish(frozenset("abc"))
    weaviate = log.open()
    await asyncio.gather(log.play(weaviate, 1), log.play(weaviate, 2))
    assert await visible(weaviate) == frozenset("abc")
    assert await visible(weaviate, as_of=1) == frozenset("ab")


HISTORY_PARTS = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 9)), unique_by=lambda pair: pair[0], min_size=1
)


@given(HISTORY_PARTS, st.integers(-1, 45))
def test_a_history_says_what_was_the_last_change_up_to_a_position(pairs, as_of):
    pairs = sorted(pairs)
    history = DocumentHistory(
        versions=tuple(version for _, version in pairs),
        positions=tuple(position for position, _ in pairs),
        groups=frozenset(),
        metadata=frozenset(),
    )
    reached = [version for position, version in pairs if as_of < 0 or position <= as_of]
    assert history.current(as_of) == (reached[-1] if reached else 0)
    assert history.latest(45) == max(version for _, version in pairs)
