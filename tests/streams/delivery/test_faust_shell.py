"""Faust's shell between the reader's thread and the agents; a whole worker runs in test_runner.py."""

import asyncio
from types import SimpleNamespace

import pytest
from faust.transport.consumer import Fetcher
from faust.types import TP, ConsumerMessage

from streams.delivery.commits import Commit
from streams.delivery.faust_shell import NOTES_EVERY, Consumer, new_app, raw_topic
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.progress import Progress
from streams.settings import Settings

ASKED, CUT = "playhead.question.asked", "playhead.chunks.cut"


@pytest.fixture
async def app(tmp_path):
    made = new_app("playhead-test", Settings(run=tmp_path), Memory(1_000))
    made.came, made.went = [], []
    made.lanes_assigned = made.came.extend

    async def revoked(lanes, *, in_good_order):
        made.went.append((len(lanes), in_good_order))

    made.lanes_revoked = revoked
    return made


@pytest.fixture
async def consumer(app):
    events = []

    async def callback(message):
        events.append(message)

    made = Consumer(
        app.transport,
        callback=callback,
        on_partitions_revoked=callback,
        on_partitions_assigned=callback,
    )
    made.events = events
    return made


async def test_a_start_is_told_as_no_fault(app, consumer, caplog):
    app.on_init_dependencies()  # in which Faust's own sensor is let go of
    app.on_rebalance_start()
    app.on_rebalance_return()
    app.on_rebalance_end()
    assert [line.message for line in caplog.records if line.levelname == "WARNING"] == []


def a_lane(topic=ASKED, partition=0, **arguments):
    return Lane(topic, partition, 5, 8, **arguments)


def batch(lane, *sizes):
    return lane, [(5 + number, size, b"acme", None) for number, size in enumerate(sizes)]


async def drained(consumer, count):
    """Let Faust's fetcher hand over what has arrived, until there are so many events."""
    task = asyncio.create_task(consumer._drain_messages(Fetcher(consumer.app)))
    while len(consumer.events) < count:  # noqa: ASYNC110 - each turn lets the fetcher go on
        await asyncio.sleep(0)
    task.cancel()


async def test_all_that_has_arrived_of_a_topic_is_one_event(consumer):
    one, other, cut = a_lane(), a_lane(partition=1), a_lane(CUT)
    consumer.arrived([batch(one, 1), batch(cut, 1)])
    consumer.arrived([batch(other, 1), batch(one, 1)])
    await drained(consumer, 2)
    assert [
        (event.topic, [lane.partition for lane, _ in event.value]) for event in consumer.events
    ] == [(ASKED, [0, 1, 0]), (CUT, [0])]


async def test_what_has_arrived_counts_until_it_is_freed_or_its_lane_has_gone(app, consumer):
    lane = a_lane()
    consumer.assigned([lane])
    consumer.arrived([batch(lane, 10, 20)])
    assert (app.memory.used, app.memory.holders) == (30, 1)
    lane.bytes -= 10
    lane.on_freed(10)
    assert (app.memory.used, app.memory.holders) == (20, 1)
    await consumer.lost([lane])
    assert (app.memory.used, app.memory.holders) == (0, 0)
    lane.on_freed(20)  # what still ends there
    assert (app.memory.used, app.memory.holders) == (0, 0)


async def test_a_lane_that_has_worked_off_everything_holds_no_share(app, consumer):
    lane, other = a_lane(), a_lane(partition=1)
    consumer.assigned([lane, other])
    consumer.arrived([batch(lane, 10), batch(other, 5)])
    consumer.arrived([batch(lane, 10)])
    assert app.memory.holders == 2
    lane.bytes = 0
    lane.on_freed(20)
    assert (app.memory.used, app.memory.holders) == (5, 1)


async def test_records_without_bytes_take_no_share(app, consumer):
    lane = a_lane()
    consumer.assigned([lane])
    consumer.arrived([batch(lane, 0)])
    lane.on_freed(0)
    assert (app.memory.used, app.memory.holders) == (0, 0)


async def test_nothing_is_taken_of_a_lane_that_has_gone_nor_once_it_drains(app, consumer):
    gone, ours = a_lane(), a_lane(partition=1)
    gone.revoked = True
    consumer.arrived([batch(gone, 10)])
    consumer.stop_taking()
    consumer.arrived([batch(ours, 10)])
    assert app.memory.used == 0


