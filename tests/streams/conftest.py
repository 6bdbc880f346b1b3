"""What tests on the running broker share."""

import sys
import uuid

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.lone_broker import a_lone_broker


@pytest.fixture
def topic(running):
    """A topic of the test's own, with as many lanes as all others."""
    name = f"test.{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": running.settings.kafka, "log_level": 0})
    partitions = running.settings.partitions
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(60)
    yield name
    admin.delete_topics([name])[name].result(60)


@pytest.fixture(scope="session")
def lone_broker(tmp_path_factory):
    """A broker whose log a test may hurt, started once for all of them."""
    run = tmp_path_factory.mktemp("broker")
    with a_lone_broker(run, lambda line: sys.stderr.write(f"{line}\n")) as broker:
        yield broker
