"""Lag as the broker tells it, and how `playhead lag` shows it."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from aiokafka.errors import (
    GroupLoadInProgressError,
    KafkaConnectionError,
    RequestTimedOutError,
)
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.cli import VERBS
from streams.operations.lag import Lag, NoAnswer, NotTold, Positions, Reader, lag, readers, report
from streams.settings import Settings
from streams.topics import FOLDS, INBOX, STEPS, group_of, topic_of


def test_every_step_fold_and_inbox_topic_is_read():
    read = {(reader.step, topic) for reader in readers() for topic in reader.topics}
    assert read == {
        *((step.name, topic_of(record)) for step in STEPS for record in step.reads),
        *((fold.beside, topic_of(fold.reads)) for fold in FOLDS),
        *(("inbox", topic.name) for topic in INBOX),
    }


def test_a_group_is_called_as_the_steps_app_is():
    from edge.inbox import GROUP

    groups = {reader.step: reader.group for reader in readers()}
    assert groups.pop("inbox") == GROUP
    assert groups == {step.name: group_of(step.name) for step in STEPS}


def test_a_report_holds_every_lane_and_the_sum():
    lags = [Lag("embed", "t", 0, 3, 10), Lag("embed", "t", 1, 4, 4)]
    told = report(lags, {("t", 0): 1.5}, rejected=2)
    assert told["lag"] == 7
    assert told["dead_letters"] == 2
    assert [(one["lane"], one["lag"], one["oldest_age_s"]) for one in told["lanes"]] == [
        (0, 7, 1.5),
        (1, 0, None),
    ]


def test_a_trimmed_lane_has_no_negative_lag():
    assert Lag("embed", "t", 0, committed=7, end=5).records == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--steps", "nonsense"], 2, "no step nonsense"),
        (["--steps", " "], 2, "names no step"),
        ([], 1, "127.0.0.1:1 does not answer"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(monkeypatch, tmp_path, arguments, code, said):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    monkeypatch.setenv("PLAYHEAD_KAFKA", "127.0.0.1:1")
    result = CliRunner().invoke(lag, arguments)
    assert result.exit_code == code
    assert said in result.output
    assert "Traceback" not in result.output


def test_the_verb_is_on_the_command_line():
    assert VERBS["lag"] == "streams.operations.lag:lag"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KafkaConnectionError(), NoAnswer),
        (ConnectionRefusedError(), NoAnswer),
        (TimeoutError(), NoAnswer),
        (RequestTimedOutError(), NoAnswer),  # the client's own, though named as the broker's
        (GroupLoadInProgressError(), NotTold),
        (NotTold("no offsets"), NotTold),
    ],
)
async def test_a_broker_that_is_away_differs_from_one_that_can_not_tell(error, kind):
    positions = Positions(Settings())
    positions._coordinators["a group"] = 1

    async def answer():
        raise error

    with pytest.raises(NoAnswer) as raised:
        await positions._asked(answer(), 5.0)
    assert raised.type is kind
    assert not positions._coordinators  # asked for anew


# ---------------------------------------------------------------------- on a broker


def publish(settings: Settings, topic: str, lane: int, count: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka, "log_level": 0})
    for number in range(count):
        producer.produce(topic, value=b"x" * 30_000, partition=lane, key=str(number).encode())
    assert producer.flush(30) == 0


def commit(settings: Settings, group: str, topic: str, lane: int, offset: int) -> None:
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": group, "log_level": 0})
    consumer.commit(offsets=[TopicPartition(topic, lane, offset)], asynchronous=False)
    consumer.close()


@pytest.mark.stack
async def test_lag_is_what_a_group_has_not_committed(running, topic):
    settings, reader = running.settings, Reader(f"test-{uuid.uuid4().hex}", (topic,))
    publish(settings, topic, 0, 5)
    publish(settings, topic, 1, 3)
    async with Positions(settings) as positions:
        before = {one.lane: one for one in await positions.lags([reader])}
        commit(settings, reader.group, topic, 0, 4)
        commit(settings, reader.group, topic, 1, 3)
        after = {one.lane: one for one in await positions.lags([reader])}
        count = await positions.count(topic)
    assert [before[lane].records for lane in (0, 1, 2)] == [5, 3, 0]  # never committed: all of it
    assert [(after[lane].committed, after[lane].end) for lane in (0, 1)] == [(4, 5), (3, 3)]
    assert sorted(after) == list(range(settings.partitions))
    assert count == 8


@pytest.mark.stack
async def test_the_age_is_that_of_the_first_unfinished_record(running, topic):
    settings, reader = running.settings, Reader(f"test-{uuid.uuid4().hex}", (topic,))
    publish(settings, topic, 0, 3)
    between_ms = int(time.time() * 1_000)
    publish(settings, topic, 0, 1)
    publish(settings, topic, 1, 1)
    async with Positions(settings) as positions:
        first = await positions.oldest_ms(await positions.lags([reader]))
        commit(settings, reader.group, topic, 0, 3)
        commit(settings, reader.group, topic, 1, 1)
        last = await positions.oldest_ms(await positions.lags([reader]))
    assert sorted(first) == [(topic, 0), (topic, 1)]
    assert first[topic, 0] <= between_ms <= first[topic, 1]
    assert list(last) == [(topic, 0)]
    assert last[topic, 0] >= between_ms


@pytest.mark.stack
async def test_a_topic_that_does_not_exist_is_no_answer(running, monkeypatch):
    monkeypatch.setattr("streams.operations.lag.TIMEOUT_S", 1.0)
    async with Positions(running.settings) as positions:
        with pytest.raises(NoAnswer):
            await positions.lags([Reader("test", ("test.lag.nothing",))])


@pytest.mark.stack
def test_the_verb_reports_every_step(running):
    done = running.playhead("lag", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    lanes = {(one["step"], one["topic"], one["lane"]) for one in told["lanes"]}
    assert len(lanes) == len(told["lanes"])
    assert {step for step, _, _ in lanes} == {*(step.name for step in STEPS), "inbox"}
    assert {lane for _, _, lane in lanes} == set(range(running.settings.partitions))
    table = running.playhead("lag", "--all").stdout
    assert table.count("playhead.question.asked") == running.settings.partitions
