"""What the watcher asks for, and in which order: what it may conclude follows from that."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas import (
    AnswerReleased,
    AnswerRetracted,
    EventRejected,
    QueryRewritten,
    QuestionRedacted,
    SessionForked,
    TokensReleased,
)
from streams.settings import Settings
from streams.topics import topic_of, topics_of
from tests.chaos import watch
from tests.chaos.steps import chain
from tests.chaos.watch import Watcher


class ForgetfulWatcher(Watcher):
    """One whose client knows no lane for so many looks, as after its brokers were away."""

    def __init__(self, looks):
        super().__init__(Settings(partitions=1), chain())
        self.left = looks

    def sample(self, *, inputs_too=False):
        self.left -= 1
        if self.left >= 0:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return inputs_too


@pytest.fixture
def pauses(monkeypatch):
    taken = []
    # the module's own: threads that other tests have left go on with the real one
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=taken.append))
    return taken


def test_the_last_look_gives_a_client_time_to_learn_its_lanes_again(pauses):
    assert ForgetfulWatcher(watch.LOOKS).last()
    assert pauses == [watch.AGAIN_S] * watch.LOOKS


def test_a_broker_that_stays_away_is_an_error(pauses):
    with pytest.raises(KafkaException):
        ForgetfulWatcher(watch.LOOKS + 1).last()


def asked(step):
    watcher = Watcher(Settings(partitions=1), chain())
    return tuple(place.topic for place in watcher.topics[step])


def test_the_topic_that_comes_later_is_asked_for_first():
    assert asked("moderate") == topics_of(
        EventRejected, AnswerRetracted, AnswerReleased, TokensReleased
    )


def test_where_the_questions_ended_is_asked_for_beside_a_fold():
    rewritten = topics_of(
        EventRejected, QueryRewritten, QuestionRedacted, AnswerReleased, SessionForked
    )
    assert asked("rewrite") == rewritten


def test_what_a_fold_has_committed_is_asked_for():
    watcher = Watcher(Settings(partitions=2), chain())
    positions = {(place.topic, place.partition) for place in watcher.reads["rewrite"]}
    assert positions >= {(topic_of(AnswerReleased), 0), (topic_of(AnswerReleased), 1)}
