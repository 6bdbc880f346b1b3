"""Topics of a measurement are forgotten with their groups, and what the broker keeps showing is told."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from bench.topics import forget


def done(error=None):
    future = Future()
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
    return future


class FakeAdmin:
    """Shows topics; a deleted one is shown `lingers` times more."""

    def __init__(self, *topics, lingers=0, groups=()):
        self.topics, self.groups = dict.fromkeys(topics), set(groups)
        self.deleted, self._lingers = [], lingers

    def list_topics(self, timeout):
        if self.deleted and self._lingers:
            self._lingers -= 1
            return SimpleNamespace(topics={**self.topics, **dict.fromkeys(self.deleted)})
        return SimpleNamespace(topics=dict(self.topics))

    def delete_topics(self, names, operation_timeout):
        self.deleted += names
        for name in names:
            del self.topics[name]
        return {name: done() for name in names}

    def delete_consumer_groups(self, names):
        gone = KafkaException(KafkaError(KafkaError.GROUP_ID_NOT_FOUND))
        answers = {name: done() if name in self.groups else done(gone) for name in names}
        self.groups -= set(names)
        return answers


def test_only_topics_that_are_there_are_deleted_and_others_stay():
    admin = FakeAdmin("a", "b", "other")
    forget(admin, ["a", "b", "never made"], [])
    assert admin.deleted == ["a", "b"]
    assert set(admin.topics) == {"other"}


def test_groups_are_forgotten_whether_they_were_used_or_not():
    admin = FakeAdmin(groups={"used", "another"})
    forget(admin, [], ["used", "never used"])
    assert admin.groups == {"another"}
    assert admin.deleted == []


@pytest.mark.parametrize("lingers", [0, 2])
def test_it_waits_until_the_broker_shows_the_topics_no_more(lingers):
    admin = FakeAdmin("a", lingers=lingers)
    forget(admin, ["a"], [], pause_s=0.0)
    assert set(admin.list_topics(1).topics) == set()


def test_topics_that_stay_are_told():
    with pytest.raises(TimeoutError, match=r"still shows deleted topics after 0\.01 s"):
        forget(FakeAdmin("a", lingers=10**9), ["a"], [], patience_s=0.01, pause_s=0.0)


def test_a_topic_that_can_not_be_deleted_is_an_error():
    admin = FakeAdmin("a")
    refused = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    admin.delete_topics = lambda *_, **__: {"a": done(refused)}
    with pytest.raises(KafkaException):
        forget(admin, ["a"], [])
