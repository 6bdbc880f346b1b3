"""What follows from a seed alone."""

import pytest

from tests.chaos.harness import Plan, bound, faults

PLAN = Plan(seed=1, questions=400, seconds=32.0, gap_s=2.2)


def test_a_seed_gives_the_same_faults_again():
    assert faults(PLAN) == faults(PLAN)
    assert faults(PLAN) != faults(Plan(2, 400, 32.0, gap_s=2.2))


@pytest.mark.parametrize("seed", range(20))
def test_every_schedule_kills_the_broker_too(seed):
    drawn = faults(Plan(seed, 400, 32.0, gap_s=2.2))
    assert "broker" in {fault.kind for fault in drawn}
    assert [fault.at_s for fault in drawn] == sorted(fault.at_s for fault in drawn)


def test_no_failure_in_n_trials_proves_three_in_n():
    assert bound(300) == "1.00%"
    assert bound(0) == "100%"
