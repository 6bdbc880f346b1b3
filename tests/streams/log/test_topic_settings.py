"""Which settings of a topic are wrong, and that what we make ourselves is right."""

from concurrent.futures import Future

import pytest

from schemas import ConfigurationSet, InboxQuestion, QuestionAsked
from streams.log.setup import check_topics, create_topics, wanted
from streams.log.topic_settings import (
    ASKED_MAX,
    OFFSETS_KEPT_MIN,
    RECORD_BYTES_NEEDED,
    WrongTopic,
    check_count,
    check_settings,
    settings_of,
    tell_of_forgetful_brokers,
)
from streams.settings import Settings
from streams.topics import topic_of
from tests.memory_broker import DEFAULTS, MemoryBroker

SETTINGS = Settings(partitions=8)
NEEDED = {topic.topic: topic for topic in wanted(SETTINGS)}
ASKED, INBOX, CONFIGURATION = (
    NEEDED[topic_of(record)] for record in (QuestionAsked, InboxQuestion, ConfigurationSet)
)


@pytest.mark.parametrize("topic", NEEDED.values(), ids=lambda topic: topic.topic)
def test_a_topic_that_we_make_on_a_broker_of_defaults_is_right(topic):
    check_settings(topic, {**DEFAULTS, **topic.config})


@pytest.mark.parametrize(
    ("topic", "name", "value"),
    [
        (ASKED, "max.message.bytes", str(RECORD_BYTES_NEEDED - 1)),
        (CONFIGURATION, "max.message.bytes", "1000"),
        (ASKED, "retention.ms", "0"),
        (ASKED, "retention.ms", "604800000"),
        (INBOX, "retention.ms", "1000"),
        (ASKED, "retention.bytes", "1"),
        (ASKED, "cleanup.policy", "compact"),
        (CONFIGURATION, "cleanup.policy", "delete"),
        (CONFIGURATION, "cleanup.policy", "compact,delete"),
    ],
)
def test_what_loses_records_or_refuses_them_is_wrong(topic, name, value):
    with pytest.raises(WrongTopic, match=f"{topic.topic} has {name}={value}, it must be"):
        check_settings(topic, {**DEFAULTS, **topic.config, name: value})


@pytest.mark.parametrize(
    ("topic", "name", "value"),
    [
        (ASKED, "max.message.bytes", "10485760"),
        (ASKED, "compression.type", "lz4"),
        (INBOX, "retention.ms", "-1"),
        (INBOX, "retention.ms", "86400000"),
        (CONFIGURATION, "retention.ms", "1"),
    ],
)
def test_what_keeps_and_takes_more_or_only_costs_is_right(topic, name, value):
    check_settings(topic, {**DEFAULTS, **topic.config, name: value})


def test_what_a_broker_does_not_tell_is_not_compared():
    check_settings(ASKED, {})


def test_what_to_do_is_said_with_a_value_that_can_be_set():
    with pytest.raises(WrongTopic) as error:
        check_settings(ASKED, {"max.message.bytes": "5"})
    assert str(error.value).endswith(f"--add-config max.message.bytes={RECORD_BYTES_NEEDED}")


def test_another_number_of_partitions_is_wrong():
    check_count(ASKED, 8)
    with pytest.raises(WrongTopic, match=r"has 7 partitions, .* say 8"):
        check_count(ASKED, 7)


def test_set_up_goes_no_further_beside_a_topic_that_loses_records():
    broker = MemoryBroker(partitions=8)
    create_topics(SETTINGS, broker.admin())
    check_topics(broker.admin(), list(NEEDED.values()))
    broker.settings[ASKED.topic]["retention.ms"] = "1000"
    with pytest.raises(WrongTopic, match="retention"):
        create_topics(SETTINGS, broker.admin())


def test_of_no_topic_nothing_is_asked():
    assert settings_of(MemoryBroker().admin(), []) == {}


class SilentAdmin:
    """An admin whose client says nothing for some questions, and nothing ever after."""

    def __init__(self, silent):
        self.admin = MemoryBroker().admin()
        self.silent = silent
        self.asked = 0

    def describe_configs(self, resources, request_timeout):
        self.asked += 1
        if self.asked <= self.silent:
            return {resource: Future() for resource in resources}
        return self.admin.describe_configs(resources, request_timeout)


def test_a_client_that_says_nothing_is_asked_again():
    admin = SilentAdmin(ASKED_MAX - 1)
    assert settings_of(admin, [ASKED.topic], word_s=0.0) == {ASKED.topic: DEFAULTS}
    assert admin.asked == ASKED_MAX


def test_a_client_that_never_says_anything_is_an_error():
    admin = SilentAdmin(ASKED_MAX)
    with pytest.raises(TimeoutError, match="told nothing of 1 topics"):
        settings_of(admin, [ASKED.topic], word_s=0.0)


@pytest.mark.parametrize(
    ("kept_min", "told"),
    [("10080", 1), (str(OFFSETS_KEPT_MIN - 1), 1), (str(OFFSETS_KEPT_MIN), 0), (None, 0)],
    ids=["default", "too short", "a year", "refused"],
)
def test_a_broker_that_forgets_how_far_a_step_has_come_is_told_of(capsys, kept_min, told):
    broker = MemoryBroker(partitions=8)
    broker.offsets_kept_min = kept_min
    assert tell_of_forgetful_brokers(broker.admin()) == told
    assert ("set offsets.retention.minutes to a year" in capsys.readouterr().out) == bool(told)


def test_it_is_told_where_topics_are_compared_and_keeps_nobody_from_starting(capsys):
    broker = MemoryBroker(partitions=8)
    broker.offsets_kept_min = "10080"
    create_topics(SETTINGS, broker.admin())
    assert "days=7.0" in capsys.readouterr().out


def test_our_own_broker_keeps_what_groups_have_committed(broker):
    assert tell_of_forgetful_brokers(broker.admin()) == 0
