"""What happens to workers and faults in a run: counted, timed, and excused only where a fault allows it."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tests.chaos.faults.scripts import ENDS, ScriptSlot, started, until
from tests.chaos.injector import Injector
from tests.chaos.plan import Fault, Plan

pytestmark = pytest.mark.slow  # it waits for processes
PLAN = Plan(1, workers=1, kills=0, profile="network")
EXCUSING, STRICT = "little memory", "cut"


def an_injector(tmp_path, happening):
    ground = SimpleNamespace(run=tmp_path, stack=None, environment={})
    kinds = dict.fromkeys((EXCUSING, STRICT), happening)
    injector = Injector(PLAN, ground, lambda _: None, offer=lambda *_: kinds)
    injector.slots[:] = [ScriptSlot(0, tmp_path, ENDS, PLAN)]
    return injector


@contextmanager
def can(fault):
    yield True


@contextmanager
def can_not(fault):
    yield False


@contextmanager
def breaks(fault):
    raise OSError("no such thing")
    yield True


@pytest.mark.parametrize(("kind", "excused"), [(EXCUSING, 1), (STRICT, 0)])
def test_a_worker_may_end_by_itself_only_under_a_fault_that_allows_it(tmp_path, kind, excused):
    injector = an_injector(tmp_path, can)
    injector.schedule([Fault(0.0, kind, for_s=30.0)])
    until(lambda: injector.tend() or injector.done[kind])
    injector.slots[0].process = started(ENDS)
    until(lambda: injector.tend() or injector.done["died"] + injector.done["excused"])
    injector.close()
    assert (injector.done["excused"], injector.done["died"]) == (excused, 1 - excused)


def test_a_fault_counts_when_it_could_be_made(tmp_path):
    for happening, number in ((can, 1), (can_not, 0)):
        injector = an_injector(tmp_path, happening)
        injector.schedule([Fault(0.0, STRICT)])
        until(lambda it=injector: it.tend() or not it.busy)
        injector.close()
        assert injector.done[STRICT] == number
        assert [kind for kind, _ in injector.hits] == [STRICT] * number


def test_a_fault_that_breaks_is_told_and_excuses_nobody(tmp_path):
    injector = an_injector(tmp_path, breaks)
    injector.schedule([Fault(0.0, STRICT)])
    until(lambda: injector.tend() or not injector.busy)
    injector.close()
    assert injector.stuck == ["cut went wrong: OSError: no such thing"]


def test_a_run_is_busy_while_a_fault_lasts_and_an_end_does_not_wait_for_it(tmp_path):
    injector = an_injector(tmp_path, can)
    injector.schedule([Fault(0.0, STRICT, for_s=1_000.0)])
    until(lambda: injector.tend() or injector.done[STRICT])
    assert injector.busy
    injector.close()
    assert not injector.busy
