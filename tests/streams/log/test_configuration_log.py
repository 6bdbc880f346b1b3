"""What a real broker holds of configurations: choices in their order, and what is none among them."""

from contextlib import closing

import pytest
from confluent_kafka.cimpl import NewTopic

from schemas import ConfigurationActivated
from streams.log.activations import SHIPPED
from streams.log.configuration import configuration, load
from streams.log.configuration_log import (
    CHOICES,
    CONTENTS,
    ConfigurationLog,
    activation,
    put_choice,
)
from streams.log.writing import Writer
from tests.fakes import a_codec

CODEC = a_codec()
STEP = "generate"
OURS = load()[STEP]
BRIEF, LONG = (
    configuration(STEP, {**OURS.values, "passage_tokens": tokens}) for tokens in (40, 400)
)


@pytest.fixture
def settings(lone_broker):
    """Return those of a broker on which nothing was chosen yet, with the topics of configurations."""
    admin = lone_broker.admin()
    known = admin.list_topics(timeout=30).topics
    old = [name for name in (CHOICES, CONTENTS) if name in known]
    for done in admin.delete_topics(old).values() if old else ():
        done.result(60)
    return lone_broker.settings


@pytest.fixture
def topics(lone_broker, settings):
    def make():
        admin = lone_broker.admin()
        new = [NewTopic(name, 1, 1) for name in (CHOICES, CONTENTS)]
        for done in admin.create_topics(new, operation_timeout=30).values():
            done.result(60)

    return make


def chosen(digest, previous=SHIPPED):
    return ConfigurationActivated(step=STEP, digest=digest, previous=previous)


@pytest.mark.stack
def test_choices_are_read_as_they_were_made_whatever_lies_between(settings, topics):
    with closing(ConfigurationLog(settings, CODEC)) as log:
        assert log.end() is None
        topics()
        with Writer(settings, "test") as writer:
            first = put_choice(writer, CODEC, activation(chosen(BRIEF.digest), "1"), BRIEF)
            writer.write_all([(CHOICES, 0, b"generate", b"no record", ())])
            writer.write_all([(CHOICES, 0, None, None, ())])
            last = put_choice(writer, CODEC, activation(chosen(LONG.digest), "2"), LONG)
            told = log.read()
            assert (first.offset, last.offset, log.end()) == (0, 3, 4)
            assert told.in_force(STEP, OURS) == LONG
            assert [bool(one.ignored) for one in told.history] == [False, True, True, False]
            assert told.history[-1].replaced == BRIEF.digest
            put_choice(writer, CODEC, activation(chosen(SHIPPED, LONG.digest), "3"), None)
        assert log.read().in_force(STEP, OURS) == OURS
