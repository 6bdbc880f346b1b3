"""Full disks, over small processes in the place of broker and workers."""

import sys
from types import SimpleNamespace

import pytest

from infra.local.components import Component
from infra.local.keeper import State
from infra.local.site import Launch
from infra.local.supervisor import Stack, Wish
from tests.chaos.faults.disk import DiskFaults
from tests.chaos.faults.scripts import WRITES, ScriptSlot, until
from tests.chaos.plan import Fault, Plan

pytestmark = pytest.mark.slow  # it waits for processes
PLAN = Plan(1)


def a_ground(run, script):
    """A stack of one broker, which is a script, and what a fault asks of its ground."""
    argv = [sys.executable, "-c", script, str(run / "written"), "ends"]
    broker = Component(
        "kafka",
        lambda _: Launch(argv, {}),
        lambda *_: (run / "written").exists() and (run / "written").stat().st_size > 0,
        lambda _: None,
    )
    stack = Stack(
        run, Wish(free_ports=True), select=lambda *_: (broker,), backoff_s=(0.05,), poll_s=0.01
    )
    return SimpleNamespace(stack=stack, brokers=("kafka",))


def test_a_broker_whose_disk_is_full_ends_and_is_back_when_there_is_room(tmp_path):
    ground, effects = a_ground(tmp_path, WRITES), {}
    fault = Fault(0.0, "broker disk full")
    with ground.stack as stack:
        with DiskFaults(ground, [], effects).happenings()[fault.kind](fault) as done:
            assert done
            until(lambda: stack._keepers["kafka"].restarts > 0)
        assert stack._keepers["kafka"].state is State.READY
    assert effects[fault.kind]["restarts of the broker"] >= 1


def test_a_broker_that_writes_nothing_meets_no_full_disk(tmp_path):
    (tmp_path / "written").write_text("before")
    ground, effects = a_ground(tmp_path, "import time; time.sleep(60)"), {}
    fault = Fault(0.0, "broker disk full")
    with ground.stack, DiskFaults(ground, [], effects).happenings()[fault.kind](fault):
        pass
    assert effects == {"broker disk full": {"restarts of the broker": 0}}


def test_workers_write_nothing_while_the_run_folder_is_full(tmp_path):
    slots = [ScriptSlot(number, tmp_path, WRITES, PLAN) for number in range(2)]
    for slot in slots:
        slot.start()
    try:
        until(lambda: all(slot.log.exists() and slot.log.stat().st_size for slot in slots))
        effects, fault = {}, Fault(0.0, "run folder full")
        with DiskFaults(None, slots, effects).happenings()[fault.kind](fault) as done:
            assert done
        assert effects == {fault.kind: {"workers": 2, "silent logs": 2}}
        written = slots[0].log.stat().st_size
        until(lambda: slots[0].log.stat().st_size > written)
    finally:
        for slot in slots:
            slot.end()
