"""A swap: nothing is missing, nothing is stale, whatever comes in meanwhile; and back."""

import asyncio
from contextlib import suppress

import pytest

from agents.errors import Permanent
from connectors.weaviate import Weaviate
from connectors.weaviate.build_states import BuildState, BuildStates
from connectors.weaviate.generations import HELD_S, HOLD, AliasTimes, Index
from replay.rebuild.filler import Rate
from replay.rebuild.generation_choice import Generations
from replay.rebuild.swapping import NotSwapped, Swap, SwapTimes
from schemas import DocumentRef, IndexChunks, Search
from streams.settings import Settings
from tests.connectors.weaviate.request_turns import RequestTurns
from tests.replay.rebuild.indexed_log import IndexedLog, a_call, chunk
from tests.virtual_time import virtual_time

QUICK = AliasTimes(trusted_s=0.04, asked_again_s=0.02, look_s=0.002, written_s=0.01)
TIMES = SwapTimes(followed_s=0.06)


def an_index(past, generation=None, kind=Index, **times):
    """Make an index for which everything that takes seconds takes hundredths."""
    made = kind(Settings(), generation, past.server)
    made.times = QUICK._replace(**times)
    return made


def opened(past):
    return Generations(an_index(past), past.opened)


def a_swap(past, filler, times=TIMES):
    target = an_index(past, filler.state.generation)
    return Swap(an_index(past), target, filler, past, times)


async def swapped(past, state=None, old=1):
    filler = past.filler(state)
    await filler.take()
    await filler.fill(past.log, Rate(0))
    filler.state.filled = True
    await a_swap(past, filler).run(an_index(past, old), Rate(0))
    await filler.leave()
    return filler


async def the_state(past, number):
    return await BuildStates(past.opened(number)).read()


def in_force(past):
    return past.server.pointers["PlayheadChunk"]


def version_of_a(shown):
    [name] = [name for name in shown if name.startswith("a")]
    return int(name[1:])


async def searched(seen, indexes, index):
    """Wait until searches have been answered by an index, and then some more."""
    while index not in indexes:  # noqa: ASYNC110 - of another task
        await asyncio.sleep(0.001)
    enough = len(seen) + 9
    while len(seen) < enough:  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0.001)


async def test_no_reader_sees_anything_older_than_before_while_documents_come_in():
    past = IndexedLog()
    past.worker.times = QUICK
    past.publish("a", {"a0"})
    past.publish("w", {"w0"})
    await past.index_all()
    reader = an_index(past, kind=Weaviate)  # with its caches
    done, least, seen, indexes, over = [0], [], [], set(), asyncio.Event()

    async def write():
        number = 0
        while not over.is_set():
            number += 1
            past.publish("a", {f"a{number}"})
            if number == 3:
                past.withdraw("w")
            await past.index_all()
            done[0] = number
            await asyncio.sleep(0.001)
        return number

    async def read():
        while not over.is_set():
            request = Search(text="lanes", vector=b"", limit=9)
            least.append(done[0])
            found = await reader.handlers()[Search](request, a_call())
            seen.append({one.chunk for one in found.candidates})
            indexes.add(found.index)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        group.create_task(read())
        await searched(seen, indexes, "PlayheadChunk_1")
        await swapped(past)
        await searched(seen, indexes, "PlayheadChunk_2")
        over.set()
    versions = [version_of_a(shown) for shown in seen]
    assert versions == sorted(versions)
    # what was indexed before a search began is found by it
    assert all(one <= shown for one, shown in zip(least, versions, strict=True))
    assert versions[-1] >= writing.result() - 1
    assert [shown for shown in seen if "w0" in shown] == seen[: sum("w0" in one for one in seen)]
    assert await past.visible() == {f"a{writing.result()}"}


@pytest.mark.parametrize("read", range(7))
async def test_a_search_that_the_alias_moves_under_reads_one_generation(read):
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    past.publish("a", {"a2"})  # written in part by the live step, whole by the rebuild
    half = IndexChunks(
        document=DocumentRef(document="a", version=2, uri=""),
        title="",
        model="m@1",
        chunks=(chunk("a2"),),
    )
    await past.worker.index(half, a_call(offset=1))
    await past.filler().fill(past.log, Rate(0), pending=True)
    reader = an_index(past, kind=Weaviate, trusted_s=0, asked_again_s=0)
    turns = RequestTurns(past.server)
    request = Search(text="lanes", vector=b"\0\0\x80\x3f", limit=9)
    reading = turns.begin("reader", reader.handlers()[Search](request, a_call()))
    await turns.let("reader", read)
    await an_index(past, 2).put_in_force()
    await turns.let("reader")
    assert [one.chunk for one in reading.result().candidates] in (["a1"], ["a2"])


