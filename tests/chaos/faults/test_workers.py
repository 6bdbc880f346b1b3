"""Workers that are set up wrongly, over scripts in their place."""

import pytest

from tests.chaos.faults.scripts import GROWS, WRITES, ScriptSlot, until
from tests.chaos.faults.workers import FENCED, WorkerFaults
from tests.chaos.plan import Fault, Plan

pytestmark = pytest.mark.slow  # it waits for processes
PLAN = Plan(1)
SAYS = f"import sys, time\nopen(sys.argv[1], 'w').write('{FENCED}\\n')\ntime.sleep(60)"


@pytest.fixture
def slots(tmp_path):
    slots = [ScriptSlot(number, tmp_path, WRITES, PLAN) for number in range(2)]
    for slot in slots:
        slot.start()
        until(slot.log.exists)
    yield slots
    for slot in slots:
        slot.end()


def test_another_worker_takes_the_place_of_one_that_runs_and_goes_again(tmp_path, slots):
    made, effects, fault = [], {}, Fault(0.0, "same slot")

    def another(number, place):
        made.append(ScriptSlot(number, tmp_path, SAYS, PLAN, place))
        return made[-1]

    with WorkerFaults(slots, effects, another).happenings()[fault.kind](fault) as done:
        assert done
        [intruder] = made
        assert intruder.place == slots[0].place == "worker-0"
        assert intruder.running
        assert intruder.log.read_text()
    assert not intruder.running
    assert effects == {fault.kind: {"lines about it": 1}}


def test_another_worker_that_does_not_come_is_not_waited_for_for_ever(tmp_path, slots):
    effects, fault = {}, Fault(0.0, "same slot")

    def another(number, place):
        return ScriptSlot(number, tmp_path, "import time\ntime.sleep(60)", PLAN, place)

    faults = WorkerFaults(slots, effects, another, patience_s=0.1)
    with faults.happenings()[fault.kind](fault) as done:
        assert done
    assert effects == {fault.kind: {"lines about it": 0}}


def test_where_no_worker_has_a_place_none_can_be_taken(tmp_path, slots):
    for slot in slots:
        slot.place = ""
    fault = Fault(0.0, "same slot")
    with WorkerFaults(slots, {}, None).happenings()[fault.kind](fault) as done:
        assert not done


def test_a_worker_that_needs_more_memory_than_there_is_ends(tmp_path):
    slot = ScriptSlot(0, tmp_path, GROWS, PLAN)
    slot.start()
    try:
        effects, fault = {}, Fault(0.0, "little memory")
        with WorkerFaults([slot], effects, None).happenings()[fault.kind](fault) as done:
            assert done
            until(lambda: not slot.running)
        assert effects == {fault.kind: {"workers": 1, "of them ended": 1}}
    finally:
        slot.end()
