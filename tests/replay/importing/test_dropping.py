"""A topic is compacted alone again, wherever the process ended that dropped records of it."""

import sys
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic

from replay.importing.dropping import (
    ANSWER_S,
    BOTH,
    COMPACTED,
    POLICY,
    _set_policy,
    drop_before,
    put_back,
)
from streams.log.reading import new_consumer
from streams.log.topic_settings import settings_of
from tests.lone_broker import a_lone_broker

TOPIC = "playhead.configuration.set"


class Killed(BaseException):
    """The process ends here, and does nothing more."""


class FakeAdmin:
    """A broker's one topic; a process that was killed at its nth call makes no further one.

    Of a policy that was set the broker tells after it was asked `tells_late` times, and its leader
    heeds it `heeds_late` attempts after that.
    """

    def __init__(self, policy, killed_at=None, *, tells_late=0, heeds_late=0):
        self.policies, self.begin, self.killed_at, self.calls = [policy], 0, killed_at, 0
        self.tells_late, self.heeds_late = tells_late, heeds_late
        self.told, self.heeded = policy, policy
        self.asked = self.tried = 0

    def _answer(self, key, value=None):
        self.calls += 1
        if self.killed_at is not None and self.calls >= self.killed_at:
            raise Killed
        return {key: SimpleNamespace(result=lambda _: value)}

    def describe_configs(self, resources, **_):
        self.asked += 1
        if self.asked > self.tells_late:
            self.told = self.policies[-1]
        entry = SimpleNamespace(name="cleanup.policy", value=self.told)
        return self._answer(resources[0], {entry.name: entry})

    def incremental_alter_configs(self, resources):
        [resource] = resources
        self.policies.append(resource.incremental_configs[0].value)
        self.asked = self.tried = 0
        return self._answer(resource)

    def delete_records(self, places):
        self.tried += 1
        if self.tried > self.heeds_late:
            self.heeded = self.told
        if self.heeded == COMPACTED:
            raise KafkaException(KafkaError(KafkaError.POLICY_VIOLATION))
        self.begin = places[0].offset
        return self._answer(places[0])


@pytest.mark.parametrize("policy", [COMPACTED, "delete"])
@pytest.mark.parametrize("killed_at", [None, 1, 2, 3, 4])
def test_wherever_it_ends_the_next_import_leaves_a_topic_as_it_must_be(policy, killed_at):
    admin = FakeAdmin(policy, killed_at)
    if killed_at is None or (policy == "delete" and killed_at > 2):
        drop_before(admin, TOPIC, 0, 5)
    else:
        with pytest.raises(Killed):
            drop_before(admin, TOPIC, 0, 5)
    admin.killed_at = None
    put_back(admin, [TOPIC])
    drop_before(admin, TOPIC, 0, 5)
    assert (admin.policies[-1], admin.begin) == (policy, 5)


@pytest.mark.parametrize(("tells_late", "heeds_late"), [(1, 0), (5, 0), (0, 1), (3, 4)])
def test_what_a_broker_takes_over_late_is_waited_for(tells_late, heeds_late):
    admin = FakeAdmin(COMPACTED, tells_late=tells_late, heeds_late=heeds_late)
    for offset in (5, 7):  # as of two partitions of a topic, one behind the other
        drop_before(admin, TOPIC, 0, offset)
        assert (admin.told, admin.begin) == (COMPACTED, offset)
    _set_policy(admin, TOPIC, BOTH)
    put_back(admin, [TOPIC])
    assert admin.told == COMPACTED


def test_a_broker_that_never_takes_it_over_is_an_error_that_says_what_to_do():
    with pytest.raises(TimeoutError, match=r"took cleanup\.policy=compact,delete .* see its log"):
        _set_policy(FakeAdmin(COMPACTED, tells_late=sys.maxsize), TOPIC, BOTH, 0.1)
    with pytest.raises(KafkaException, match="POLICY_VIOLATION"):
        drop_before(FakeAdmin(COMPACTED, heeds_late=sys.maxsize), TOPIC, 0, 5, 0.1)


def test_what_a_broker_refuses_for_another_reason_is_not_tried_again():
    admin = FakeAdmin(COMPACTED)
    tried = []

    def refused(places):
        tried.append(places)
        raise KafkaException(KafkaError(KafkaError.OFFSET_OUT_OF_RANGE))

    admin.delete_records = refused
    with pytest.raises(KafkaException, match="OFFSET_OUT_OF_RANGE"):
        drop_before(admin, TOPIC, 0, 5)
    assert (len(tried), admin.told) == (1, COMPACTED)


@pytest.mark.parametrize("policy", [BOTH, "delete,compact", COMPACTED, "delete"])
def test_what_is_not_both_is_left_as_it_is(policy):
    admin = FakeAdmin(policy)
    put_back(admin, [TOPIC])
    put_back(admin, [])
    assert admin.policies == [policy, *([COMPACTED] if "," in policy else [])]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.stack)])
def compacted(request, tmp_path):
    """A broker's admin with a compacted topic of nine records, and where that begins."""
    if request.param == "fake":
        admin = FakeAdmin(COMPACTED)
        yield admin, lambda: admin.begin
        return
    with a_lone_broker(tmp_path / "run", lambda line: sys.stderr.write(f"{line}\n")) as broker:
        admin = broker.admin()
        topic = NewTopic(TOPIC, 1, 1, config={POLICY: COMPACTED})
        admin.create_topics([topic])[TOPIC].result(ANSWER_S)
        producer = Producer({"bootstrap.servers": broker.settings.kafka})
        for number in range(9):
            producer.produce(TOPIC, b"value", key=b"%d" % number, partition=0)
        assert producer.flush(ANSWER_S) == 0
        consumer = new_consumer(broker.settings, "test")
        place = TopicPartition(TOPIC, 0)
        yield admin, lambda: consumer.get_watermark_offsets(place, ANSWER_S)[0]
        consumer.close()


def test_a_broker_drops_nothing_of_what_is_compacted_alone_and_its_fake_neither(compacted):
    admin, begin = compacted
    place = TopicPartition(TOPIC, 0, 5)
    with pytest.raises(KafkaException):
        admin.delete_records([place])[place].result(ANSWER_S)
    drop_before(admin, TOPIC, 0, 5)
    assert begin() == 5
    _set_policy(admin, TOPIC, BOTH)
    put_back(admin, [TOPIC])
    assert settings_of(admin, [TOPIC])[TOPIC][POLICY] == COMPACTED
