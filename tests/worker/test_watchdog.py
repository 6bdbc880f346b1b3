"""The watchdog over a broker in memory: what is behind and not read is told, whoever says that all is well."""

import asyncio
from functools import partial

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.delivery.lane import Lane
from streams.log.offsets import NoAnswer, OffsetReader
from streams.settings import Settings
from tests.memory_broker import MemoryBroker
from worker.watchdog import CUT_OFF_LOOKS, DEAF_LOOKS, LOOKS, SEARCHES, Deaf, Watchdog

ASKED, CUT = "playhead.question.asked", "playhead.chunks.cut"


class Step:
    """A step with lanes of its own."""

    def __init__(self, group, *topics):
        self.group = group
        self.topics = topics
        self.held = []
        self.trouble = ""
        self.known, self.joined = True, 0

    def is_known(self):
        if self.known is None:
            raise NoAnswer("away")
        return self.known

    def join_anew(self):
        self.joined += 1


class Bench:
    def __init__(self):
        self.broker = MemoryBroker(partitions=2)
        for topic in (ASKED, CUT):
            self.broker.create(topic)
        self.redact, self.embed = Step("redact", ASKED, CUT), Step("embed", CUT)
        self.told = []
        offsets = partial(OffsetReader, Settings(), firsts_s=0.01, clients=self.broker.aiokafka)
        self.ids = {ASKED: "asked", CUT: "cut"}
        self.watchdog = Watchdog(
            [self.redact, self.embed], 2, offsets, self.told.append, self._topic_ids, look_s=0
        )
        self.offsets = offsets

    def _topic_ids(self, topics):
        if self.ids is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return {topic: id_ for topic, id_ in self.ids.items() if topic in topics}

    def hold(self, step, topic, partition=0):
        lane = Lane(topic, partition, 0, 8)
        step.held.append(lane)
        return lane

    async def look(self, times=1):
        async with self.offsets() as offsets:
            for _ in range(times):
                await self.watchdog.look(offsets)


@pytest.fixture
def bench():
    made = Bench()
    made.hold(made.embed, CUT, 1)
    return made


def read(lane, offset):
    lane.take([(offset, 1, b"acme", str(offset))])


async def test_a_lane_that_is_behind_and_not_read_is_silent_after_some_looks(bench):
    lane = bench.hold(bench.redact, ASKED)
    bench.broker.put(ASKED, b"x")
    await bench.look(LOOKS - 1)
    assert not lane.silent
    assert bench.told == []
    await bench.look()
    assert lane.silent
    assert bench.told == [["redact reads nothing of playhead.question.asked[0]"]]


async def test_it_is_ready_again_when_it_is_read(bench):
    lane = bench.hold(bench.redact, ASKED)
    bench.broker.put(ASKED, b"x")
    await bench.look(LOOKS)
    read(lane, 0)
    await bench.look()
    assert not lane.silent
    assert bench.told[1:] == [[]]


async def test_a_lane_that_is_slow_but_read_is_not_silent(bench):
    lane = bench.hold(bench.redact, ASKED)
    for offset in range(2 * DEAF_LOOKS):
        bench.broker.put(ASKED, b"x")
        bench.broker.put(ASKED, b"x")
        read(lane, offset)
        await bench.look()
    assert bench.told == []


async def test_a_lane_that_is_paused_has_enough_to_do(bench):
    lane = bench.hold(bench.redact, ASKED)
    lane.paused = True
    bench.broker.put(ASKED, b"x")
    await bench.look(DEAF_LOOKS)
    assert bench.told == []


async def test_the_marker_of_a_transaction_is_nothing_to_read(bench):
    lane = bench.hold(bench.redact, ASKED)
    bench.broker.put(ASKED, b"x")
    bench.broker.skip(ASKED)
    read(lane, 0)
    await bench.look(DEAF_LOOKS)
    assert bench.told == []
    bench.broker.put(ASKED, b"y")
    await bench.look(LOOKS)
    assert lane.silent


async def test_what_is_known_to_be_empty_is_not_asked_for_again(bench, monkeypatch):
    asked = []
    first_ms = OffsetReader.first_ms

    async def counted(self, starts):
        asked.extend(starts)
        return await first_ms(self, starts)

    monkeypatch.setattr(OffsetReader, "first_ms", counted)
    bench.hold(bench.redact, ASKED)
    bench.broker.skip(ASKED)
    await bench.look(5 * LOOKS)
    assert asked == [(ASKED, 0)]
    bench.broker.skip(ASKED)
    await bench.look(5 * LOOKS)
    assert asked == [(ASKED, 0)] * 2


