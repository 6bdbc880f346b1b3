"""A recipe's tools: what they say is kept, and all can be stopped."""

import subprocess
import sys
import time

import pytest

from infra.parts.shell import Interrupted, Shell
from infra.stack_error import StackError


def test_a_failed_tool_is_shown_with_its_last_words():
    program = "print('first'); print('why it failed'); raise SystemExit(3)"
    with pytest.raises(StackError, match=r"failed with exit status 3:\n    first\n    why it"):
        Shell().run([sys.executable, "-c", program], lambda _: None)


def test_a_server_that_never_is_ready_fails_its_try_out():
    with pytest.raises(StackError, match="did not become ready"):
        Shell().try_out(
            ["sleep", "60"], lambda: False, lambda _: None, patience_s=0.1, every_s=0.02
        )


def test_a_server_that_is_ready_is_ended():
    Shell().try_out(["sleep", "60"], lambda: True, lambda _: None, every_s=0.02)


def test_stopping_ends_the_tool_and_what_it_started(tmp_path):
    shell = Shell()
    pid = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid}; echo begun; wait"
    with pytest.raises(Interrupted):
        shell.run(["sh", "-c", script], lambda _: shell.stop())
    child = int(pid.read_text())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False
        ).stdout.strip()
        if not state or state.startswith("Z"):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the tool's child lives on")


def test_no_tool_is_started_after_a_stop():
    shell = Shell()
    shell.stop()
    with pytest.raises(Interrupted):
        shell.run(["true"], lambda _: None)


def test_a_tool_gets_the_environment_and_what_is_added(monkeypatch, tmp_path):
    monkeypatch.setenv("KEPT", "kept")
    said = []
    Shell().run(["sh", "-c", "echo $KEPT $ADDED; pwd"], said.append, {"ADDED": "added"}, tmp_path)
    assert said == ["kept added", str(tmp_path)]


def test_a_long_line_of_a_failed_tool_keeps_both_its_ends():
    program = "print('where: ' + 'x' * 900 + ': no space left'); raise SystemExit(3)"
    with pytest.raises(StackError, match=r"    where: x+ … x+: no space left$") as error:
        Shell().run([sys.executable, "-c", program], lambda _: None)
    assert len(str(error.value)) < 400
