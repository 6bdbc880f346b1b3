"""What tests on the running broker share."""

import uuid

import pytest
from confluent_kafka.admin import AdminClient, NewTopic


@pytest.fixture
def topic(running):
    """A topic of the test's own, with as many lanes as all others."""
    name = f"test.{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": running.settings.kafka, "log_level": 0})
    partitions = running.settings.partitions
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
    yield name
    admin.delete_topics([name])[name].result(30)