async def test_looks_at_a_lane_that_went_and_came_again_count_anew(bench):
    lane = bench.hold(bench.redact, ASKED)
    bench.broker.put(ASKED, b"x")
    await bench.look(LOOKS - 1)
    bench.redact.held.clear()
    await bench.look()
    bench.redact.held.append(lane)
    await bench.look(LOOKS - 1)
    assert not lane.silent
    await bench.look()
    assert lane.silent


async def test_a_lane_that_was_read_up_to_its_end_is_not_behind(bench):
    lane = bench.hold(bench.redact, ASKED)
    bench.broker.put(ASKED, b"x")
    read(lane, 0)
    await bench.look(2 * DEAF_LOOKS)
    assert (bench.told, lane.silent) == ([], False)


async def test_an_empty_topic_without_a_commit_is_not_behind(bench):
    await bench.look(2 * CUT_OFF_LOOKS)
    assert bench.told == []


async def test_a_step_that_reads_nothing_of_what_it_should_ends_the_worker(bench):
    for partition in (0, 1):
        bench.hold(bench.redact, ASKED, partition)
        bench.broker.put(ASKED, b"x", partition=partition)
    await bench.look(DEAF_LOOKS - 1)
    with pytest.raises(Deaf, match=r"redact has read nothing of .*asked\[0\], .*asked\[1\]"):
        await bench.look()


async def test_a_step_that_still_reads_another_lane_is_not_deaf(bench):
    bench.hold(bench.redact, ASKED)
    other = bench.hold(bench.redact, CUT)
    bench.broker.put(ASKED, b"x")
    for offset in range(2 * DEAF_LOOKS):
        bench.broker.put(CUT, b"x")
        bench.broker.put(CUT, b"x")
        read(other, offset)
        await bench.look()
    assert bench.told == [["redact reads nothing of playhead.question.asked[0]"]]


async def test_a_lane_whose_place_the_log_does_not_hold_is_told_and_ends_nothing(bench):
    lane = bench.hold(bench.redact, ASKED)
    lane.displaced = True
    bench.broker.put(ASKED, b"x")
    await bench.look(DEAF_LOOKS)
    assert bench.told == [["redact can't go on with playhead.question.asked[0]: see its log"]]


async def test_a_lane_whose_topic_was_made_anew_is_read_no_further(bench):
    lane, unnamed = bench.hold(bench.redact, ASKED), bench.hold(bench.redact, ASKED, 1)
    other = bench.embed.held[0]
    for one in (lane, other):
        one.of_log(bench.ids[one.topic], None, str)
    await bench.look()
    bench.ids[ASKED] = "made anew"
    await bench.look()
    assert [one.displaced for one in (lane, unnamed, other)] == [True, False, False]
    assert bench.told == [["redact can't go on with playhead.question.asked[0]: see its log"]]


async def test_a_topic_that_is_gone_is_named_and_displaces_nothing(bench):
    lane = bench.hold(bench.redact, ASKED)
    lane.of_log("asked", None, str)
    del bench.ids[ASKED]
    for partition in (0, 1):
        del bench.broker.rows[ASKED, partition]
    await bench.look()
    assert bench.told == [["redact reads playhead.question.asked, which the broker has no more"]]
    assert not lane.displaced


async def test_a_broker_that_does_not_tell_its_topics_is_no_answer(bench):
    lane = bench.hold(bench.redact, ASKED)
    lane.of_log("asked", None, str)
    bench.ids = None
    with pytest.raises(NoAnswer):
        await bench.look()
    assert (bench.told, lane.displaced) == ([], False)


async def test_a_step_without_lanes_is_cut_off_when_nobody_moves_what_is_behind(bench):
    bench.broker.put(ASKED, b"x")
    await bench.look(CUT_OFF_LOOKS - 1)
    assert bench.told == []
    await bench.look()
    assert bench.told == [["redact has no lane here, and nobody moves what is behind"]]


async def test_a_step_that_waits_for_its_slot_says_so_at_once_and_is_not_cut_off(bench):
    bench.redact.trouble = "another worker runs redact as PLAYHEAD_SLOT=worker"
    bench.broker.put(ASKED, b"x")
    await bench.look(2 * CUT_OFF_LOOKS)
    assert bench.told == [[bench.redact.trouble]]
    bench.redact.trouble = ""
    lane = bench.hold(bench.redact, ASKED)
    read(lane, 0)
    await bench.look()
    assert bench.told[1:] == [[]]


