"""What a worker does with a step's app and its runner: the fake bears it as the real ones do."""

import asyncio

import pytest
from mode import Service
from mode.services import ServiceT

from streams.delivery.memory import Memory
from streams.settings import Settings
from streams.topics import step
from tests.worker.fake_worker import FakeHosted, FakeStepApp
from worker.wiring import declare


def fake(tmp_path):
    app = FakeStepApp("first", "", tmp_path / "ready.json")
    return FakeHosted(app=app, runner=app)


def real(tmp_path):
    return declare(Settings(run=tmp_path, kafka="127.0.0.1:9"), step("embed"), Memory(1_000))


@pytest.fixture(params=[fake, real], ids=["fake", "real"])
async def entry(request, tmp_path):
    return request.param(tmp_path)


async def test_an_app_is_a_service_that_has_not_started_and_can_be_told_whose_it_is(entry):
    assert isinstance(entry.app, ServiceT)
    assert entry.app.started is False
    assert entry.app.in_worker is False
    entry.app.in_worker = True
    entry.app.may_write = lambda: False
    entry.app.beacon.reattach(Service().beacon)


async def test_a_runner_without_events_is_drained_at_once_and_may_be_twice(entry):
    for _ in range(2):
        assert await asyncio.wait_for(entry.runner.drain(60.0), 10) is None


async def test_a_runner_says_whether_it_is_ready(entry):
    assert type(entry.runner.ready) is bool


async def test_its_consumer_is_told_to_stop_taking_and_its_publisher_to_close(entry):
    assert entry.app.consumer.stop_taking() is None
    assert await asyncio.wait_for(entry.app.publisher.close(1.0), 10) is None


async def test_whose_lanes_have_not_come_waits_for_nothing(entry):
    assert entry.trouble == ""
