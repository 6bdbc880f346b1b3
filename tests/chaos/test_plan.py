"""What follows from a seed alone."""

import hashlib
import shlex
from collections import Counter
from dataclasses import replace

import pytest

from replay.report import Difference, Report
from schemas import QuestionAsked
from streams.log.codec import HEADER
from streams.settings import Settings
from streams.topics import topic_of
from tests.chaos import harness
from tests.chaos.judgement import Judgement
from tests.chaos.load import Load
from tests.chaos.plan import EVERY_S, MEETS_S, MISSED, WEIGHTS, Plan, bound, faults, start
from tests.chaos.profiles import KINDS, LOSSES, NETWORK, PROFILES, REGISTRY, TOPICS, kinds_of
from tests.chaos.result import Result
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.memory_producer import MemoryProducer

PLAN = Plan(seed=1, requests=400, seconds=40.0, kills=12)
LONG = replace(PLAN, requests=6_000)
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


# ---------------------------------------------------------------------- profiles

OTHERS = [name for name in PROFILES if name != "kills"]


@pytest.mark.parametrize("profile", OTHERS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [30.0, 600.0])
def test_every_kind_of_a_profile_comes_and_lasts_as_long_as_it_says(profile, seed, seconds):
    plan = Plan(seed, seconds=seconds, kills=0, profile=profile)
    drawn = faults(plan)
    assert drawn == sorted(faults(plan))
    of_profile = [fault for fault in drawn if fault.kind in KINDS]
    assert {fault.kind for fault in of_profile} == set(kinds_of(profile))
    for fault in of_profile:
        least, most = KINDS[fault.kind].span_s
        assert least <= fault.for_s <= most
        assert 0 <= fault.at_s < seconds
    assert len(of_profile) == max(len(kinds_of(profile)), int(seconds / EVERY_S))


def test_another_seed_has_other_faults():
    plans = [Plan(seed, kills=0, profile="network") for seed in (1, 2)]
    assert faults(plans[0]) != faults(plans[1])


def test_what_only_a_start_can_meet_comes_with_a_kill():
    drawn = faults(Plan(1, kills=0, profile="registry"))
    kills = [fault.at_s for fault in drawn if fault.kind == "kill"]
    lies = [fault.at_s for fault in drawn if fault.kind in REGISTRY]
    assert kills == [at_s + MEETS_S for at_s in lies]


def test_kills_come_on_top_where_they_are_asked_for():
    drawn = faults(Plan(1, seconds=60.0, kills=5, profile="network"))
    assert set(WEIGHTS) | set(NETWORK) == {fault.kind for fault in drawn}
    assert set(WEIGHTS).isdisjoint(f.kind for f in faults(Plan(1, kills=0, profile="network")))


def test_the_kills_of_a_seed_stay_what_they_were():
    """A seed that was noted down with a failure must do the same again."""
    digest = hashlib.sha256(repr(faults(Plan(2026))).encode()).hexdigest()
    assert digest == "1dc526f522edca339475dcb5b27e7e962fb225c3400a6e5364b6abfb117088a8"
    assert not any(start(Plan(2026), slot, 1, NAMES).memory_mb for slot in range(3))


def test_a_profile_stands_on_what_its_faults_need():
    grounds = {name: Plan(1, profile=name) for name in PROFILES}
    assert {name for name, plan in grounds.items() if plan.brokers == 3} == {"brokers", "all"}
    assert {name for name, plan in grounds.items() if plan.linked} == {"network", "all"}
    assert {name for name, plan in grounds.items() if plan.lied_to} == {"registry", "all"}
    assert {name for name, plan in grounds.items() if plan.schemas} == {"registry", "all"}


def test_some_starts_have_little_memory_where_workers_are_set_up_wrongly():
    starts = [start(Plan(1, profile="workers"), 1, number, NAMES) for number in range(20)]
    assert {how.memory_mb for how in starts} == {0, 1}


def test_a_load_has_newer_schemas_one_after_the_other():
    ids = (1_000_001, 1_000_002, 1_000_003)
    broker = a_broker()
    plan = Plan(1, requests=3_000, profile="registry")
    producer = MemoryProducer(broker)
    load = Load(plan, Settings(), a_codec(), producer=producer, now_us=lambda: 1, newer_ids=ids)
    for _ in range(plan.requests):
        load.ask()
    producer.settle()
    newer = [
        number
        for one in broker.rows[topic_of(QuestionAsked), 0].messages
        if (value := one.value()) and len(value) > 5 and (number := schema_id_of_any(value)) in ids
    ]
    assert set(newer) == set(ids)
    assert sorted(set(newer), key=newer.index) == sorted(ids)  # copies of older ones come later


def schema_id_of_any(value):
    return HEADER.unpack_from(value)[1]


