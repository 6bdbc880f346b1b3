"""Metrics: what is counted, how lanes stand, and where it is told."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from streams.watching import metrics
from streams.watching.metrics import COUNTED, GAUGES, Counts, LaneState, PortTaken, observe, serve

ROOT = Path(__file__).parents[3]


@pytest.fixture
def step(request):
    """A step's name that no other test of this process uses."""
    return request.node.name


@pytest.fixture
def collect(step):
    """Collect what is told of the step: name -> {attribute values but for the step: value}."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    metrics._declare(provider.get_meter("test"))

    def collected():
        data = reader.get_metrics_data()
        told = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        points = {
            metric.name: {
                tuple(point.attributes.values())[1:]: point.value
                for point in metric.data.data_points
                if point.attributes["playhead.step"] == step
            }
            for metric in told
        }
        return {name: values for name, values in points.items() if values}

    yield collected
    provider.shutdown()


def a_lane(lane=0, **more):
    given = {"lag": 0, "in_flight": 0, "taken": 0, "oldest_age_s": 0.0, "paused": False, "bytes": 0}
    return LaneState(topic="t", lane=lane, **{**given, **more})


def test_counts_are_told_by_step_topic_and_lane(collect, step):
    counts = Counts(step)
    counts.add("events", 2)
    counts.add("events", 2, 3, topic="t")
    counts.add("retries", 1, topic="t")
    assert collect() == {
        "playhead.events": {("2",): 1, ("t", "2"): 3},
        "playhead.retries": {("t", "1"): 1},
    }
    counts.add("events", 2)
    assert collect()["playhead.events"]["2",] == 2
    assert counts.total("events") == 5


def test_another_name_is_counted_but_not_told(collect, step):
    counts = Counts(step)
    counts.add("nothing of ours", 0)
    assert counts.total("nothing of ours") == 1
    assert collect() == {}


def test_the_newest_counts_of_a_step_are_told(collect, step):
    Counts(step).add("events", 0, 7)
    Counts(step).add("events", 0, 1)
    assert collect()["playhead.events"] == {("0",): 1}


def test_lanes_are_told_as_they_stand_when_somebody_asks(collect, step):
    state = a_lane(3, lag=9, in_flight=2, taken=5, oldest_age_s=1.5, paused=True, bytes=640)
    lanes = [state, a_lane(1, uncommitted_s=0.25, stuck=True)]
    observe(step, lambda: lanes)
    told = collect()
    assert {name: values["t", "3"] for name, values in told.items()} == {
        "playhead.lane.lag": 9,
        "playhead.lane.in_flight": 2,
        "playhead.lane.taken": 5,
        "playhead.lane.bytes": 640,
        "playhead.lane.oldest.age": 1.5,
        "playhead.lane.uncommitted.age": 0,
        "playhead.lane.paused": 1,
        "playhead.lane.stuck": 0,
    }
    assert told["playhead.lane.uncommitted.age"]["t", "1"] == 0.25
    assert told["playhead.lane.stuck"]["t", "1"] == 1
    del lanes[0]
    assert set(collect()["playhead.lane.lag"]) == {("t", "1")}


def test_lanes_that_change_while_they_are_read_are_read_again(collect, step):
    tries = []

    def lanes():
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("dictionary changed size during iteration")
        return [a_lane(lag=4)]

    observe(step, lanes)
    assert collect()["playhead.lane.lag"] == {("t", "0"): 4}


def test_lanes_that_never_hold_still_are_left_out(collect, step):
    def lanes():
        raise RuntimeError("dictionary changed size during iteration")

    observe(step, lanes)
    assert collect() == {}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_worker_serves_its_metrics_as_prometheus_text():
    port = free_port()
    program = f"""
import sys
from streams.watching import metrics
from streams.settings import Settings
metrics.configure(Settings(), "a-test", port={port})
metrics.configure(Settings(), "another", port={port})  # the first call wins
metrics.Counts("embed").add("events", 3, 12, topic="playhead.chunks.redacted")
lane = metrics.LaneState("playhead.chunks.redacted", 3, 5, 1, 2, 0.5, True, 100)
metrics.observe("embed", lambda: [lane])
print("ready", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        process.stdin.close()
    lane = (
        'messaging_destination_name="playhead.chunks.redacted",'
        'messaging_destination_partition_id="3",playhead_step="embed"'
    )
    assert f"playhead_events_total{{{lane}}} 12.0" in text
    assert f"playhead_lane_oldest_age_seconds{{{lane}}} 0.5" in text
    assert f"playhead_lane_bytes{{{lane}}} 100.0" in text
    assert 'service_name="a-test"' in text
    told = set(re.findall(r"^(playhead_\w+?)(?:_total|_seconds)?{", text, re.MULTILINE))
    gauges = {f"playhead_lane_{name}".replace(".", "_") for name in GAUGES}
    assert told == gauges | {"playhead_events"}
    assert {"events", "retries", "dead_letters", "duplicates"} == set(COUNTED)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}.*PLAYHEAD_METRICS_PORT"):
            serve("127.0.0.1", port)


def test_attributes_have_few_values_and_the_topic_only_where_it_is_known():
    assert metrics.attributes("embed", "", 3) == {
        "playhead.step": "embed",
        "messaging.destination.partition.id": "3",
    }
    assert metrics.attributes("embed", "t", 3)["messaging.destination.name"] == "t"


def test_every_gauge_tells_another_thing_of_a_lane():
    state = LaneState("t", 0, 1, 2, 3, 4.0, True, 5, 6.0, False)
    assert sorted(value(state) for _, _, value in GAUGES.values()) == [0, 1, 1, 2, 3, 4.0, 5, 6.0]


@pytest.mark.parametrize("named", [*COUNTED.values(), *(gauge[:2] for gauge in GAUGES.values())])
def test_every_instrument_has_a_unit_and_a_description(named):
    unit, description = named
    assert unit in {"s", "By"} or re.fullmatch(r"{[a-z]+}", unit)
    assert description[0].isupper() or description[0] == "1"


def test_the_latest_way_of_reading_a_steps_lanes_is_taken(collect, step):
    observe(step, lambda: [a_lane(lag=1)])
    observe(step, lambda: [a_lane(lag=2)])
    assert collect()["playhead.lane.lag"] == {("t", "0"): 2}


def test_two_steps_are_told_apart(collect, step):
    Counts(f"{step}, another").add("events", 0, 5)
    Counts(step).add("events", 0, 3)
    assert collect()["playhead.events"] == {("0",): 3}
