"""Filling a generation: whatever happens on the way, it holds what the one in force holds."""

import asyncio
import contextlib
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import Permanent, Transient
from connectors.weaviate.build_states import BuildState, BuildStates
from replay.rebuild.filler import FillWatch, Rate, Taken
from replay.rebuild.lane_inputs import LaneInputs
from replay.rebuild.target_effects import index_into
from schemas import ChunksEmbedded
from tests.replay.rebuild.indexed_log import CODEC, INPUTS, IndexedLog


@st.composite
def pasts(draw):
    """Documents of two tenants, published and withdrawn in any order."""
    made = IndexedLog()
    for _ in range(draw(st.integers(1, 8))):
        document, tenant = draw(st.sampled_from([("a", "acme"), ("b", "acme"), ("c", "globex")]))
        if document in made.versions and draw(st.booleans()) and draw(st.booleans()):
            made.withdraw(document, tenant)
        else:
            names = draw(st.sets(st.sampled_from(["1", "2", "3"]), min_size=1))
            made.publish(
                document,
                {document + name for name in names},
                tenant,
                draw(st.sampled_from([(), ("hr",)])),
                draw(st.integers(1, 2)),
            )
    return made


@given(pasts(), st.lists(st.integers(0, 12), max_size=5))
@settings(max_examples=30, deadline=None)
async def test_it_comes_to_hold_the_same_wherever_it_is_cut_off(past, cuts):
    await past.index_all()
    state = BuildState(generation=2)
    for writes in (*cuts, None):
        past.server.writes_left = writes
        with contextlib.suppress(Transient):
            await filled(past, state)
    made = await past.compared()
    assert made.equal, made.differences
    for told in made.tenants.values():
        assert told.digests[0].digest() == told.digests[1].digest()
        assert told.objects[0] > 0


async def filled(past, state):
    """Fill as a process that is killed at the first write that fails: no state is kept but the offsets."""
    inputs = LaneInputs(CODEC, 0, state.lanes.get(0, 0))
    for one in inputs.read(past.log):
        await index_into(past.opened(2), one)
        state.lanes[0] = one.given.offset + 1


async def test_an_index_that_is_away_is_waited_for_and_it_is_said():
    past, said = IndexedLog(), []
    past.publish("a", {"a1"})
    await past.index_all()

    def waiting(why):
        said.append(why)
        past.server.writes_left = None

    past.server.writes_left = 0
    filler = await past.rebuilt(told=FillWatch(waiting=waiting), retry_s=0.001)
    assert "does not answer" in said[0]
    assert said[-1] == ""
    assert filler.state.records == 1
    assert (await past.compared()).equal


class SlowLog:
    """A log whose reading takes until it is let go on; notes how many read it at once."""

    def __init__(self, log):
        self._log, self.goes_on, self.began = log, threading.Event(), threading.Event()
        self.readers, self.most = 0, 0

    def __getattr__(self, name):
        return getattr(self._log, name)

    def records(self, topic, lane):
        self.readers += 1
        self.most = max(self.most, self.readers)
        self.began.set()
        assert self.goes_on.wait(60)
        yield from list(self._log.records(topic, lane))
        self.readers -= 1


async def test_a_log_has_one_reader_though_who_waited_for_it_stopped():
    """Two would take records of each other: one connection reads what was asked for last."""
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    filler = await past.rebuilt()
    past.publish("b", {"b1"})
    await past.index_all()
    log = SlowLog(past.log)
    stopped = asyncio.create_task(filler.fill(log, Rate(0)))
    assert await asyncio.to_thread(log.began.wait, 60)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    again = asyncio.create_task(filler.fill(log, Rate(0)))
    await asyncio.sleep(0.1)
    log.goes_on.set()
    assert await again == 1
    assert log.most == 1
    assert (await past.compared()).equal


async def test_progress_ends_with_all_that_there_is():
    past, told = IndexedLog(), []
    for number in range(3):
        past.publish("a", {f"a{number}"})
    await past.index_all()
    await past.rebuilt(told=FillWatch(progress=lambda *how_far: told.append(how_far)))
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)


async def test_what_the_live_step_did_not_run_is_passed_over():
    past = IndexedLog()
    past.publish("a", {"a1"})
    past.publish("b", {"b1"})
    await past.index_all()
    [first, _] = past.log.topics[INPUTS, 0]
    past.log.put(INPUTS, first.value)  # a duplicate
    past.publish("c", {"c1"})  # a dead letter
    past.log.acknowledged["index"] = 4  # neither has an outcome
    past.publish("d", {"d1"})
    past.indexed = 4
    await past.index_all()
    filler = await past.rebuilt()
    assert filler.state.lanes == {0: 5}
    assert filler.state.records == 3
    assert (await past.compared()).equal
    assert await past.visible(generation=2) == {"a1", "b1", "d1"}


