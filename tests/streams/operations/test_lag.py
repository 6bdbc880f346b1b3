"""Lag as the broker tells it."""

import time
import uuid

import pytest

from streams.delivery.progress import Progress, note_of
from streams.log.offsets import NoAnswer, OffsetReader
from streams.operations.lag import (
    ConsumerGroup,
    Lag,
    LagReader,
    ages_of,
    consumer_groups,
)
from streams.settings import Settings
from streams.topics import FOLDS, INBOX, STEPS, group_of, topic_of
from tests.memory_broker import MemoryBroker
from tests.streams.log.brokers import OnKafka


def test_every_step_fold_and_inbox_topic_is_read():
    read = {(group.step, topic) for group in consumer_groups() for topic in group.topics}
    assert read == {
        *((step.name, topic_of(record)) for step in STEPS for record in step.reads),
        *((fold.beside, topic_of(fold.reads)) for fold in FOLDS),
        *(("inbox", topic.name) for topic in INBOX),
    }


def test_a_group_is_called_as_the_steps_app_is():
    from edge.requests.inbox import GROUP

    names = {group.step: group.name for group in consumer_groups()}
    assert names.pop("inbox") == GROUP
    assert names == {step.name: group_of(step.name) for step in STEPS}


def test_steps_are_named_one_by_one_and_an_unknown_one_lists_them():
    assert [group.step for group in consumer_groups(["embed", "index"])] == ["embed", "index"]
    with pytest.raises(KeyError, match=r"no step nonsense.*retrieve"):
        consumer_groups(["nonsense"])


@pytest.mark.parametrize(
    ("committed", "end", "records"), [(0, 0, 0), (3, 10, 7), (10, 10, 0), (7, 5, 0)]
)
def test_a_lag_counts_what_is_not_committed_and_never_less_than_nothing(committed, end, records):
    assert Lag("embed", "t", 0, committed, end).records == records


# ---------------------------------------------------------------------- read from a broker


@pytest.fixture
def memory():
    broker = MemoryBroker(partitions=4)
    broker.create("t")
    return broker


def a_reader(broker):
    settings = Settings(partitions=broker.partitions)
    return LagReader(settings, OffsetReader(settings, clients=broker.aiokafka))


GROUP = ConsumerGroup("embed", ("t",))


async def test_a_lane_without_a_commit_is_behind_from_its_first_record(memory):
    for _ in range(5):
        memory.put("t", b"x")
    memory.trim("t", 2)
    async with a_reader(memory) as reader:
        first = (await reader.lags([GROUP]))[0]
    assert first == Lag("embed", "t", 0, committed=2, end=5)


async def test_what_is_done_beyond_a_commit_is_told_beside_it(memory):
    for _ in range(9):
        memory.put("t", b"x")
    memory.commit("playhead-embed", "t", 0, 2)
    memory.notes["playhead-embed", "t", 0] = note_of(Progress(2, frozenset([4, 5, 8])))
    async with a_reader(memory) as reader:
        lags = await reader.lags([GROUP])
    assert lags[:2] == [Lag("embed", "t", 0, 2, 9, done=3), Lag("embed", "t", 1, 0, 0)]


async def test_every_lane_of_every_topic_is_told(memory):
    memory.create("u")
    memory.put("u", b"x", partition=3)
    memory.commit("playhead-index", "u", 3, 1)
    index = ConsumerGroup("index", ("u",))
    async with a_reader(memory) as reader:
        lags = await reader.lags([GROUP, index])
    assert [(one.step, one.topic, one.lane) for one in lags] == [
        *(("embed", "t", lane) for lane in range(4)),
        *(("index", "u", lane) for lane in range(4)),
    ]
    assert lags[-1] == Lag("index", "u", 3, committed=1, end=1)


async def test_two_groups_over_one_topic_have_lags_of_their_own(memory):
    for _ in range(3):
        memory.put("t", b"x")
    memory.commit("playhead-embed", "t", 0, 3)
    async with a_reader(memory) as reader:
        lags = await reader.lags([GROUP, ConsumerGroup("index", ("t",))])
    assert [one.records for one in lags if one.lane == 0] == [0, 3]


async def test_a_topic_is_counted_over_its_lanes_without_what_was_trimmed(memory):
    for partition in (0, 0, 0, 1):
        memory.put("t", b"x", partition=partition)
    memory.trim("t", 1)
    async with a_reader(memory) as reader:
        assert await reader.count("t") == 3


async def test_the_age_is_asked_for_lanes_that_are_behind_alone(memory):
    for partition, time_ms in ((0, 5), (0, 6), (1, 7)):
        memory.put("t", b"x", partition=partition, time_ms=time_ms)
    memory.commit("playhead-embed", "t", 0, 1)
    memory.commit("playhead-embed", "t", 1, 1)
    async with a_reader(memory) as reader:
        assert await reader.oldest_ms(await reader.lags([GROUP])) == {("t", 0): 6}


# ---------------------------------------------------------------------- what is shown


def test_an_age_is_in_seconds_and_never_below_none():
    assert ages_of({("t", 0): 4_000, ("t", 1): 9_000}, 5_234.5678) == {
        ("t", 0): 1.235,
        ("t", 1): 0.0,
    }


@pytest.mark.stack
async def test_lag_is_what_a_group_has_not_committed(running, topic):
    group = ConsumerGroup(f"test-{uuid.uuid4().hex}", (topic,))
    kafka = OnKafka(running.settings, topic)
    kafka.publish(0, *[b"x" * 30_000] * 5)
    kafka.publish(1, *[b"x" * 30_000] * 3)
    async with LagReader(running.settings) as reader:
        before = {one.lane: one for one in await reader.lags([group])}
        kafka.commit(group.name, 0, 4)
        kafka.commit(group.name, 1, 3)
        after = {one.lane: one for one in await reader.lags([group])}
        count = await reader.count(topic)
        oldest_ms = await reader.oldest_ms(after.values())
    assert [before[lane].records for lane in (0, 1, 2)] == [5, 3, 0]  # never committed: all of it
    assert [(after[lane].committed, after[lane].end) for lane in (0, 1)] == [(4, 5), (3, 3)]
    assert sorted(after) == list(range(running.settings.partitions))
    assert count == 8
    assert list(oldest_ms) == [(topic, 0)]
    assert oldest_ms[topic, 0] <= time.time() * 1_000


@pytest.mark.stack
async def test_a_topic_that_does_not_exist_is_no_answer(running):
    async with LagReader(running.settings, OffsetReader(running.settings, 1.0)) as reader:
        with pytest.raises(NoAnswer):
            await reader.lags([ConsumerGroup("test", ("test.lag.nothing",))])