async def test_what_is_being_written_when_the_hold_begins_is_in_the_new_generation():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    past.publish("b", {"b1"})
    past.publish("c", {"c1"})  # neither is indexed yet
    filler = await swapped(past)
    assert in_force(past) == "PlayheadChunk_2"
    assert await past.visible() == {"a1", "b1", "c1"}
    assert (await the_state(past, 1)).lanes == {0: 1}
    await past.index_all()  # the live step, now into the new one
    assert await past.visible() == {"a1", "b1", "c1"}
    assert await past.visible(generation=1) == {"a1"}
    assert filler.state.lanes == {0: 3}


async def test_a_swap_back_brings_what_came_in_between():
    past = IndexedLog()
    past.publish("a", {"a1"})
    past.publish("b", {"b1"})
    await past.index_all()
    past.publish("c", {"c1"})
    await swapped(past)
    await past.index_all()
    past.publish("a", {"a2"})
    past.withdraw("b")
    await past.index_all()
    state = await opened(past).before()
    assert (state.generation, state.replaced) == (1, 2)
    await swapped(past, state, old=2)
    assert in_force(past) == "PlayheadChunk_1"
    assert await past.visible() == {"a2", "c1"}
    assert (await past.compared()).equal
    past.publish("d", {"d1"})
    await past.index_all()
    assert await past.visible() == {"a2", "c1", "d1"}


async def test_writes_wait_for_the_end_of_a_hold_and_searches_do_not():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    live = an_index(past)
    await live.hold()
    past.publish("b", {"b1"})
    writing = asyncio.create_task(past.index_all())
    await asyncio.sleep(0.02)
    assert not writing.done()
    assert await past.visible() == {"a1"}
    await live.release()
    await asyncio.wait_for(writing, 60)
    assert await past.visible() == {"a1", "b1"}
    assert not [name for name in past.server.pointers if name.startswith(HOLD)]


async def test_a_write_that_asked_before_the_hold_begins_before_the_hold_is_told_of():
    past = IndexedLog()
    past.worker.times = QUICK._replace(written_s=0.05)
    past.publish("a", {"a1"})
    with virtual_time():
        await past.index_all()  # it asked: for a while it does not again
        holding = asyncio.create_task(an_index(past, written_s=0.05).hold())
        await asyncio.sleep(0.01)
        assert any(name.startswith(HOLD) for name in past.server.pointers)
        past.publish("b", {"b1"})
        await asyncio.wait_for(past.index_all(), 60)
        assert await past.visible() == {"a1", "b1"}
        assert not holding.done()  # so whoever swaps sees b on the log
        await holding
        past.publish("c", {"c1"})
        writing = asyncio.create_task(past.index_all())
        await asyncio.sleep(0.02)
        assert not writing.done()
        writing.cancel()


async def test_a_hold_that_nobody_takes_away_is_passed_over_and_a_new_one_counts():
    past = IndexedLog()
    past.worker.times = QUICK._replace(held_s=0.05)
    past.publish("a", {"a1"})
    await past.index_all()
    live = an_index(past)
    await live.hold()  # and is killed
    past.publish("b", {"b1"})
    await asyncio.wait_for(past.index_all(), 60)
    assert await past.visible() == {"a1", "b1"}
    another = an_index(past, held_s=0.05)
    await another.hold()
    assert len([name for name in past.server.pointers if name.startswith(HOLD)]) == 1
    past.publish("c", {"c1"})
    writing = asyncio.create_task(past.index_all())
    await asyncio.sleep(0.02)
    assert not writing.done()
    await another.release()
    await writing


async def test_a_write_that_began_before_a_swap_ends_where_it_began():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    await past.rebuilt()
    worker = an_index(past, kind=Weaviate)
    answer = worker.handlers()[IndexChunks]
    ref = DocumentRef(document="z", version=1, uri="z.md")
    insert, begun, go_on = worker.chunks_of, asyncio.Event(), asyncio.Event()

    async def slow(tenant):
        begun.set()
        await go_on.wait()
        return await insert(tenant)

    worker.chunks_of = slow
    request = IndexChunks(document=ref, title="", model="m@1", chunks=(chunk("z1"),))
    writing = asyncio.create_task(answer(request, a_call(offset=9)))
    await begun.wait()
    await an_index(past, 2).put_in_force()
    await asyncio.sleep(0.06)
    go_on.set()
    await writing
    held = {
        number: [
            one.properties["chunk"]
            for one in past.server.data[f"PlayheadChunk_{number}"]["acme"].values()
        ]
        for number in (1, 2)
    }
    assert "z1" in held[1]
    assert "z1" not in held[2]
    assert await worker.number() == 2  # later ones


