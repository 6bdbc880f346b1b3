"""Tries that achieved nothing are counted, for a while; what lies between them grows."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.delivery.tries import GaveUp, Tries
from tests.fake_clock import FakeClock


def test_pauses_grow_between_tries_and_none_is_before_the_first():
    tries, error = Tries("group", most=4), KafkaException(KafkaError(KafkaError._FATAL))
    assert [tries.another(error) for _ in range(4)] == [0.0, 0.5, 1.0, 2.0]
    tries.achieved()
    assert [tries.another(error) for _ in range(2)] == [0.0, 0.5]


def test_tries_that_lie_long_back_count_no_more():
    clock = FakeClock()
    tries = Tries("group", most=2, within_s=10.0, clock=clock)
    for _ in range(6):
        tries.another(OSError())
        clock.now += 5.1
    clock.now -= 5.1
    with pytest.raises(GaveUp):
        tries.another(OSError())
