"""Offsets of partitions and groups; over a broker in memory, and over the real one."""

import asyncio
import subprocess
import sys
import uuid

import pytest
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    RequestTimedOutError,
)

from infra.local.supervisor import Stack, Wish
from streams.log.offsets import (
    Extent,
    NoAnswer,
    NotTold,
    OffsetReader,
    extent_of,
    extent_since,
    extents_since,
    no_offsets,
    patiently,
    read_offsets,
)
from streams.settings import Settings
from tests.memory_broker import MemoryBroker
from tests.streams.log.brokers import now_ms

# ---------------------------------------------------------------------- by a consumer at hand


def test_an_extent_is_what_a_partition_holds_from_an_offset_on(broker, consumer):
    broker.publish(0, b"0", b"1", b"2")
    assert extent_of(consumer, broker.topic, 0) == Extent(broker.topic, 0, 0, 3)
    assert extent_of(consumer, broker.topic, 0, 2) == Extent(broker.topic, 0, 2, 3)
    assert extent_of(consumer, broker.topic, 1) == Extent(broker.topic, 1, 0, 0)


def test_what_was_trimmed_is_no_part_of_it(broker, consumer):
    broker.publish(0, b"0", b"1", b"2")
    broker.trim(0, 1)
    assert extent_of(consumer, broker.topic, 0) == Extent(broker.topic, 0, 1, 3)
    assert extent_since(consumer, broker.topic, 0, 0) == Extent(broker.topic, 0, 1, 3)


def test_an_extent_since_a_time_begins_with_the_first_record_of_then_or_later(broker, consumer):
    now = now_ms()
    for second in (0, 10, 20):
        broker.publish(0, b"x", time_ms=now + second * 1_000)
    begins = [
        extent_since(consumer, broker.topic, 0, now + after_ms).begin
        for after_ms in (-1, 0, 1, 10_000, 20_000, 20_001)
    ]
    assert begins == [0, 0, 1, 1, 2, 3]
    assert extent_since(consumer, broker.topic, 0, now + 20_001).end == 3


def test_many_partitions_are_told_as_each_is(broker, consumer):
    now = now_ms()
    for number in (0, 0, 1):
        broker.publish(number, b"x", time_ms=now + number * 10_000)
    broker.publish(0, b"x", time_ms=now + 20_000)
    broker.trim(1, 1)
    for after_ms in (0, 1, 20_001):
        each = [extent_since(consumer, broker.topic, one, now + after_ms) for one in (0, 1, 2)]
        assert extents_since(consumer, broker.topic, (0, 1, 2), now + after_ms) == each


# ---------------------------------------------------------------------- many at once


async def test_a_reading_tells_commits_and_extents(broker):
    group, topic = f"test-{uuid.uuid4().hex}", broker.topic
    broker.publish(0, b"0", b"1", b"2")
    broker.publish(1, b"0")
    broker.commit(group, 0, 2)
    async with broker.offsets() as offsets:
        told = await offsets.read({group: [(topic, 0), (topic, 1)]}, [(topic, 0), (topic, 2)])
    assert told.committed == {group: {(topic, 0): 2, (topic, 1): -1}}
    assert told.extents == {(topic, 0): Extent(topic, 0, 0, 3), (topic, 2): Extent(topic, 2, 0, 0)}


async def test_nothing_is_told_of_nothing(broker):
    async with broker.offsets() as offsets:
        told = await offsets.read({}, [])
        assert (told.committed, told.extents) == ({}, {})
        assert await offsets.first_ms({}) == {}


async def test_the_time_of_a_first_record_is_told_for_each_partition(broker):
    now, topic = now_ms(), broker.topic
    for partition, seconds in ((0, (0, 10, 20)), (1, (5,))):
        for second in seconds:
            broker.publish(partition, b"x" * 30_000, time_ms=now + second * 1_000)
    async with broker.offsets() as offsets:
        first = await offsets.first_ms({(topic, 0): 1, (topic, 1): 0})
        again = await offsets.first_ms({(topic, 0): 2})
    assert first == {(topic, 0): now + 10_000, (topic, 1): now + 5_000}
    assert again == {(topic, 0): now + 20_000}


async def test_a_partition_without_a_first_record_is_left_out_after_a_while():
    broker = MemoryBroker()
    broker.put("t", b"x", time_ms=7)
    async with OffsetReader(Settings(), firsts_s=0.01, clients=broker.aiokafka) as offsets:
        assert await offsets.first_ms({("t", 0): 0, ("t", 1): 0}) == {("t", 0): 7}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KafkaConnectionError(), NoAnswer),
        (ConnectionRefusedError(), NoAnswer),
        (TimeoutError(), NoAnswer),
        (RequestTimedOutError(), NoAnswer),  # the client's own, though named as the broker's
        (GroupLoadInProgressError(), NotTold),
        (GroupCoordinatorNotAvailableError(), NotTold),
    ],
)
async def test_a_broker_that_is_away_differs_from_one_that_can_not_tell(error, kind):
    broker = MemoryBroker()
    async with OffsetReader(Settings(), clients=broker.aiokafka) as offsets:
        broker.errors.append(error)
        with pytest.raises(NoAnswer) as raised:
            await offsets.read({"g": []}, [])
    assert raised.type is kind


