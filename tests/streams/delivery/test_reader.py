"""The reader and its parts over a group in memory; the real one is under tests/streams/delivery/test_runner.py."""

import asyncio

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from streams.delivery.commits import Commit, claim, due
from streams.delivery.intake import HIGH_WATER, Intake
from streams.delivery.lane import LOW_WATER
from streams.delivery.memory import Memory
from streams.delivery.progress import Progress, progress_of
from streams.delivery.reader import Reader
from streams.settings import Settings
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.fake_listener import FakeListener
from tests.streams.delivery.memory_group import FakeRefusedPlace, MemoryGroup

TOPIC = "playhead.question.asked"


def a_message(offset, partition=0, error=None):
    return Message(
        topic=TOPIC,
        partition=partition,
        offset=offset,
        key=b"acme",
        value=b"ten bytes.",
        error=error,
    )


class Bench(Reader):
    """A reader over a group in memory, whose lanes come and go as the test says; its thread does not run."""

    def __init__(self, memory_mb=1000):
        self.broker = MemoryBroker()
        self.broker.create(TOPIC)
        self.group = MemoryGroup(self.broker)
        self.listener = FakeListener()
        super().__init__(
            "group",
            [TOPIC],
            Settings(),
            Memory(memory_mb),
            self.listener,
            lambda _: self.group.client(),
        )
        for partition in range(4):
            self.group.commit(TOPIC, partition, 7, "note")

    async def assign(self, *partitions):
        await in_thread(self.membership.assign, self.client, places(*partitions))
        return self.listener.lanes

    async def revoke(self, *partitions):
        await in_thread(self.membership.revoke, self.client, places(*partitions))

    async def lose(self, *partitions):
        await in_thread(self.membership.lose, self.client, places(*partitions))

    def refuses(self, times=1):
        self.client.errors.extend([KafkaError(KafkaError.REBALANCE_IN_PROGRESS)] * times)

    @property
    def committed(self):
        """Partition -> offset and note, where anything was committed since the lanes came."""
        told = {
            place[1]: (offset, self.group.notes[place])
            for place, offset in self.group.offsets().items()
        }
        return {partition: one for partition, one in told.items() if one != (7, "note")}

    def paused(self):
        """The lanes of which nothing comes, though there is something."""
        lanes = self.listener.lanes
        ends = [self.broker.put(TOPIC, b"more", partition=lane.partition) for lane in lanes]
        self.client.assign(
            [
                TopicPartition(TOPIC, lane.partition, end)
                for lane, end in zip(lanes, ends, strict=True)
            ]
        )
        came = {message.partition() for message in self.client.consume(len(lanes), 0)}
        return [lane.partition for lane in lanes if lane.partition not in came]


@pytest.fixture
async def reader():
    return Bench()


def places(*partitions):
    return [TopicPartition(TOPIC, partition) for partition in partitions]


async def in_thread(work, *arguments):
    await asyncio.to_thread(work, *arguments)
    await asyncio.sleep(0)


def opened(item):
    """What the runner does with a record; here the record is its session's name."""
    item.session = item.work = item.message
    return True


def finish(lane, offset):
    """Let an input of a lane be done; those before it are not."""
    lane.take([(number, 1, b"acme", str(number)) for number in range(lane.base, offset + 1)])
    items = {}
    while (item := lane.next(opened)) is not None:
        items[item.offset] = item
    lane.left(items[offset])
    items[offset].close()


async def test_lanes_begin_where_they_were_left_and_none_stays_paused_from_before(reader):
    reader.client.pause(places(0))
    await reader.assign(0, 1)
    for offset in range(9):
        reader.broker.put(TOPIC, b"%d" % offset)
    assert [message.offset() for message in reader.client.consume(9, 0)] == [7, 8]
    came = [(lane.partition, lane.base, lane.note) for lane in reader.listener.lanes]
    assert came == [(0, 7, "note"), (1, 7, "note")]


async def test_what_was_finished_is_committed_before_lanes_are_given_up(reader):
    await reader.assign(0, 1)
    finish(reader.listener.lanes[1], 7)
    await reader.revoke(0, 1)
    assert reader.listener.told[1:] == [("revoked", [0, 1])]
    assert reader.committed == {1: (8, "note")}
    assert reader.membership.lanes == {}


