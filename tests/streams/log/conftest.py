"""What tests run over that hold the broker in memory to what the real one does."""

import uuid
from contextlib import closing

import pytest

from tests.streams.log.brokers import InMemory, OnKafka


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def broker(request):
    if request.param == "memory":
        return InMemory(f"test.{uuid.uuid4().hex}")
    running, topic = request.getfixturevalue("running"), request.getfixturevalue("topic")
    return OnKafka(running.settings, topic)


@pytest.fixture
def consumer(broker):
    with closing(broker.consumer()) as consumer:
        yield consumer
