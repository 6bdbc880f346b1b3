"""What a watch relies on of the log's choices: those in memory keep it as the log does."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.log.activations import SHIPPED
from streams.log.configuration_log import CHOICES, CONTENTS, ConfigurationLog
from streams.log.setup import configuration_records
from streams.settings import Settings
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.streams.log.memory_choices import BRIEF, OURS, STEP, MemoryChoices, choice

CODEC = a_codec()


def nobody_answers(*_, **__):
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


class OnLog:
    """The real one, over a broker in memory."""

    def __init__(self):
        self.broker = a_broker()
        self.consumer = self.broker.consumer()
        self.log = ConfigurationLog(Settings(), CODEC, self.consumer)
        for record in configuration_records({STEP: BRIEF}):
            self.broker.put(CONTENTS, CODEC.encode(record), key=record.digest.encode())

    def put(self, made):
        self.broker.put(CHOICES, CODEC.encode(made.record), key=STEP.encode())

    def goes_away(self):
        self.consumer.get_watermark_offsets = nobody_answers
        self.consumer.offsets_for_times = nobody_answers


class InMemory:
    """Those in memory."""

    def __init__(self):
        self.log = MemoryChoices()

    def put(self, made):
        self.log.history.append(made)

    def goes_away(self):
        self.log.away = 1


@pytest.fixture(params=[OnLog, InMemory])
def held(request):
    return request.param()


def test_the_end_is_how_many_choices_were_written(held):
    assert held.log.end() == 0
    held.put(choice(0, BRIEF.digest))
    assert held.log.end() == 1


def test_the_last_choice_is_in_force(held):
    assert held.log.read().in_force(STEP, OURS[STEP]) == OURS[STEP]
    held.put(choice(0, BRIEF.digest))
    assert held.log.read().in_force(STEP, OURS[STEP]) == BRIEF
    held.put(choice(1, SHIPPED))
    assert held.log.read().in_force(STEP, OURS[STEP]) == OURS[STEP]


def test_choices_are_told_in_their_order_as_they_were_made(held):
    made = [choice(0, BRIEF.digest), choice(1, SHIPPED)]
    for one in made:
        held.put(one)
    told = held.log.read().history
    assert [(one.offset, one.record.digest) for one in told] == [
        (one.offset, one.record.digest) for one in made
    ]


def test_who_does_not_answer_is_an_error(held):
    held.goes_away()
    with pytest.raises((KafkaException, TimeoutError)):
        held.log.end()
