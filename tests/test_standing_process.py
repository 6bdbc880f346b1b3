"""A process that is said to stand still does, with all its threads."""

import subprocess
import sys

import pytest

from tests.standing_process import _states, standing

MANY_THREADS = """
import threading
def compute():
    while True: pass
for _ in range(20): threading.Thread(target=compute, daemon=True).start()
print("computing", flush=True)
compute()
"""


@pytest.fixture
def computing():
    with subprocess.Popen([sys.executable, "-c", MANY_THREADS], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"computing\n"
        yield process.pid
        process.kill()


def test_no_thread_of_a_standing_process_runs_on_and_it_goes_on_afterwards(computing):
    for _ in range(20):
        with standing(computing):
            assert _states(computing) == {"T"}
    assert "T" not in _states(computing)
