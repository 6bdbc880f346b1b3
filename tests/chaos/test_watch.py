"""What the watcher asks for, and in which order: what it may conclude follows from that."""

from schemas import (
    AnswerReleased,
    AnswerRetracted,
    EventRejected,
    QueryRewritten,
    QuestionRedacted,
    TokensReleased,
)
from streams.settings import Settings
from streams.topics import topic_of, topics_of
from tests.chaos.steps import chain
from tests.chaos.watch import Watcher


def asked(step):
    watcher = Watcher(Settings(partitions=1), chain())
    return tuple(place.topic for place in watcher.topics[step])


def test_the_topic_that_comes_later_is_asked_for_first():
    assert asked("moderate") == topics_of(
        EventRejected, AnswerRetracted, AnswerReleased, TokensReleased
    )


def test_where_the_questions_ended_is_asked_for_beside_a_fold():
    rewritten = topics_of(EventRejected, QueryRewritten, QuestionRedacted, AnswerReleased)
    assert asked("rewrite") == rewritten


def test_what_a_fold_has_committed_is_asked_for():
    watcher = Watcher(Settings(partitions=2), chain())
    positions = {(place.topic, place.partition) for place in watcher.reads["rewrite"]}
    assert positions >= {(topic_of(AnswerReleased), 0), (topic_of(AnswerReleased), 1)}
