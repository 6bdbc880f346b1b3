"""The gateway's place: killed, stopped and started again at times that the seed decides."""

import sys

import pytest

from tests.chaos.gateway_seat import GatewaySeat
from tests.chaos.plan import Plan

PLAN = Plan(seed=3, requests=100, seconds=10.0, kills=100)


class SleepingSeat(GatewaySeat):
    """A place whose process waits to be ended."""

    def command(self):
        return [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def seat(tmp_path):
    seat = SleepingSeat(tmp_path, PLAN, {})
    yield seat
    seat.close()


def test_the_seed_decides_when_it_is_ended(tmp_path):
    times = [GatewaySeat(tmp_path, PLAN, {}).times_s for _ in range(2)]
    assert times[0] == times[1]
    assert len(times[0]) == 6
    assert all(0 < at_s < PLAN.seconds for at_s in times[0])
    outage = Plan.of_outage("broker", 5, seed=3, requests=1, workers=1)
    assert GatewaySeat(tmp_path, outage, {}).times_s == []


@pytest.mark.slow
def test_it_is_ended_when_it_is_due_and_comes_back(seat):
    seat.start()
    lives = {seat.process.pid}
    for at_s in [*seat.times_s]:
        seat.times_s = [at_s]  # no other one is due before it is back
        seat.tend(at_s)
        seat.process.wait()
        seat.tend(at_s + 0.001)
        assert seat.process is None
        seat.tend(at_s + 100)
        lives.add(seat.process.pid)
    assert seat.kills + seat.stops == len(lives) - 1 == 6
    assert seat.died == 0


@pytest.mark.slow
def test_one_that_ended_by_itself_is_told_of(seat):
    seat.start()
    seat.calm()
    seat.process.kill()
    seat.process.wait()
    seat.tend(1.0)
    assert seat.as_json() == {"kill": 0, "stop": 0, "died": 1}
