"""Topics of a measurement are forgotten with their groups, and what the broker keeps showing is told."""

from concurrent.futures import Future
from contextlib import closing

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from bench.hops import bare_hop_ms
from bench.measured_topics import await_shown, forget, own_topics, platform_topics
from infra.local.supervisor import Stack, Wish
from schemas import QuestionAsked
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer
from streams.log.setup import wanted
from streams.log.writing import Writer
from streams.settings import Settings
from streams.topics import topic_of
from tests.memory_broker import MemoryAdmin, MemoryBroker


def a_broker(*topics, groups=()):
    """A broker with some topics, and groups that have committed something."""
    broker = MemoryBroker()
    for topic in topics:
        broker.create(topic)
    for group in groups:
        broker.commit(group, "t", 0, 1)
    return broker


def test_only_topics_that_are_there_are_deleted_and_others_stay():
    broker = a_broker("a", "b", "other")
    forget(broker.admin(), ["a", "b", "never made"], [])
    assert broker.gone == ["a", "b"]
    assert set(broker.topics()) == {"other"}


def test_groups_are_forgotten_whether_they_were_used_or_not():
    broker = a_broker(groups={"used", "another"})
    forget(broker.admin(), [], ["used", "never used"])
    assert set(broker.committed) == {"another"}
    assert broker.gone == []


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_topics_that_were_made_are_waited_for_until_all_are_shown(looks):
    broker = a_broker("a", "b", "other")
    broker.unseen.extend([["b"]] * looks)
    await_shown(broker.admin(), ["a", "b"], pause_s=0.0)
    assert not broker.unseen


def test_a_topic_that_is_never_shown_is_told():
    with pytest.raises(TimeoutError, match=r"does not show b 0\.01 s after it was made"):
        await_shown(a_broker("a").admin(), ["a", "b"], patience_s=0.01, pause_s=0.0)


class Mute(MemoryAdmin):
    """Does what it is asked, as a client that is starved of its CPU, and never says so."""

    def delete_topics(self, *arguments, **more):
        return dict.fromkeys(super().delete_topics(*arguments, **more), Future())

    def delete_consumer_groups(self, *arguments):
        return dict.fromkeys(super().delete_consumer_groups(*arguments), Future())


@pytest.mark.timeout(20)
def test_a_client_that_never_answers_is_not_waited_for_without_end():
    broker = a_broker("a", "other", groups={"used"})
    forget(Mute(broker), ["a"], ["used"], patience_s=0.01, pause_s=0.0)
    assert (set(broker.topics()), set(broker.committed)) == ({"other"}, set())


@pytest.mark.parametrize("lingers", [0, 2])
def test_it_waits_until_the_broker_shows_the_topics_no_more(lingers):
    broker = a_broker("a")
    broker.lingering = lingers
    forget(broker.admin(), ["a"], [], pause_s=0.0)
    assert set(broker.admin().list_topics(1).topics) == set()


def test_topics_that_stay_are_told():
    broker = a_broker("a")
    broker.lingering = 10**9
    with pytest.raises(TimeoutError, match=r"still shows deleted topics after 0\.01 s"):
        forget(broker.admin(), ["a"], [], patience_s=0.01, pause_s=0.0)


def test_a_topic_that_can_not_be_deleted_is_an_error():
    broker = a_broker("a")
    broker.refusal = KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException):
        forget(broker.admin(), ["a"], [])


# ---------------------------------------------------------------------- on a real broker


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A broker of these tests' own: the platform's topics are made and deleted."""
    run = tmp_path_factory.mktemp("topics")
    with Stack(run, Wish(names=frozenset({"kafka", "registry"}), free_ports=True)):
        yield Settings.load(environment={}, run=run)


def partitions_on(settings):
    topics = AdminClient({"bootstrap.servers": settings.kafka}).list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


@pytest.mark.stack
def test_own_topics_are_there_for_a_measurement_and_gone_after_it(settings):
    with own_topics(settings, ["mine-1", "mine-2"], 3):
        assert partitions_on(settings).items() >= {"mine-1": 3, "mine-2": 3}.items()
    assert not {"mine-1", "mine-2"} & set(partitions_on(settings))


@pytest.mark.stack
def test_topics_of_a_measurement_that_failed_are_forgotten_too(settings):
    with pytest.raises(ZeroDivisionError), own_topics(settings, ["mine-3"], 1):
        1 / 0  # noqa: B018
    assert "mine-3" not in partitions_on(settings)


@pytest.mark.stack
def test_the_platforms_topics_are_empty_at_each_beginning(settings):
    asked = topic_of(QuestionAsked)
    for _ in range(2):
        with platform_topics(settings), closing(new_consumer(settings, "test")) as consumer:
            assert set(partitions_on(settings)) >= {topic.topic for topic in wanted(settings)}
            assert extent_of(consumer, asked, 0).end == 0
            with Writer(settings, "test") as writer:
                writer.write_all([(asked, 0, b"acme", b"value", ())])
            assert extent_of(consumer, asked, 0).end == 1
    assert asked not in partitions_on(settings)


@pytest.mark.stack
def test_a_bare_hop_takes_its_time_and_leaves_nothing_behind(settings):
    before = set(partitions_on(settings))
    assert bare_hop_ms(settings, records=5) > 0
    assert set(partitions_on(settings)) - before <= {"__consumer_offsets"}  # the broker's own
