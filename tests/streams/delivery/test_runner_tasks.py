"""What a runner starts beside Faust: it ends with its lanes, and what it raises is somebody's."""

import asyncio
from functools import partial

import pytest

from streams.delivery.faust_shell import new_app
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.publisher import Unattended
from streams.delivery.runner import Runner
from streams.delivery.takeover import Takeover
from streams.settings import Settings
from streams.topics import step
from tests.fakes import a_codec, a_meta
from tests.memory_broker import a_broker
from tests.streams.delivery.lanes import opened
from tests.streams.delivery.memory_publisher import MemoryPublisher, sent

ASKED = "playhead.question.asked"
FORKED = "playhead.session.forked"


@pytest.fixture
async def runner(tmp_path):
    app = new_app("playhead-redact", Settings(run=tmp_path), Memory(1_000))
    broker = a_broker()
    app._publisher = MemoryPublisher(broker)
    app.broken = asyncio.Queue()
    app.crash = app.broken.put
    made = Runner(app, step("redact"))
    made._takeover = Takeover(
        made.step,
        app.settings,
        a_codec(),
        (),
        open_consumer=lambda *_: broker.consumer(),
        topic_ids=lambda *_: {},
    )
    return made


def a_lane(partition):
    return Lane(ASKED, partition, 0, 8)


async def test_of_a_lane_whose_inputs_are_another_workers_nothing_is_taken_over(runner):
    """So it is beside a worker that does not know a topic that is folded: its lanes come to others."""
    whole, alone = a_lane(0), Lane(FORKED, 1, 0, 8)
    learned = []
    runner._learn = lambda lanes: never(learned.extend(lanes))
    runner._assigned([whole, Lane(FORKED, 0, 0, 8), alone])
    assert [(lane.topic, lane.partition) for lane in learned] == [(ASKED, 0), (FORKED, 0)]
    assert alone not in runner.held
    await runner._cancel(everything=True)


async def never(_told):
    await asyncio.Event().wait()


def runs(runner, lane, *topics):
    """Run the first input of a lane, whose outcome is a record on each of these topics.

    It counts as done in what the step remembers, as of then.
    """
    publisher, meta = runner.app.publisher, a_meta()
    lane.take([(0, 1, b"acme", None)])
    item = lane.next(opened)
    for topic in topics:
        item.hand_over(topic, partial(publisher.send, topic, 0, b"acme", b"v", [], item))
    runner._takeover.history(0).finished(meta)
    lane.left(item)
    item.close()
    return meta


def takes_for_done(runner, meta):
    return runner._takeover.history(0).duplicate(meta, ASKED, 0, 0)


async def for_ever():
    await asyncio.Event().wait()


async def breaks():
    raise RuntimeError("of the machinery")


async def test_what_a_task_raises_ends_the_worker(runner):
    runner._spawn(breaks(), [a_lane(0)])
    error = await asyncio.wait_for(runner.app.broken.get(), 60)
    assert str(error) == "of the machinery"
    assert runner._tasks == {}


async def test_of_a_lane_whose_log_is_another_nothing_runs(runner):
    there, other = a_lane(0), a_lane(1)
    there.displaced = True
    for lane in (there, other):
        lane.learned = True
        lane.take([(0, 1, b"acme", None)])
        runner._pump(lane)
    assert list(runner._tasks.values()) == [[other]]
    await runner._cancel(everything=True)


async def test_lost_lanes_end_what_runs_for_them_and_no_more(runner):
    lost, came = a_lane(0), a_lane(1)
    runner._lanes = [lost, came]
    runner._spawn(for_ever(), [lost])
    runner._spawn(for_ever(), [lost, came])
    runner._spawn(for_ever(), [came])
    ends, stays, other = runner._tasks
    await runner._revoked([lost], in_good_order=False)
    assert ends.cancelled()
    assert not stays.done()
    assert not other.done()
    await runner.drain(0)
    assert stays.cancelled()
    assert other.cancelled()


async def test_of_lost_lanes_nothing_is_remembered_but_for_those_that_have_come_again(runner):
    lost = [a_lane(0), a_lane(1)]
    await runner._takeover.learn(lost, {})
    runner._lanes = [a_lane(1)]
    publisher = runner.app.publisher
    publisher.broker.away = True
    publisher.send(ASKED, 0, b"acme", b"unacknowledged", [], Unattended())
    await runner._revoked(lost, in_good_order=False)
    publisher.broker.away = False
    await publisher.delivered()
    assert sent(publisher.broker) == []
    assert runner._takeover.history(1) is not None
    with pytest.raises(KeyError):
        runner._takeover.history(0)


async def test_lanes_go_once_records_that_wait_for_others_are_on_the_log_too(runner):
    lane = a_lane(0)
    await runner._takeover.learn([lane], {})
    done = runs(runner, lane, "tokens", "letters")
    await runner._revoked([lane], in_good_order=True)
    assert [record.topic() for record in sent(runner.app.publisher.broker)] == ["tokens", "letters"]
    assert lane.safe == 1
    assert takes_for_done(runner, done)


@pytest.mark.parametrize("fault", ["the broker is away", "the broker refuses a record"])
async def test_what_is_not_on_the_log_when_lanes_go_does_not_count_as_done(
    runner, fault, monkeypatch
):
    monkeypatch.setattr("streams.delivery.runner.PUBLISHED_S", 0.01)
    lane, publisher = a_lane(0), runner.app.publisher
    await runner._takeover.learn([lane], {})
    if fault == "the broker is away":
        publisher.broker.away = True
    else:
        lane.on_failed = bool
        publisher.refuses = "letters"
    done = runs(runner, lane, "tokens", "letters")
    await runner._revoked([lane], in_good_order=True)
    assert lane.safe == 0
    publisher.broker.away = False
    publisher.refuses = ""
    again = a_lane(0)
    await runner._takeover.learn([again], {})
    assert not takes_for_done(runner, done)


async def test_lanes_that_stay_go_on_when_others_have_gone(runner):
    goes, stays = a_lane(0), a_lane(1)
    runner._lanes = [goes, stays]
    stays.learned = True
    runner._stopping = False
    stays.take([(0, 1, b"acme", None)])
    await runner._revoked([goes], in_good_order=True)
    assert list(runner._tasks.values()) == [[stays]]
    await runner._cancel(everything=True)