def test_starts_vary_by_slot_and_number_and_the_first_slot_hosts_all_steps():
    starts = [start(PLAN, slot, number, NAMES) for slot in range(3) for number in range(40)]
    assert starts == [start(PLAN, slot, n, NAMES) for slot in range(3) for n in range(40)]
    assert all(not how.steps for how in starts[:40])
    assert any(how.steps for how in starts)
    assert {how.hours > 0 for how in starts if how.hours} == {True, False}
    assert any(how.after_s for how in starts)


def test_one_tenant_floods_and_the_others_questions_are_its_neighbours():
    load, _ = drawn(LONG)
    flood = load.floods.all
    assert [len(requests) for requests in load.floods.requests] == [180, 180]
    assert flood == load.expected.flood
    assert not flood & load.floods.neighbours
    assert 1_000 < len(load.floods.neighbours) < LONG.requests - len(flood)


def drawn(plan):
    """Draw a load of which nothing is acknowledged; return it and the records."""
    broker = a_broker()
    broker.away = True
    load = Load(plan, Settings(), a_codec(), producer=MemoryProducer(broker), now_us=lambda: 1)
    for _ in range(load.steady):
        load.ask()
    load.producer.settle()
    return load, [(*place, one.key(), one.value()) for place, one in records_of(broker)]


def records_of(broker):
    return [(place, one) for place, rows in broker.rows.items() for one in rows.messages]


def test_a_seed_gives_the_same_load_again():
    assert drawn(LONG)[1] == drawn(LONG)[1]


def test_the_load_has_copies_poison_and_records_that_are_no_requests():
    load, records = drawn(LONG)
    requests = len(load.asked_s)
    assert requests == LONG.requests
    assert len(records) > requests
    fates = list(load._fates.values())
    assert 0 < fates.count("rejected") < 200
    assert any(value is None for *_, value in records)
    assert {lane for _, lane, *_ in records} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        Plan.of_outage("triton", 7, seed=3, requests=50, workers=2),
        Plan(5, 70, 60.0, 0, profile="network"),
        Plan(5, 70, 60.0, 4, profile="all"),
    ],
    ids=str,
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
    network = harness.planned({**given, "faults": "network", "seed": 1})
    assert network == Plan(1, 9_000, 180.0, 0, profile="network")
    assert harness.planned({**given, "faults": "all", "seed": 1}) == Plan(1, profile="all")


def test_no_failure_in_n_trials_proves_three_in_n():
    assert bound(300) == "0.01"
    assert bound(0) == "1"


def test_a_fault_that_nothing_was_seen_of_is_a_failure():
    plan = Plan(1, kills=0, profile="network")
    done = Counter({"cut": 2, "half-open": 1, "slow link": 1})
    effects = {kind: Counter(seen=1) for kind in NETWORK}
    assert Result(plan, Judgement(), Report(), done, effects=effects).failures == []
    assert "of half-open    seen 1" in str(
        Result(plan, Judgement(), Report(), done, effects=effects)
    )
    effects["cut"] = Counter(seen=0)
    del effects["half-open"]
    assert Result(plan, Judgement(), Report(), done, effects=effects).failures == [
        "cut was injected 2 times, and nothing was seen of it",
        "half-open was injected 1 times, and nothing was seen of it",
    ]


def test_where_topics_are_among_the_faults_a_log_that_was_lost_is_one_too():
    plan = Plan(1, kills=0, profile="topics")
    effects = {kind: Counter(seen=1) for kind in TOPICS}
    failures = Result(plan, Judgement(), Report(), Counter(), effects=effects).failures
    assert [failure.partition(" was")[0] for failure in failures] == list(LOSSES)


def test_a_worker_that_ended_by_itself_is_a_failure_unless_a_fault_allows_it():
    result = Result(PLAN, Judgement(), Report(), Counter(kill=12, excused=3))
    assert result.failures == []
    assert "0 ended by themselves, 3 under faults that allow it" in str(result)
    result.done["died"] = 1
    assert result.failures == ["1 workers ended by themselves: see their logs"]


@pytest.mark.parametrize("kind", ["diverged", "unreadable", "unverifiable"])
def test_what_does_not_verify_is_a_failure(kind):
    wrong = Difference("t", 0, 7, "id", "redact", "why")
    result = Result(PLAN, Judgement(), Report(**{kind: [wrong]}), Counter(kill=12))
    [failure] = result.failures
    assert "'offset': 7" in failure


def test_too_few_kills_are_a_failure():
    result = Result(PLAN, Judgement(), Report(), Counter(kill=11))
    assert result.failures == ["only 11 of 12 kills"]
    assert PLAN.command() in str(result)
    result.done["kill"] = 12
    assert result.failures == []
    assert "in 12 kills: < 0.25 a kill" in str(result)