async def test_what_is_not_the_tenants_own_reaches_no_generation():
    past = IndexedLog()
    past.publish("a", {"a1"})
    stored = past.log.topics[INPUTS, 0][0]
    past.log.put(INPUTS, stored.value, key=b"globex")
    past.log.put(INPUTS, b"noise")
    await past.index_next()
    past.leave(1)
    past.leave(2)
    filler = await past.rebuilt()
    assert (filler.state.records, filler.unreadable) == (1, 2)
    assert await past.visible("globex", 2) == set()


async def test_a_pending_input_ends_a_lane_until_it_has_its_outcome():
    past = IndexedLog()
    past.publish("a", {"a1"})
    past.publish("b", {"b1"})
    past.publish("c", {"c1"})
    await past.index_next()
    past.indexed = 2
    await past.index_next()  # c before b
    past.log.acknowledged["index"] = 1
    filler = await past.rebuilt()
    assert filler.state.lanes == {0: 1}
    assert filler.first_pending(past.log) == {0: 1}
    past.indexed = 1
    await past.index_next()
    past.log.acknowledged["index"] = 3
    await filler.fill(past.log, Rate(0))
    assert filler.state.lanes == {0: 3}
    assert filler.first_pending(past.log) == {0: 3}
    assert (await past.compared()).equal


async def test_at_a_swap_pending_inputs_are_written_too_but_no_duplicate_of_one():
    past = IndexedLog()
    past.publish("a", {"a1"})
    past.log.put(INPUTS, past.log.topics[INPUTS, 0][0].value)
    await past.worker.number()
    filler = past.filler()
    assert await filler.fill(past.log, Rate(0), pending=True) == 1
    assert filler.state.lanes == {0: 2}
    await past.index_next()
    assert (await past.compared()).equal


async def test_one_tenant_alone():
    past = IndexedLog()
    past.publish("a", {"a1"})
    past.publish("b", {"b1"}, "globex")
    await past.index_all()
    filler = await past.rebuilt(BuildState(generation=2, tenant="globex"))
    assert filler.state.lanes == {0: 2}
    assert await past.visible("acme", 2) == set()
    assert (await past.compared(only="globex")).equal
    assert not (await past.compared()).equal


async def test_a_log_that_lost_its_beginning_is_no_source():
    past = IndexedLog()
    past.publish("a", {"a1"})
    past.publish("b", {"b1"})
    await past.index_all()
    del past.log.topics[INPUTS, 0][0]
    extents = past.log.extents

    def shortened():
        import dataclasses

        known = extents()
        return {**known, (INPUTS, 0): dataclasses.replace(known[INPUTS, 0], begin=1)}

    past.log.extents = shortened
    with pytest.raises(Permanent, match=r"begins at offset 1 .* an archive alone"):
        await past.rebuilt()


async def test_who_writes_a_generation_is_alone():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    first, second, third = past.filler(), past.filler(), past.filler()
    await first.take()

    async def beat():
        await asyncio.sleep(0.01)
        await first._save()

    async with asyncio.TaskGroup() as group:
        group.create_task(beat())
        with pytest.raises(Taken, match="being written by another process"):
            await second.take(silent_s=0.1)
    third.state = await BuildStates(past.opened(2)).read()
    await third.take(silent_s=0)  # the first one was killed: it goes on where that one was
    with pytest.raises(Taken, match="taken over"):
        await first._save()
    third.state.lanes[0] = 7
    await third._save()
    await first.leave()
    known = await BuildStates(past.opened(2)).read()
    assert (known.owner, known.lanes) == (third.state.owner, {0: 7})
    await third.leave()
    await first.leave()
    known = await BuildStates(past.opened(2)).read()
    assert (known.owner, known.lanes) == ("", {0: 7})


async def test_the_state_says_how_far_it_is_and_is_no_object_of_a_tenant():
    past = IndexedLog()
    past.publish("a", {"a1"})
    await past.index_all()
    await past.rebuilt()
    state = await BuildStates(past.opened(2)).read()
    assert (state.generation, state.lanes, state.records, state.chunks) == (2, {0: 1}, 1, 1)
    assert await past.opened(2).tenants() == ("acme",)
    assert await BuildStates(past.opened(3)).read() is None


async def test_a_rate_is_kept_and_what_was_not_spent_is_not_saved():
    now, slept = [100.0], []

    async def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    rate = Rate(10, lambda: now[0], sleep)
    for _ in range(3):
        await rate.spend(5)
    assert slept == [0.5, 0.5]
    now[0] += 60
    await rate.spend(5)
    await rate.spend(5)
    assert slept == [0.5, 0.5, 0.5]
    unbounded = Rate(0, lambda: now[0], sleep)
    await unbounded.spend(10**9)
    await unbounded.spend(1)
    assert len(slept) == 3


async def test_an_old_log_is_indexed_by_the_rules_of_its_time():
    past = IndexedLog()
    past.publish("a", {"a1", "a2"})
    past.leave(0, code="0.1.0")
    event = CODEC.decode(past.log.topics[INPUTS, 0][0].value, ChunksEmbedded)
    assert event.manifest.chunks == ("a1", "a2")
    await past.rebuilt()
    names = [
        one.properties.get("chunks")
        for one in past.server.data["PlayheadDocument_2"]["acme"].values()
    ]
    assert ["a1", "a2"] not in names
