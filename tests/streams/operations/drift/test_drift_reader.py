"""Reading drift from a broker in memory, and from the real one on the command line."""

import json

import pytest
from msgspec.structs import replace

from streams.log.addressing import address_of
from streams.operations.drift.drift_figures import DriftWindows
from streams.operations.drift.drift_reader import DriftReader
from streams.operations.drift.drift_sums import HOUR_US
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import NOW_US
from tests.memory_broker import MemoryConsumer, a_broker
from tests.streams.operations.drift.questions import CODEC, released, retrieved

WINDOWS = DriftWindows(24 * HOUR_US, 7 * 24 * HOUR_US)


class Log:
    """A broker in memory, and a reader of it."""

    def __init__(self):
        self.broker = a_broker()
        self.now = NOW_US
        self.reader = DriftReader(
            Settings(partitions=4),
            CODEC,
            WINDOWS,
            new_consumer=lambda *_, **__: MemoryConsumer(self.broker),
            clock_us=lambda: self.now,
        )

    def put(self, *events, **more):
        for event in events:
            topic, lane, key, headers = address_of(event)
            fields = {"key": key, "partition": lane, "headers": headers, **more}
            time_ms = event.meta.at // 1_000
            self.broker.put(
                topic, fields.pop("value", CODEC.encode(event)), time_ms=time_ms, **fields
            )

    def told(self):
        return {one.tenant: one for one in self.reader.read()}


@pytest.fixture
def log():
    return Log()


def test_each_reading_adds_what_came_since(log):
    log.put(retrieved(0), released(0))
    assert log.told()["acme"].current.questions == 1
    log.put(retrieved(1), retrieved(2, tenant="globex"))
    handed = log.broker.handed.copy()
    told = log.told()
    assert (told["acme"].current.questions, told["globex"].current.questions) == (2, 1)
    assert (log.broker.handed - handed).total() == 2


def test_what_is_now_becomes_what_was_before_and_is_forgotten(log):
    log.put(retrieved(0))
    log.now = NOW_US + 30 * HOUR_US
    told = log.told()["acme"]
    assert (told.current.questions, told.reference.questions) == (0, 1)
    log.now = NOW_US + 300 * HOUR_US
    assert log.told() == {}


def test_what_lies_wrong_or_is_older_is_passed_over(log):
    log.put(retrieved(0), key=b"globex")
    log.put(retrieved(1), value=b"\x00nonsense")
    log.put(retrieved(2, at=NOW_US - 400 * HOUR_US))
    assert log.told() == {}


def test_what_a_clock_far_ahead_wrote_is_never_held(log):
    log.put(retrieved(0, at=NOW_US + 400 * HOUR_US), retrieved(1, at=NOW_US + HOUR_US // 2))
    log.told()
    log.now = NOW_US + 400 * HOUR_US
    assert log.told() == {}
    log.now = NOW_US + HOUR_US
    log.put(retrieved(2, at=NOW_US + HOUR_US))
    assert log.told()["acme"].current.questions == 1


def test_a_topic_that_was_made_anew_is_read_anew(log):
    log.put(retrieved(0), retrieved(1))
    log.told()
    for place, rows in log.broker.rows.items():
        if place[0] == topic_of(retrieved()):
            rows.messages, rows.begin, rows.end = [], 0, 0
    log.put(retrieved(2))
    assert log.told()["acme"].current.questions == 3, (
        "what was counted stays, what is new comes to it"
    )


def test_records_of_any_lane_count(log):
    for lane in range(4):
        event = retrieved(lane)
        log.put(replace(event, meta=replace(event.meta, lane=lane)))
    assert log.told()["acme"].current.questions == 4


@pytest.mark.stack
def test_the_verb_tells_of_the_running_log(running):
    with running.client("drifting") as client:
        assert client.post("/v1/messages", json={"text": "What is the notice period?"}).is_success
    done = running.playhead("drift", "--tenant", "drifting", "--json")
    assert done.returncode == 0, done.stderr
    [told] = json.loads(done.stdout)["tenants"]
    assert (told["tenant"], told["current"]["questions"]) == ("drifting", 1)
    assert told["current"]["unanswered"] == 1.0
    assert "drifting" in running.playhead("drift").stdout
