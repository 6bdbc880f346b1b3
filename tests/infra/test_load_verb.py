"""What a local stack's programs used, for `playhead load`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil

from infra import load_verb
from infra.load_verb import cpu_used


def test_each_program_with_all_that_it_started_and_the_driver(tmp_path, monkeypatch):
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3*10**7))'])"
    parent = subprocess.Popen([sys.executable, "-c", busy + "; input()"], stdin=subprocess.PIPE)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    try:
        pids = {"worker": parent.pid, "gone": gone.pid, "away": None}
        state = {"components": {name: {"pid": pid} for name, pid in pids.items()}}
        monkeypatch.setattr(load_verb, "supervisor", lambda _: psutil.Process())
        (tmp_path / "state.json").write_text(json.dumps(state))
        used = cpu_used(tmp_path)
        while used["worker"] < 0.2:  # whether it runs or has ended, it is counted
            used = cpu_used(tmp_path)
        assert set(used) == {"worker", "driver"}
    finally:
        parent.communicate(b"\n")


def test_where_nothing_runs_nothing_is_told(tmp_path):
    assert cpu_used(tmp_path) == {}
    left = {"components": {"worker": {"pid": os.getpid()}}}  # and nobody keeps them
    (tmp_path / "state.json").write_text(json.dumps(left))
    assert cpu_used(tmp_path) == {}
