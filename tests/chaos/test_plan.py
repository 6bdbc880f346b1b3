"""What follows from a seed alone."""

import shlex
from collections import Counter

import pytest

from replay.report import Report
from streams.settings import Settings
from tests.chaos import harness
from tests.chaos.judgement import Judgement
from tests.chaos.load import Load
from tests.chaos.plan import MISSED, WEIGHTS, Plan, bound, faults, start
from tests.chaos.result import Result
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.memory_producer import MemoryProducer

PLAN = Plan(seed=1, requests=400, seconds=40.0, kills=12)
NAMES = ("ingest", "redact", "embed")


def test_a_seed_gives_the_same_faults_again():
    assert faults(PLAN) == faults(PLAN)
    assert faults(PLAN) != faults(Plan(seed=2, requests=400, seconds=40.0, kills=12))


@pytest.mark.parametrize("seed", range(20))
def test_every_schedule_has_every_kind_of_fault_and_kills_to_spare(seed):
    drawn = faults(Plan(seed, 400, 40.0, 12))
    assert {fault.kind for fault in drawn} == set(WEIGHTS)
    assert sum(fault.count for fault in drawn if fault.kind == "kill") >= 12 * MISSED
    assert [fault.at_s for fault in drawn] == sorted(fault.at_s for fault in drawn)
    assert drawn[-1].at_s < 40


def test_an_outage_is_the_only_fault_of_its_plan():
    [fault] = faults(Plan.of_outage("broker", 60, seed=1))
    assert (fault.kind, fault.for_s) == ("outage", 60)


def test_starts_vary_by_slot_and_number_and_the_first_slot_hosts_all_steps():
    starts = [start(PLAN, slot, number, NAMES) for slot in range(3) for number in range(40)]
    assert starts == [start(PLAN, slot, n, NAMES) for slot in range(3) for n in range(40)]
    assert all(not how.steps for how in starts[:40])
    assert any(how.steps for how in starts)
    assert {how.hours > 0 for how in starts if how.hours} == {True, False}
    assert any(how.after_s for how in starts)


def drawn(plan):
    """Draw a load of which nothing is acknowledged; return it and the records."""
    broker = a_broker()
    broker.away = True
    load = Load(plan, Settings(), a_codec(), producer=MemoryProducer(broker), now_us=lambda: 1)
    for _ in range(3_000):
        load.ask()
    load.producer.settle()
    return load, [(*place, one.key(), one.value()) for place, one in records_of(broker)]


def records_of(broker):
    return [(place, one) for place, rows in broker.rows.items() for one in rows.messages]


def test_a_seed_gives_the_same_load_again():
    assert drawn(PLAN)[1] == drawn(PLAN)[1]


def test_the_load_has_copies_poison_and_records_that_are_no_requests():
    load, records = drawn(PLAN)
    requests = len(load.asked_s)
    assert requests == 3_000
    assert len(records) > requests
    fates = list(load._fates.values())
    assert 0 < fates.count("rejected") < 100
    assert any(value is None for *_, value in records)
    assert {lane for _, lane, *_ in records} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "plan", [PLAN, Plan.of_outage("triton", 7, seed=3, requests=50, workers=2)], ids=str
)
def test_the_command_that_a_failure_prints_runs_the_same_plan(plan):
    options = dict(word.split("=") for word in shlex.split(plan.command())[2:])
    spelled = {"REQUESTS": "--requests", "AWAY_S": "--away-s"}
    arguments = [
        word
        for name, value in options.items()
        for word in (spelled.get(name, f"--{name.lower()}"), value)
    ]
    given = harness.main.make_context("chaos", arguments).params
    assert harness.planned(given) == plan


def test_what_is_not_asked_for_is_as_the_long_run_has_it():
    given = harness.main.make_context("chaos", []).params
    plan = harness.planned(given)
    assert plan == Plan(seed=plan.seed)
    assert harness.planned({**given, "outage": "broker", "seed": 1}).requests == 6_000


def test_no_failure_in_n_trials_proves_three_in_n():
    assert bound(300) == "0.01"
    assert bound(0) == "1"


def test_too_few_kills_are_a_failure():
    result = Result(PLAN, Judgement(), Report(), Counter(kill=11))
    assert result.failures == ["only 11 of 12 kills"]
    assert PLAN.command() in str(result)
    result.done["kill"] = 12
    assert result.failures == []
    assert "in 12 kills: < 0.25 a kill" in str(result)
