"""Starts of a gateway, side by side; and the log that they read."""

import json
import time
from importlib.util import find_spec

import pytest

from bench import gateway_starts as starts
from bench.child import MeasurementFailed, running
from bench.facts import TENANT
from bench.gateway_starts import AGAIN, EMPTY, FIRST, Start
from edge.listening.live_records import entry_of, whose_is
from schemas import QuestionAsked
from streams.log.lanes import lanes
from streams.settings import Settings
from streams.topics import topic_of
from tests.bench.shown import shown
from tests.fakes import a_codec
from tests.memory_broker import MemoryBroker
from tests.memory_producer import MemoryProducer

CODEC = a_codec()

SEEN = [
    Start(EMPTY, 0, 2.0, 2.0, 1.5, 90.0),
    Start(FIRST, 100_000, 4.0, 20.0, 15.0, 120.0),
    Start(AGAIN, 100_000, 2.5, 2.5, 1.5, 93.0),
]


def test_a_start_with_an_index_stands_beside_one_without():
    table = shown(starts.show, SEEN)
    line = next(line for line in table.splitlines() if line.startswith(AGAIN))
    serves, whole = ["2.5", "0.62x"], ["2.5", "0.12x"]
    assert line.split()[-9:] == ["100,000", *serves, *whole, "1.5", "0.10x", "93", "0.78x"]
    told = json.loads(json.dumps(starts.as_json(SEEN)))
    assert [one["log"] for one in told["starts"]] == [EMPTY, FIRST, AGAIN]


def test_questions_are_all_different_and_lie_where_their_tenants_do(tmp_path):
    settings = Settings(run=tmp_path, partitions=4)
    asked = list(starts.questions(settings, 200))
    assert all(isinstance(one, QuestionAsked) for one in asked)
    assert len({one.meta.request for one in asked}) == len({one.meta.id for one in asked}) == 200
    assert {one.meta.lane for one in asked} == set(lanes(TENANT, 4))


def asked(tmp_path, count):
    return starts.questions(Settings(run=tmp_path, partitions=4), count)


def test_all_questions_are_put_on_the_log_where_gateways_read_them(tmp_path):
    broker = MemoryBroker(partitions=4)
    broker.create(topic_of(QuestionAsked))
    starts.put(MemoryProducer(broker), CODEC, asked(tmp_path, 20), patience_s=20)
    [lane] = lanes(TENANT, 4)
    lying = broker.rows[topic_of(QuestionAsked), lane].messages
    assert [whose_is(one)[0] for one in lying] == [TENANT] * 20
    opened = [entry_of(CODEC, one, QuestionAsked) for one in lying]
    assert [entry.whose for entry in opened] == [whose_is(one) for one in lying]


def test_a_broker_that_takes_nothing_ends_the_part(tmp_path):
    broker = MemoryBroker(partitions=4)
    broker.away = True
    with pytest.raises(MeasurementFailed, match="did not take 3 records"):
        starts.put(MemoryProducer(broker), CODEC, asked(tmp_path, 3), patience_s=0.01)


def test_a_gateway_that_ends_or_never_serves_ends_the_part():
    nobody = "127.0.0.1:9"
    with running("no_such_module") as child, pytest.raises(MeasurementFailed, match="ended with 1"):
        starts.await_ready(child, nobody)
    with (
        running("timeit", "-n", "1", "import time; time.sleep(60)") as child,
        pytest.raises(MeasurementFailed, match=r"not ready within 0\.1 s"),
    ):
        starts.await_ready(child, nobody, patience_s=0.1)


def test_what_is_started_is_the_command_line():
    assert find_spec(starts.MODULE)


def test_the_memory_of_a_program_is_what_it_holds():
    with running(
        "timeit", "-n", "1", "x = bytearray(64 << 20); import time; time.sleep(60)"
    ) as child:
        deadline = time.monotonic() + 20
        while child.held_mib() < 64:
            child.check()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert child.held_mib() < 200


def test_a_program_that_ended_holds_nothing():
    with running("timeit", "-n", "1", "-r", "1", "pass") as child:
        child._process.wait(20)
        with pytest.raises(MeasurementFailed, match="ended with 0"):
            child.held_mib()


def test_all_stand_beside_the_start_without_an_index():
    lines = shown(starts.show, SEEN).splitlines()
    [first] = [line for line in lines if line.startswith(FIRST)]
    assert first.split()[-8:] == ["4.0", "1.00x", "20.0", "1.00x", "15.0", "1.00x", "120", "1.00x"]
    [empty] = [line for line in lines if line.startswith(EMPTY)]
    assert empty.split()[-9:] == [
        "0",
        "2.0",
        "0.50x",
        "2.0",
        "0.10x",
        "1.5",
        "0.10x",
        "90",
        "0.75x",
    ]