async def test_lost_lanes_are_closed_before_anybody_is_told(reader):
    await reader.assign(0)
    await reader.lose(0)
    assert reader.listener.lanes[0].revoked
    assert reader.listener.told[1:] == [("lost", [0])]
    assert reader.committed == {}


async def test_a_commit_tells_what_lies_done_beyond_it(reader):
    [lane] = await reader.assign(0)
    lane.inherit(Progress(7), lambda: {"out": 33})
    finish(lane, 9)
    [commit] = due([lane])
    assert progress_of(7, commit.note) == Progress(7, frozenset([9]), {}, {"out": 33})
    reader.commit_soon([commit])
    reader._commit()
    assert due([lane]) == []


async def test_a_commit_that_was_asked_for_is_made_when_lanes_go_before_it_was(reader):
    [lane] = await reader.assign(0)
    finish(lane, 7)
    reader.commit_soon(due([lane]))
    await reader.revoke(0)
    reader._commit()
    assert reader.committed == {0: (8, "note")}


async def test_a_broker_that_takes_no_notes_gets_commits_without(reader):
    [lane] = await reader.assign(0)
    lane.inherit(Progress(7), lambda: {"out": 33})
    reader.commit_soon(due([lane]))
    reader._commit()
    reader.commits.committed(
        None, [FakeRefusedPlace(TOPIC, 0, KafkaError.OFFSET_METADATA_TOO_LARGE)]
    )
    assert [(commit.offset, commit.note) for commit in due([lane])] == [(7, "")]


@pytest.mark.parametrize("code", [KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID])
async def test_an_error_that_ends_the_client_is_noted_whatever_it_says_of_itself(reader, code):
    reader._on_error(KafkaError(KafkaError._TRANSPORT))
    assert reader._failure is None
    reader._on_error(KafkaError(code))
    assert reader._failure.args[0].code() == code


async def test_a_note_that_does_not_fit_leaves_the_older_one_in_place(reader):
    [lane] = await reader.assign(0)
    lane.inherit(Progress(7), lambda: {"out" * 2_000: 33})
    finish(lane, 7)
    assert due([lane]) == [Commit(lane, 8, "note", 1)]


async def test_of_a_lane_that_is_not_known_yet_nothing_is_committed(reader):
    [lane] = await reader.assign(0)
    lane.learned = False
    finish(lane, 7)
    assert due([lane]) == []


@pytest.mark.parametrize("late", [False, True])
async def test_a_commit_that_failed_is_asked_for_again(reader, late):
    [lane] = await reader.assign(0)
    finish(lane, 7)
    if not late:
        reader.refuses()
    reader.commit_soon(due([lane]))
    reader._commit()
    assert due([lane]) == ([] if late else [Commit(lane, 8, "note", 1)])
    if late:
        refused = KafkaError(KafkaError.REBALANCE_IN_PROGRESS)
        reader.commits.committed(refused, places(0))
        assert due([lane]) == [Commit(lane, 8, "note", 1)]
    assert reader.committed == ({0: (8, "note")} if late else {})


async def test_what_is_asked_for_twice_is_committed_once_and_as_it_is_last(reader):
    await reader.assign(0, 1)
    one, other = reader.listener.lanes
    reader.commit_soon([Commit(one, 8, "a"), Commit(other, 8, "b")])
    reader.commit_soon([Commit(one, 9, "c")])
    reader._commit()
    assert reader.committed == {0: (9, "c"), 1: (8, "b")}


async def proven(reader):
    """What the group answers; here the reader's thread is not running."""
    proof = asyncio.create_task(reader.prove())
    await asyncio.sleep(0)
    reader._prove()
    return await proof


async def test_the_lanes_are_ours_where_the_group_takes_a_commit_that_changes_nothing(reader):
    await reader.assign(0, 1)
    finish(reader.listener.lanes[0], 7)
    assert await proven(reader)
    assert reader.committed == {0: (8, "note")}
    reader.refuses()
    assert not await proven(reader)


async def test_who_has_no_lane_has_nothing_to_prove(reader):
    reader.refuses()
    assert await proven(reader)
    assert reader.committed == {}


