"""What a runner starts beside Faust: it ends with its lanes, and what it raises is somebody's."""

import asyncio

import pytest

from streams.delivery.faust_shell import new_app
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.publisher import Unattended
from streams.delivery.runner import Runner
from streams.delivery.takeover import Takeover
from streams.settings import Settings
from streams.topics import step
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.streams.delivery.memory_publisher import MemoryPublisher, sent

ASKED = "playhead.question.asked"


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


async def for_ever():
    await asyncio.Event().wait()


async def breaks():
    raise RuntimeError("of the machinery")


async def test_what_a_task_raises_ends_the_worker(runner):
    runner._spawn(breaks(), [a_lane(0)])
    error = await asyncio.wait_for(runner.app.broken.get(), 5)
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
