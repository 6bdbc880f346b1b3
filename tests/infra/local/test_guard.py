"""Nothing with a stack's marker outlives its guard."""

import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from infra.local import guard

ROOT = Path(__file__).parents[3]


@pytest.fixture
def marker():
    return uuid.uuid4().hex


@pytest.fixture
def start(marker):
    started = []

    def begin(script, marker=marker):
        process = subprocess.Popen(
            ["sh", "-c", script],
            env={**os.environ, guard.MARKER: marker},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout.readline() == "up\n"
        return process

    yield begin
    guard.sweep(marker)
    for process in started:
        process.kill()
        process.communicate()


def test_a_marker_finds_its_own_processes_wherever_they_went(start, marker):
    parent = start("setsid sleep 60 & echo up; wait")
    other = start("echo up; exec sleep 60", uuid.uuid4().hex)
    found = {process.pid for process in guard.marked(marker)}
    assert parent.pid in found
    assert len(found) == 2
    assert other.pid not in found


def test_a_sweep_ends_what_ignores_a_term_and_no_others(start, marker):
    stubborn = start("trap '' TERM; echo up; while :; do sleep 60; done")
    other = start("echo up; exec sleep 60", uuid.uuid4().hex)
    assert guard.sweep(marker, grace_s=0.1) >= 1
    assert stubborn.wait(60) < 0
    assert other.poll() is None
    assert guard.sweep(marker) == 0


def test_a_guard_sweeps_when_the_other_end_of_its_pipe_is_gone(start, marker):
    child = start("echo up; exec sleep 60")
    watching = subprocess.Popen(
        [sys.executable, "-m", guard.__name__, marker], cwd=ROOT, stdin=subprocess.PIPE
    )
    assert watching.poll() is None
    assert child.poll() is None
    reaping = threading.Thread(target=child.wait)  # a guard waits for what is dead and not reaped
    reaping.start()
    watching.stdin.close()
    assert watching.wait(30) == 0
    reaping.join()
    assert child.returncode < 0
