"""The admin's client: the one over the broker in memory forgets topics and groups as librdkafka's does."""

import time
import uuid

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

PATIENCE_S = 20.0


@pytest.fixture
def admin(broker):
    return broker.admin()


@pytest.fixture
def made(admin):
    """A topic that is deleted in the test."""
    name = f"test.{uuid.uuid4().hex}"
    admin.create_topics([NewTopic(name, 3, 1)])[name].result(PATIENCE_S)
    until(lambda: name in admin.list_topics(timeout=PATIENCE_S).topics)
    return name


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def code_of(answer):
    with pytest.raises(KafkaException) as refused:
        answer.result(PATIENCE_S)
    return refused.value.args[0].code()


def test_a_topic_is_shown_with_its_partitions_until_it_is_deleted(admin, made):
    shown = admin.list_topics(timeout=PATIENCE_S).topics[made]
    assert sorted(shown.partitions) == [0, 1, 2]
    answers = admin.delete_topics([made], operation_timeout=PATIENCE_S)
    assert list(answers) == [made]
    assert answers[made].result(PATIENCE_S) is None
    until(lambda: made not in admin.list_topics(timeout=PATIENCE_S).topics)


def test_a_topic_that_there_is_not_can_not_be_deleted(admin):
    [answer] = admin.delete_topics(["test.never-made"], operation_timeout=PATIENCE_S).values()
    assert code_of(answer) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_group_that_has_committed_can_be_deleted_once(broker, admin):
    group = uuid.uuid4().hex
    broker.commit(group, 0, 1)
    assert admin.delete_consumer_groups([group])[group].result(PATIENCE_S) is None
    [answer] = admin.delete_consumer_groups([group]).values()
    assert code_of(answer) == KafkaError.GROUP_ID_NOT_FOUND