async def test_lanes_are_told_to_the_runner_and_to_faust(app, consumer):
    assert not consumer.joined
    lane = a_lane()
    consumer.assigned([lane])
    assert consumer.joined
    assert app.came == [lane]
    assert {(tp.topic, tp.partition) for tp in consumer.assignment()} == {(ASKED, 0)}


async def test_lanes_given_up_in_good_order_leave_a_commit(app, consumer):
    lane = a_lane(note="before")
    consumer.assigned([lane])
    lane.learned = True
    lane.inherit(Progress(5), dict)
    lane.changes = 1
    assert await consumer.revoked([lane]) == [Commit(lane, 5, "before", 1)]
    assert app.went == [(1, True)]
    assert consumer.assignment() == set()


async def test_what_is_due_is_committed_again_and_again_and_old_notes_now_and_then(
    consumer, monkeypatch
):
    asked, commits = [], asyncio.Queue()
    monkeypatch.setattr(
        "streams.delivery.faust_shell.due", lambda _, old_notes: asked.append(old_notes) or asked[:]
    )
    consumer._reader = SimpleNamespace(commit_soon=commits.put_nowait)
    consumer.commit_interval = 0.001
    handler = asyncio.create_task(Consumer._commit_handler.fun(consumer))
    for number in range(1, 2 * NOTES_EVERY + 1):
        assert len(await asyncio.wait_for(commits.get(), 60)) == number
    handler.cancel()
    told = [number for number, old_notes in enumerate(asked, start=1) if old_notes]
    assert told[:2] == [NOTES_EVERY, 2 * NOTES_EVERY]


async def test_nothing_of_fausts_own_looks_at_what_passes(app):
    services = list(app.on_init_dependencies())
    assert services
    assert app.monitor not in services
    assert list(app.sensors) == []


async def test_lost_lanes_leave_nothing_to_commit(app, consumer):
    lane = a_lane()
    consumer.assigned([lane])
    assert await consumer.lost([lane]) is None
    assert app.went == [(1, False)]


async def test_what_can_not_be_written_has_the_lanes_come_again(app, consumer):
    told = []
    consumer._reader = SimpleNamespace(
        begin_again=told.append, slot=SimpleNamespace(trouble="taken")
    )
    app._consumer = consumer
    app.publishing_failed(error := OSError("fatal"))
    assert told == [error]
    assert consumer.trouble == "taken"


async def test_what_can_not_be_written_before_anything_is_read_ends_the_worker(app, consumer):
    ended = []
    app._consumer, consumer.add_future, app.crash = consumer, ended.append, repr
    app.publishing_failed(OSError("fatal"))
    assert ended == ["OSError('fatal')"]
    assert consumer.trouble == ""


async def test_tables_begin_without_the_second_that_faust_leaves_for_more_of_them(app, monkeypatch):
    begun = []

    async def slept(seconds):
        begun.append(seconds)

    async def started():
        begun.append("recovery")

    monkeypatch.setattr(app.tables, "sleep", slept)
    monkeypatch.setattr(app.tables.recovery, "start", started)
    await app.tables.on_start()
    assert begun == ["recovery"]
    with pytest.raises(RuntimeError, match="Too late to add tables"):
        app.tables.add(app.Table("late", changelog_topic=app.topic("late")))


async def test_faust_is_asked_for_no_seek_and_no_recovery(consumer):
    assert await consumer.seek_to_committed() == {}
    assert await consumer.highwaters() == {}
    assert await consumer.earliest_offsets() == {}
    assert await consumer.commit()
    with pytest.raises(NotImplementedError, match="reader's business"):
        consumer.position()


async def test_a_topic_is_handed_over_as_it_is(app):
    topic = raw_topic(app, ASKED)
    message = ConsumerMessage(
        topic=ASKED,
        partition=0,
        offset=0,
        timestamp=0.0,
        timestamp_type=0,
        headers=[],
        key=b"k",
        value=[("a batch", [])],
        checksum=None,
        tp=TP(ASKED, 0),
    )
    assert topic.schema.loads_key(app, message) == b"k"
    assert topic.schema.loads_value(app, message) is message.value


async def test_what_it_asks_is_made_before_the_app_starts_and_closed_after(app):
    order = []

    async def prepare():
        order.append("prepare")

    async def clean_up():
        order.append("clean up")

    app.prepare, app.clean_up = prepare, clean_up
    await app.on_start()
    await app.on_stop()
    assert order == ["prepare", "clean up"]