async def test_a_step_that_its_group_does_not_know_joins_anew_after_some_looks(bench):
    bench.redact.known = False
    await bench.look(LOOKS - 1)
    assert bench.redact.joined == 0
    await bench.look()
    assert bench.redact.joined == 1
    await bench.look(LOOKS - 1)
    assert bench.redact.joined == 1
    await bench.look()
    assert (bench.redact.joined, bench.embed.joined) == (2, 0)


@pytest.mark.parametrize("between", ["known", "lanes"])
async def test_only_looks_in_a_row_make_a_step_unknown(bench, between):
    bench.redact.known = False
    await bench.look(LOOKS - 1)
    if between == "known":
        bench.redact.known = True
        await bench.look()
        bench.redact.known = False
    else:
        bench.hold(bench.redact, ASKED)
        await bench.look()
        bench.redact.held.clear()
    await bench.look(LOOKS - 1)
    assert bench.redact.joined == 0


async def test_a_broker_that_does_not_tell_members_makes_nobody_unknown(bench):
    bench.redact.known = False
    await bench.look(LOOKS - 1)
    bench.redact.known = None
    await bench.look(2 * LOOKS)
    assert bench.redact.joined == 0
    bench.redact.known = False
    await bench.look()
    assert bench.redact.joined == 1


async def test_a_step_whose_lanes_have_just_gone_is_looked_for_more_often(bench):
    bench.redact.known = False
    for _ in range(LOOKS):
        await bench.watchdog.search()
    assert bench.redact.joined == 1
    for _ in range(SEARCHES):
        await bench.watchdog.search()
    assert bench.redact.joined == SEARCHES // LOOKS
    lane = bench.hold(bench.redact, ASKED)
    await bench.watchdog.search()
    bench.redact.held.remove(lane)
    for _ in range(LOOKS):
        await bench.watchdog.search()
    assert bench.redact.joined == SEARCHES // LOOKS + 1


async def test_between_looks_it_searches(bench):
    bench.redact.known = False
    bench.watchdog._look_s, bench.watchdog._search_s = 600.0, 0.001
    watching = asyncio.create_task(bench.watchdog.watch())
    async with asyncio.timeout(60):
        while not bench.redact.joined:  # noqa: ASYNC110 - each turn lets it look
            await asyncio.sleep(0.001)
    watching.cancel()


async def test_looks_without_lanes_count_in_a_row(bench):
    bench.broker.put(ASKED, b"x")
    await bench.look(CUT_OFF_LOOKS - 1)
    lane = bench.hold(bench.redact, ASKED)
    read(lane, 0)
    await bench.look()
    bench.redact.held.clear()
    await bench.look(CUT_OFF_LOOKS - 1)
    assert bench.told == []


async def test_a_step_without_lanes_is_well_while_another_worker_moves(bench):
    for offset in range(2 * CUT_OFF_LOOKS):
        bench.broker.put(ASKED, b"x")
        bench.broker.put(ASKED, b"x")
        bench.broker.commit("redact", ASKED, 0, offset + 1)
        await bench.look()
    assert bench.told == []


async def test_many_lanes_are_named_in_short(bench):
    for topic in (ASKED, CUT):
        for partition in (0, 1):
            bench.hold(bench.redact, topic, partition)
            bench.broker.put(topic, b"x", partition=partition)
    read(bench.embed.held[0], 0)
    await bench.look(LOOKS)
    [[reason]] = bench.told
    assert reason.endswith("playhead.question.asked[0] and 1 more")


async def test_a_broker_that_does_not_answer_makes_nobody_silent(bench):
    lane = bench.hold(bench.redact, ASKED)
    bench.broker.put(ASKED, b"x")
    bench.broker.errors.extend([OSError("away")] * 3)
    bench.redact.held.clear()  # so that its group is asked about
    watching = asyncio.create_task(bench.watchdog.watch())
    while bench.broker.errors:  # noqa: ASYNC110 - each turn lets it look
        await asyncio.sleep(0)
    assert not lane.silent
    bench.redact.held.append(lane)
    with pytest.raises(Deaf):
        await asyncio.wait_for(watching, 60)
    assert bench.told[0] == ["redact reads nothing of playhead.question.asked[0]"]