async def claimed(reader, lanes):
    """What the group answers to who takes lanes over; here the reader's thread is not running."""
    claiming = asyncio.create_task(reader.claim(claim(lanes)))
    await asyncio.sleep(0)
    reader._claim()
    return await claiming


async def test_lanes_are_made_ours_by_a_commit_of_what_was_committed_before(reader):
    lanes = await reader.assign(0, 1)
    assert await claimed(reader, lanes)
    assert {place: offset for place, (offset, _) in reader.committed.items()} == {0: 7, 1: 7}
    reader.refuses()
    assert not await claimed(reader, lanes)


async def test_a_lane_that_has_gone_is_not_made_ours(reader):
    lanes = await reader.assign(0, 1)
    await reader.lose(0)
    assert not await claimed(reader, lanes)
    assert reader.committed == {}


async def test_nothing_is_committed_of_a_lane_that_has_gone(reader):
    [lane] = await reader.assign(0)
    reader.commit_soon([Commit(lane, 8, "a")])
    await reader.lose(0)
    reader._commit()
    assert reader.committed == {}


async def test_how_far_a_lane_reaches_is_noted_though_nothing_is_to_be_committed(reader):
    await reader.assign(0, 1)
    for partition, end in enumerate((100, 101)):
        reader.broker.skip(TOPIC, partition, end)
    reader.commit_soon([])
    reader._commit()
    assert [lane.end for lane in reader.listener.lanes] == [100, 101]


async def test_records_of_one_poll_are_put_together_by_lane(reader):
    await reader.assign(0, 1)
    messages = [a_message(7), a_message(7, 1), a_message(8), a_message(3, 2)]
    batches = [
        (lane.partition, [record[:3] for record in records])
        for lane, records in reader.intake.batches(messages)
    ]
    assert batches == [
        (0, [(7, 14, b"acme"), (8, 14, b"acme")]),
        (1, [(7, 14, b"acme")]),
    ]


async def test_an_error_among_records_is_noted_and_the_records_are_not_lost(reader):
    await reader.assign(0)
    fatal = a_message(0, error=KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    assert len(reader.intake.batches([fatal, a_message(7)])) == 1
    assert reader._failure.args[0].code() == KafkaError._FATAL


def an_intake(reader, memory):
    return Intake(lambda: reader.membership.lanes, memory, print, pause_s=0.001)


async def test_a_lane_that_falls_behind_pauses_alone_and_goes_on_when_it_has_caught_up(reader):
    await reader.assign(0, 1)
    intake, client = an_intake(reader, Memory(1000)), reader.client
    slow = reader.membership.lanes[TOPIC, 0]
    slow.take([(7 + number, 1, b"acme", str(number)) for number in range(HIGH_WATER + 1)])
    intake.keep_pace(client)
    assert reader.paused() == [0]
    intake.keep_pace(client)
    assert reader.paused() == [0]
    slow.learned = True
    while slow.waiting > LOW_WATER:
        item = slow.next(opened)
        slow.left(item)
        item.close()
    intake.keep_pace(client)
    assert reader.paused() == []


async def test_above_its_memory_who_holds_more_than_a_share_fetches_nothing(reader):
    await reader.assign(0, 1, 2)
    memory = Memory(900)
    intake, client = an_intake(reader, memory), reader.client
    flood, chat, _ = reader.membership.lanes.values()
    flood.bytes, chat.bytes, memory.used, memory.holders = 850, 51, 901, 2
    intake.keep_pace(client)
    assert reader.paused() == [0]
    flood.bytes, memory.used = 500, 551
    intake.keep_pace(client)
    assert reader.paused() == [0]
    flood.bytes, memory.used = 225, 600  # others have filled it meanwhile
    intake.keep_pace(client)
    assert reader.paused() == []


async def test_who_waits_for_memory_goes_on_when_half_of_it_is_free(reader):
    await reader.assign(0)
    memory = Memory(1000)
    intake, client = an_intake(reader, memory), reader.client
    [lane] = reader.membership.lanes.values()
    lane.bytes, memory.used, memory.holders = 1001, 1001, 1
    intake.keep_pace(client)
    assert reader.paused() == [0]
    lane.bytes = memory.used = 500
    intake.keep_pace(client)
    assert reader.paused() == []
