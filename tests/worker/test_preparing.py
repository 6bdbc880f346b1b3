"""What a worker waits for before it starts is waited for side by side."""

import asyncio
import gc
import threading

import pytest

from streams.running.collector import GC_OBJECTS, SELDOM
from streams.settings import Settings
from streams.topics import step
from tests.fake_connectors import FakeKeyring
from worker import preparing
from worker.preparing import prepared
from worker.wiring import declare_all

STEPS = [step("embed"), step("index")]


class Waits:
    """Three things that are ready only when all of them have been begun."""

    def __init__(self, monkeypatch):
        self.begun = threading.Barrier(3, timeout=60)
        self.asked_for = {}
        for name in ("connect", "log_made_ready"):
            monkeypatch.setattr(preparing, name, getattr(self, name))
        monkeypatch.setattr(preparing, "wait_for_topics", self.wait_for_topics)
        monkeypatch.setattr(preparing, "attach", self.attach)
        monkeypatch.setattr(preparing, "followed", lambda _settings, ids: f"by {ids}")
        monkeypatch.setattr(preparing, "hold_slots", lambda _settings, groups: groups)
        self.keyring = FakeKeyring()

    def connect(self, _settings, steps):
        self.asked_for["connectors"] = steps
        self.begun.wait()
        self.looks = gc.get_threshold()
        return [self.keyring], self.keyring

    def log_made_ready(self, _settings):
        self.begun.wait()
        return "ids"

    async def wait_for_topics(self, _settings, steps):
        self.asked_for["topics"] = steps
        await asyncio.to_thread(self.begun.wait)

    def attach(self, *given):
        return given


@pytest.fixture
def settings(tmp_path):
    return Settings(run=tmp_path)


async def test_log_registry_and_connectors_are_waited_for_at_once(monkeypatch, settings):
    waits = Waits(monkeypatch)
    hosted = declare_all(settings, STEPS)
    given = await asyncio.wait_for(prepared(settings, hosted), 60)
    groups = [one.group for one in hosted]
    assert given == (settings, hosted, [waits.keyring], waits.keyring, "ids", "by ids", groups)
    assert waits.asked_for == {"connectors": STEPS, "topics": STEPS}
    assert waits.looks == (GC_OBJECTS, *SELDOM), "what is loaded meanwhile is no garbage"


@pytest.mark.parametrize("name", ["connect", "log_made_ready"])
async def test_what_can_not_be_prepared_is_raised(monkeypatch, settings, name):
    waits = Waits(monkeypatch)
    waits.begun = threading.Barrier(2, timeout=60)

    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(preparing, name, fails)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(prepared(settings, declare_all(settings, STEPS)), 60)


def test_apps_of_one_worker_share_its_memory(settings):
    one, other = declare_all(settings, STEPS)
    assert one.app.memory is other.app.memory
