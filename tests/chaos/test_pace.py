"""The clock of a plan stands while too much waits, and load, kills and clients stand with it."""

import math
from collections import Counter
from types import SimpleNamespace

import pytest

from replay.report import Report
from tests.chaos.faults.scripts import ENDS, ScriptSlot
from tests.chaos.injector import Injector
from tests.chaos.judgement import Judgement
from tests.chaos.pace import Pace, waiting_max_of
from tests.chaos.plan import Fault, Plan
from tests.chaos.result import Result


class ScriptedTime:
    """A clock and a number of waiting requests, set by hand."""

    def __init__(self):
        self.at_s, self.waiting = 100.0, 0

    def pace(self, waiting_max=10):
        return Pace(lambda: self.waiting, waiting_max, lambda: self.at_s)

    def after(self, seconds, waiting):
        self.at_s += seconds
        self.waiting = waiting


def test_it_goes_while_as_much_waits_as_may_and_stands_while_more_does():
    time = ScriptedTime()
    pace = time.pace()
    for seconds, waiting in ((5, 0), (7, 10), (30, 11), (100, 500), (2, 10)):
        time.after(seconds, waiting)
        pace.passed_s()
    assert (pace.last_s, pace.stood_s) == (5 + 7 + 2, 30 + 100)


def test_no_kill_comes_while_it_stands_and_none_is_left_out(tmp_path):
    time = ScriptedTime()
    plan = Plan(1, workers=1, kills=0, profile="network")
    injector = Injector(
        plan,
        SimpleNamespace(run=tmp_path, stack=None, environment={}),
        print,
        time.pace(),
        lambda *_: {},
    )
    injector.slots[:] = [ScriptSlot(0, tmp_path, ENDS, plan)]
    injector.schedule([Fault(1.0, "kill"), Fault(2.0, "kill")])
    came = []
    for seconds, waiting in ((1.5, 0), (1_000, 11), (0.4, 0), (0.2, 0)):
        time.after(seconds, waiting)
        before = len(injector._planned)
        injector.tend()
        came.append(before - len(injector._planned))
    injector.close()
    assert came == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(1, requests=1_000, seconds=100.0), 1_000 * 0.06 + 600),
        (Plan.of_outage("broker", 500.0, seed=1), math.inf),
    ],
)
def test_two_floods_and_a_minute_of_load_may_wait_and_in_an_outage_everything(plan, expected):
    assert waiting_max_of(plan) == pytest.approx(expected)


@pytest.mark.parametrize(("stood_s", "told"), [(0.0, False), (31.2, True)])
def test_a_run_says_how_long_it_stood(stood_s, told):
    result = Result(Plan(1), Judgement(), Report(), Counter(), stood_s=stood_s)
    assert ("31 while too much waited" in str(result)) == told
    assert result.as_json()["stood_s"] == stood_s