async def test_a_coordinator_is_looked_up_once_and_again_after_an_error():
    broker = MemoryBroker()
    async with OffsetReader(Settings(), clients=broker.aiokafka) as offsets:
        for _ in range(3):
            await offsets.read({"g": []}, [])
        assert broker.asked == ["g"]
        broker.errors.append(GroupLoadInProgressError())
        with pytest.raises(NotTold):
            await offsets.read({"g": [], "h": []}, [])
        broker.asked.clear()
        await offsets.read({"g": []}, [])
    assert broker.asked == ["g"]


async def test_an_answer_that_leaves_partitions_out_is_not_taken_for_one():
    class Shortened:
        async def start(self): ...

        async def close(self): ...

        async def find_coordinator(self, group):
            return 1

        async def list_consumer_group_offsets(self, group, coordinator, partitions):
            return {}

    clients = lambda *_: (Shortened(), MemoryBroker().aiokafka()[1])  # noqa: E731
    async with OffsetReader(Settings(), clients=clients) as offsets:
        with pytest.raises(NotTold, match="no offsets of g"):
            await offsets.read({"g": [("t", 0)]}, [])


async def test_a_broker_that_says_nothing_is_given_up_after_the_limit():
    class Silent:
        closed = False

        async def start(self):
            await asyncio.Event().wait()

        async def close(self):
            self.closed = True

    admin = Silent()
    clients = lambda *_: (admin, MemoryBroker().aiokafka()[1])  # noqa: E731
    with pytest.raises(NoAnswer, match=r"nothing within 0\.01 s"):
        async with OffsetReader(Settings(), 0.01, clients=clients):
            pass
    assert admin.closed


# ---------------------------------------------------------------------- patience


async def test_a_broker_that_can_not_tell_yet_is_asked_again():
    errors = [NotTold("loading")] * 2

    async def ask():
        if errors:
            raise errors.pop()
        return 7

    assert await patiently(ask, pause_s=0.0) == 7


@pytest.mark.parametrize(("error", "patience_s"), [(NotTold("moves"), 0.0), (NoAnswer("a"), 60.0)])
async def test_patience_ends_and_is_for_brokers_that_answer(error, patience_s):
    async def ask():
        raise error

    with pytest.raises(NoAnswer) as raised:
        await patiently(ask, patience_s)
    assert raised.value is error


async def test_offsets_may_be_read_from_code_on_an_event_loop():
    away = Settings(kafka="127.0.0.1:1")
    with pytest.raises(NoAnswer, match="KafkaConnectionError"):
        read_offsets(away, {}, [])


def test_what_a_user_reads_names_the_broker_the_reason_and_a_remedy():
    said = no_offsets("h:9", NoAnswer("nothing within 5 s"))
    assert "h:9" in said
    assert "nothing within 5 s" in said
    assert "playhead status" in said


# ---------------------------------------------------------------------- a new broker

NEW_BROKERS = 3  # librdkafka's admin client died of two first questions in three
ASK_REPLAY = """
from replay.log import BrokerLog
BrokerLog(settings).close()
"""
ASK_LAG = """
import asyncio
from streams.log.offsets import patiently
from streams.log.setup import create_topics
from streams.operations.lag import LagReader, consumer_groups

async def ask():
    async with LagReader(settings) as reader:
        assert await patiently(lambda: reader.lags(consumer_groups()))

create_topics(settings)
asyncio.run(ask())
"""
QUESTIONS = {"replay": ASK_REPLAY, "lag": ASK_LAG}


def asking(run, question):
    """Ask in a process of its own: what goes wrong here is a signal, not an error."""
    program = (
        "from streams.settings import Settings\n"
        f"settings = Settings.load(environment={{}}, run={str(run)!r})\n{question}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.stack
def test_a_broker_that_was_just_made_answers_its_first_questions(tmp_path):
    for number in range(NEW_BROKERS):
        run = tmp_path / f"{number}"
        with Stack(run, Wish(names=frozenset({"kafka"}), free_ports=True)):
            for _ in range(2):
                # both at once, so that each is a first one
                asked = {name: asking(run, question) for name, question in QUESTIONS.items()}
                said = {name: one.communicate(timeout=120)[1] for name, one in asked.items()}
                assert {name: one.returncode for name, one in asked.items()} == dict.fromkeys(
                    QUESTIONS, 0
                ), said