async def test_a_swap_that_takes_too_long_is_given_up_and_holds_nobody():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    filler = past.filler()
    fill = filler.fill

    async def slow(log, rate, *, pending=False):
        if pending:
            await asyncio.sleep(5)
        return await fill(log, rate, pending=pending)

    filler.fill = slow
    with pytest.raises(NotSwapped, match="nothing was swapped"):
        await a_swap(past, filler, SwapTimes(0.02, 0)).run(an_index(past, 1), Rate(0))
    assert past.server.pointers == {"PlayheadChunk": "PlayheadChunk_1"}


async def test_who_is_stopped_in_the_middle_of_a_swap_holds_nobody():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    filler = past.filler()
    fill, held = filler.fill, asyncio.Event()

    async def stuck(log, rate, *, pending=False):
        if pending:
            held.set()
            await asyncio.sleep(5)
        return await fill(log, rate)

    filler.fill = stuck
    swap = a_swap(past, filler).run(an_index(past, 1), Rate(0))
    swapping_now = asyncio.create_task(swap)
    await held.wait()
    swapping_now.cancel()
    with suppress(asyncio.CancelledError):
        await swapping_now
    assert past.server.pointers == {"PlayheadChunk": "PlayheadChunk_1"}


async def test_what_can_not_be_put_in_force_is_refused_with_what_to_do():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    verbs = opened(past)
    with pytest.raises(Permanent, match="no generation is built"):
        await verbs.to_swap_in(None)
    with pytest.raises(Permanent, match="1 is in force already"):
        await verbs.to_swap_in(1)
    with pytest.raises(Permanent, match="no generation 9: there are 1"):
        await verbs.to_swap_in(9)
    with pytest.raises(Permanent, match="replaced none"):
        await verbs.before()
    for fields, why in (
        ({}, "incomplete: run `playhead replay rebuild --into 2`"),
        ({"filled": True, "tenant": "acme"}, "holds tenant acme alone"),
        ({"filled": True, "embedder": "other"}, "is of embedder other"),
    ):
        await BuildStates(past.opened(2)).write(BuildState(generation=2, **fields))
        with pytest.raises(Permanent, match=why):
            await verbs.to_swap_in(None)
    await BuildStates(past.opened(2)).write(BuildState(generation=2, filled=True))
    assert (await verbs.to_swap_in(None)).generation == 2


async def test_a_generation_is_gone_on_with_as_it_was_begun():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    verbs = opened(past)
    assert (await verbs.to_fill(BuildState(generation=0))).generation == 2
    with pytest.raises(Permanent, match="1 is in force: it can't be rebuilt"):
        await verbs.to_fill(BuildState(generation=1))
    await BuildStates(past.opened(2)).write(BuildState(generation=2, tenant="acme", records=4))
    with pytest.raises(Permanent, match="begun with tenant acme, not none"):
        await verbs.to_fill(BuildState(generation=0))
    assert (await verbs.to_fill(BuildState(generation=0, tenant="acme"))).records == 4
    await past.opened(3).chunks_of("acme")
    with pytest.raises(Permanent, match="3 was not made by a rebuild"):
        await verbs.to_fill(BuildState(generation=3))
    assert (await verbs.to_fill(BuildState(generation=7))).generation == 7


class SilentIndex(Index):
    """An index that takes the alias and never says so."""

    async def put_in_force(self):
        await asyncio.Event().wait()


async def test_an_alias_of_which_nothing_is_heard_ends_a_swap_before_the_hold_ends():
    """It waited for up to a minute; after twenty seconds workers wrote to the old generation again."""
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    filler = past.filler()
    await filler.take()
    await filler.fill(past.log, Rate(0))
    target = an_index(past, 2, SilentIndex)
    swap = Swap(an_index(past), target, filler, past, TIMES._replace(moved_s=0.05))
    with pytest.raises(NotSwapped, match=r"did not say in time whether generation 2 .* `drop 2`"):
        async with asyncio.timeout(60):
            await swap.run(an_index(past, 1), Rate(0))
    assert not [name for name in past.server.pointers if name.startswith(HOLD)]
    assert TIMES.swap_s < SwapTimes().moved_s < HELD_S - SwapTimes().followed_s
