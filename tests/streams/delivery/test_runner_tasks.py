"""What a runner starts beside Faust: it ends with its lanes, and what it raises is somebody's."""

import asyncio

import pytest

from streams.delivery.faust_shell import new_app
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.runner import Runner
from streams.settings import Settings
from streams.topics import step

ASKED = "playhead.question.asked"


class FakePublisher:
    """Notes that it was told to forget."""

    abandoned = False

    def abandon(self):
        self.abandoned = True


class FakeTakeover:
    """Notes what it was told to forget."""

    def __init__(self):
        self.forgotten = []

    def forget(self, partitions):
        self.forgotten += partitions


@pytest.fixture
async def runner(tmp_path):
    app = new_app("playhead-redact", Settings(run=tmp_path), Memory(1_000))
    app._publisher = FakePublisher()
    app.broken = asyncio.Queue()
    app.crash = app.broken.put
    made = Runner(app, step("redact"))
    made._takeover = FakeTakeover()
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
    runner._lanes = [a_lane(1)]
    await runner._revoked(lost, in_good_order=False)
    assert runner.app.publisher.abandoned
    assert runner._takeover.forgotten == [0]
