"""What the reader's thread relies on of its listener: the fake keeps it as Faust's shell does."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.delivery.commits import Commit
from streams.delivery.faust_shell import Consumer, new_app
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.settings import Settings
from tests.streams.delivery.fake_listener import FakeListener
from tests.streams.delivery.lanes import finish, take

TOPIC = "playhead.question.asked"


def shell(tmp_path, crashed):
    """Faust's shell, under a runner that knows of every lane at once and lets go at once."""
    app = new_app("playhead-test", Settings(run=tmp_path), Memory(1_000))

    def assigned(lanes):
        for lane in lanes:
            lane.learned = True

    async def revoked(lanes, *, in_good_order):
        for lane in lanes:
            lane.revoked = True

    async def crash(error):
        crashed.append(error)

    async def nothing(*_):
        """Faust is told nothing here."""

    app.lanes_assigned, app.lanes_revoked, app.crash = assigned, revoked, crash
    made = Consumer(
        app.transport,
        callback=nothing,
        on_partitions_revoked=nothing,
        on_partitions_assigned=nothing,
    )
    made.add_future = _at_once
    return made


def _at_once(crashing):
    """Run what waits for nothing."""
    with pytest.raises(StopIteration):
        crashing.send(None)


@pytest.fixture
def errors():
    return []


@pytest.fixture(params=["fake", "shell"])
async def listener(request, tmp_path, errors):
    if request.param == "fake":
        made = FakeListener()
        made.errors = errors
        return made
    return shell(tmp_path, errors)


@pytest.fixture
def lanes(listener):
    some = [Lane(TOPIC, partition, 0, 8) for partition in (0, 1)]
    listener.assigned(some)
    return some


def test_all_lanes_that_are_ours_now_are_kept_and_become_known(listener, lanes):
    assert listener.lanes == lanes
    assert all(lane.learned for lane in lanes)
    listener.assigned(lanes[1:])
    assert listener.lanes == lanes[1:]


async def test_of_lanes_that_go_what_was_finished_is_to_be_committed(listener, lanes):
    finish(lanes[1], take(lanes[1], 0)[0])
    commits = await listener.revoked(lanes)
    assert [Commit(*one[:3]) for one in commits] == [Commit(lanes[1], 1, "")]
    assert await listener.revoked([]) == []


async def test_of_lanes_that_are_lost_nothing_is_committed(listener, lanes):
    finish(lanes[0], take(lanes[0], 0)[0])
    assert await listener.lost(lanes) is None


def test_records_are_taken_in_the_readers_stead(listener, lanes):
    assert listener.arrived([(lanes[0], [(0, 1, b"acme", None)])]) is None


def test_what_broke_the_reader_is_told(listener, errors):
    error = KafkaException(KafkaError(KafkaError._FATAL))
    listener.broken(error)
    assert errors == [error]
