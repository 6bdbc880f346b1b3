"""The local stack on the real components, from the command line and under faults."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local import components, guard, run_folder

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.stack


@pytest.fixture
def playhead(tmp_path):
    run = tmp_path / "run"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")}

    def call(*words):
        return subprocess.run(
            [sys.executable, "-m", "infra.local.cli", *words, "--run", str(run)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    call.run = run
    yield call
    call("down")


def status(playhead):
    done = playhead("status", "--json")
    return json.loads(done.stdout)["components"], done.returncode


def test_up_detached_status_and_down(playhead):
    up = ("up", "--detach", "--free-ports", "--only", "registry")
    first = playhead(*up)
    assert first.returncode == 0, first.stderr
    assert "registry is ready after" in first.stderr

    said, code = status(playhead)
    assert said["registry"]["state"] == "ready"
    assert said["registry"]["url"] in first.stderr
    assert said["kafka"]["state"] == "stopped"
    assert code == 1  # not all of the stack is ready

    again = playhead(*up)
    assert again.returncode == 0
    assert "is already up" in again.stderr
    more = playhead("up", "--only", "registry,weaviate")
    assert more.returncode == 1
    assert "already up, without weaviate" in more.stderr

    marker = run_folder.read_state(playhead.run)["marker"]
    assert guard.marked(marker)
    assert playhead("down").returncode == 0
    assert guard.marked(marker) == []
    assert {entry["state"] for entry in status(playhead)[0].values()} == {"stopped"}
    assert "is not up" in playhead("down").stderr


def test_a_supervisor_killed_outright_leaves_nothing_and_can_be_followed(playhead):
    up = ("up", "--detach", "--free-ports", "--only", "registry")
    assert playhead(*up).returncode == 0
    state = run_folder.read_state(playhead.run)
    os.kill(state["supervisor"], signal.SIGKILL)
    assert {entry["state"] for entry in status(playhead)[0].values()} == {"stopped"}
    assert playhead(*up).returncode == 0  # waits until the guard has swept
    assert guard.marked(state["marker"]) == []
    assert status(playhead)[0]["registry"]["state"] == "ready"


def test_the_whole_stack_is_ready_and_says_so(running):
    said = running.stack.status()["components"]
    assert {name: said[name]["state"] for name in components.NAMES} == dict.fromkeys(
        components.NAMES, "ready"
    )
    assert running.playhead("status").returncode == 0


def test_the_key_of_the_index_is_its_owners_alone(running):
    key = Path(running.settings.weaviate_key_file)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for log in (running.stack.run / "logs").iterdir():
        assert key.read_text() not in log.read_text(errors="replace")


@pytest.mark.parametrize("name", ["registry", "triton", "weaviate"])
def test_a_killed_component_comes_back(running, name):
    before = running.stack.status()["components"][name]
    running.stack.kill(name)
    running.stack.wait_ready(name)
    deadline = time.monotonic() + 60
    # one that has just come back may be too busy to answer within a moment
    while (after := running.stack.status()["components"][name])["state"] == "unhealthy":
        assert time.monotonic() < deadline, after
        time.sleep(0.5)
    assert after["state"] == "ready"
    assert after["restarts"] == before["restarts"] + 1
    assert after["pid"] != before["pid"]
