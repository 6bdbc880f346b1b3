"""After a standstill nothing is written until the group has answered; a process that is merely busy writes on."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from streams.delivery.slot import HEARTBEAT_S, SESSION_S
from worker.lease import Lease

LIMIT_S, LONG_S, SHORT_S = 1.5, 2.0, 0.1  # a busy machine keeps a process waiting for a while, too


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lease(clock):
    return Lease(4.0, clock)


def test_while_it_ticks_all_is_well(lease, clock):
    for _ in range(10):
        clock.now_s += 4.0
        lease.tick()
    assert lease.sure()


def test_after_a_standstill_it_is_in_doubt_and_ticks_change_nothing(lease, clock):
    clock.now_s += 4.1
    assert not lease.sure()
    lease.tick()
    clock.now_s += 0.1
    assert not lease.sure()


def test_a_standstill_is_noticed_by_the_tick_too(lease, clock):
    clock.now_s += 4.1
    lease.tick()
    clock.now_s -= 4.1
    assert not lease.sure()


def test_a_standstill_within_a_tick_is_noticed():
    readings = iter([0.0, 0.05, 10.0, 10.0])
    lease = Lease(4.0, lambda: next(readings))
    lease.tick()
    assert not lease.sure()


async def renewing(lease, answers, clock):
    """Renew a lease by what the group answers, and the seconds that each answer takes."""
    asked = []

    async def prove():
        asked.append(lease.sure())
        answer, took_s = answers.pop(0)
        clock.now_s += took_s
        return answer

    task = asyncio.create_task(lease.renew(prove))
    while answers:  # noqa: ASYNC110 - each turn lets it ask
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    task.cancel()
    return asked


async def test_it_is_well_again_once_the_group_has_said_so(lease, clock):
    clock.now_s += 60
    assert await renewing(lease, [(False, 0), (False, 0), (True, 0)], clock) == [False] * 3
    assert lease.sure()
    clock.now_s += 4.1
    assert not lease.sure()


async def test_an_answer_that_took_longer_than_the_limit_counts_for_nothing(
    lease, clock, monkeypatch
):
    said = []
    note = SimpleNamespace(info=lambda event, **_: said.append(event), warning=lambda _: None)
    monkeypatch.setattr("worker.lease.log", note)
    clock.now_s += 60
    assert await renewing(lease, [(True, 4.1)], clock) == [False]
    assert not lease.sure()
    assert await renewing(lease, [(True, 4.1), (True, 3.9)], clock) == [False] * 2
    assert lease.sure()
    assert said.count("the lanes are known again") == 1


async def test_an_answer_counts_for_the_time_at_which_it_was_asked_for(lease, clock):
    clock.now_s += 60
    await renewing(lease, [(True, 3)], clock)
    clock.now_s += 0.9
    assert lease.sure()
    clock.now_s += 0.2
    assert not lease.sure()


def test_its_limit_ends_before_the_group_gives_a_silent_member_up(clock):
    """The last heartbeat was up to one interval before the standstill, and the next takes as long."""
    lease = Lease(clock=clock)
    clock.now_s += SESSION_S - 2 * HEARTBEAT_S
    assert lease.sure()
    clock.now_s += 0.01
    assert not lease.sure()
    assert HEARTBEAT_S < SESSION_S / 3


@pytest.mark.parametrize(
    ("has", "asked"),
    [(True, "CLOCK_BOOTTIME"), (False, "CLOCK_MONOTONIC")],
    ids=["Linux", "elsewhere"],
)
def test_its_clock_goes_on_while_the_machine_sleeps_where_there_is_one(monkeypatch, has, asked):
    clocks = SimpleNamespace(
        CLOCK_MONOTONIC="CLOCK_MONOTONIC", clock_gettime=lambda name: now_s[name]
    )
    if has:
        clocks.CLOCK_BOOTTIME = "CLOCK_BOOTTIME"
    monkeypatch.setattr("worker.lease.time", clocks)
    now_s = {"CLOCK_BOOTTIME": 1.0, "CLOCK_MONOTONIC": 1.0}
    lease = Lease(4.0)
    now_s[asked] += 4.1  # the others stood still
    assert not lease.sure()


async def test_who_is_well_asks_nobody(lease, clock):
    task = asyncio.create_task(lease.renew(None))
    await asyncio.sleep(0.25)
    assert not task.done()
    task.cancel()


# ---------------------------------------------------------------------- in a process that is really stopped

# all cases at once, as children of one process: to import what they need takes longer than they do
PROGRAM = f"""
import os, sys, time
from worker.lease import Lease

def say(*words):
    # in one piece: the children share the pipe
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def hold(case, busy_s):
    lease = Lease({LIMIT_S})
    lease.hold()
    say(case, "held", os.getpid())
    time.sleep(0.3)
    until = time.monotonic() + busy_s
    while time.monotonic() < until:
        sum(range(1000))  # this thread is busy, the process is not stopped
    time.sleep(0.1)
    return 0 if lease.sure() else 1

cases = dict(argument.split("=") for argument in sys.argv[1:])
children = {{}}
for case, busy_s in cases.items():
    if pid := os.fork():
        children[pid] = case
    else:
        os._exit(hold(case, float(busy_s)))
while children:
    pid, status = os.wait()
    say(children.pop(pid), "ended", os.waitstatus_to_exitcode(status))
"""
CASES = {"idle": 0.0, "busy": LONG_S, "stopped": 0.0, "stopped for a moment": 0.0}


@pytest.fixture(scope="module")
def doubts():
    """Case -> whether its process was in doubt at its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *(f"{case}={busy_s}" for case, busy_s in CASES.items())],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    held, ended = {}, {}
    for line in process.stdout:
        case, what, number = line.rsplit(maxsplit=2)
        (held if what == "held" else ended)[case] = int(number)
        if what == "held" and case.startswith("stopped"):
            seconds = SHORT_S if "moment" in case else LONG_S
            threading.Thread(target=stand_still, args=(held[case], seconds)).start()
    assert process.wait(timeout=60) == 0
    return {case: bool(code) for case, code in ended.items()}


def stand_still(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.slow  # processes that stand still for more than a second
@pytest.mark.parametrize(
    ("case", "in_doubt"),
    [("idle", False), ("busy", False), ("stopped", True), ("stopped for a moment", False)],
)
def test_only_a_standstill_makes_doubt(doubts, case, in_doubt):
    assert doubts[case] is in_doubt
