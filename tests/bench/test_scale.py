"""More workers beside one."""

import json
from importlib.util import find_spec

import pytest

from bench import scale
from bench.child import MeasurementFailed
from bench.transports.drive import Burst
from bench.trivial_steps import QUESTION
from tests.bench.shown import shown


def a_burst(hop_rate, cpu_us=100.0, idle_share=0.0):
    return Burst(1_000, 1.0, hop_rate, cpu_us, idle_share)


def test_more_workers_stand_beside_one():
    turns = {1: [a_burst(1_000.0, 900.0)], 2: [a_burst(1_500.0, 1_000.0)]}
    one, two = scale.rows(turns)
    assert two.hop_rate.ratio == 1.5
    assert one.cpus.median == pytest.approx(0.9)
    assert "1.50x" in shown(scale.show, [one, two])
    assert json.loads(json.dumps(scale.as_json([one, two])))["rows"][1]["workers"] == 2


@pytest.mark.parametrize("workers", [(1, 2, 4), (2, 8)])
def test_the_first_number_of_workers_is_what_the_others_stand_beside(workers):
    turns = {count: [a_burst(100.0 * count), a_burst(200.0 * count)] for count in workers}
    rows = scale.rows(turns)
    assert [row.workers for row in rows] == list(workers)
    assert [row.hop_rate.ratio for row in rows] == [count / workers[0] for count in workers]


def test_idle_is_told_as_a_share():
    [row] = scale.rows({1: [a_burst(1.0, idle_share=share) for share in (0.1, 0.3, 0.2)]})
    assert (row.idle_share.low, row.idle_share.median, row.idle_share.high) == (0.1, 0.2, 0.3)


@pytest.mark.parametrize("rounds", [1, 3])
def test_numbers_of_workers_take_turns(rounds):
    took, said = [], []

    def take(workers):
        took.append(workers)
        return a_burst(1_000.0 * workers + len(took))

    turns = scale.in_turns(scale.Scaling(rounds, workers=(1, 4)), take, said.append)
    assert took == [1, 4] * rounds
    assert list(turns) == [1, 4]
    assert [burst.hop_rate for burst in turns[4]] == [4_000.0 + 2 * n for n in range(1, rounds + 1)]
    assert said[:2] == [
        f"round 1 of {rounds}: 1 workers: 1,001 hop-events/s",
        f"round 1 of {rounds}: 4 workers: 4,002 hop-events/s",
    ]
    assert len(said) == 2 * rounds


def test_workers_that_fail_end_the_part():
    def take(workers):
        raise MeasurementFailed(f"{workers} workers ended")

    with pytest.raises(MeasurementFailed, match="1 workers ended"):
        scale.in_turns(scale.Scaling(), take, pytest.fail)


def test_cores_are_what_the_workers_took_in_all():
    [row] = scale.rows({2: [a_burst(10_000.0, cpu_us=100.0), a_burst(20_000.0, cpu_us=50.0)]})
    assert row.cpus.median == pytest.approx(1.0)
    assert (row.hop_rate.low, row.hop_rate.high) == (10_000.0, 20_000.0)


def test_every_number_of_workers_has_a_line_with_its_ratio():
    rows = scale.rows({1: [a_burst(1_000.0)], 2: [a_burst(1_900.0)], 4: [a_burst(3_000.0)]})
    head, *lines = shown(scale.show, rows).splitlines()[1:]
    assert head.split()[:3] == ["workers", "hop-events/s", "x"]
    assert [line.split()[:3] for line in lines] == [
        ["1", "1,000", "1.00x"],
        ["2", "1,900", "1.90x"],
        ["4", "3,000", "3.00x"],
    ]


def test_the_hops_are_as_many_as_a_question_takes():
    assert len(QUESTION) == scale.HOPS
    assert find_spec(scale.PROGRAM)
