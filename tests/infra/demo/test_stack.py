"""What the demo starts and what it leaves behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import click
import pytest

from infra.demo.stack import demo_stack, playhead


class Verbs:
    """The command line of a stack that is up or not; it remembers what it was told."""

    def __init__(self, up=False, starts=True):
        self.up = up
        self.starts = starts
        self.told = []

    def __call__(self, _run, *words):
        self.told.append(words[0])
        if words[0] == "up":
            self.up = self.starts
        if words[0] == "down":
            self.up = False
        return subprocess.CompletedProcess(words, 0 if self.up or words[0] == "down" else 1, "")

    def is_up(self, _run):
        return self.up


@pytest.mark.parametrize(
    ("was_up", "stop", "told", "stays"),
    [
        (False, False, ["status", "up"], True),
        (False, True, ["status", "up", "down"], False),
        (True, False, ["status"], True),
        (True, True, ["status"], True),
    ],
)
def test_a_stack_stays_unless_the_demo_started_it_and_is_to_stop_it(
    tmp_path, was_up, stop, told, stays
):
    verbs = Verbs(up=was_up)
    with demo_stack(tmp_path, stop, verbs, verbs.is_up) as stack:
        assert stack.settings.run == tmp_path
        assert stack.stays is stays
    assert verbs.told == told
    assert verbs.up is stays


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize(
    ("was_up", "told"), [(False, ["status", "up", "down"]), (True, ["status"])]
)
def test_what_was_started_is_stopped_when_the_demo_is_broken_off(tmp_path, error, was_up, told):
    verbs = Verbs(up=was_up)
    with pytest.raises(error), demo_stack(tmp_path, False, verbs, verbs.is_up):
        raise error
    assert verbs.told == told


def test_a_stack_that_does_not_start_is_an_error_and_leaves_nothing(tmp_path):
    verbs = Verbs(starts=False)
    with (
        pytest.raises(click.ClickException, match="did not start"),
        demo_stack(tmp_path, False, verbs, verbs.is_up),
    ):
        pytest.fail("it began")
    assert verbs.told == ["status", "up"], "`up` has said what it stopped"


def test_a_verb_speaks_to_the_run_folder(tmp_path):
    done = playhead(tmp_path, "settings", "--json")
    assert done.returncode == 0
    assert str(tmp_path) in done.stdout


def test_ctrl_c_waits_until_the_verb_has_tidied_up(tmp_path):
    # a command line of its own, in which `-m infra.cli` tidies up for longer than subprocess waits
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__init__.py").touch()
    (tmp_path / "infra" / "cli.py").write_text(
        "import pathlib, time\n"
        "try:\n    pathlib.Path('began').touch()\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(0.4)\n    pathlib.Path('tidied').touch()\n"
    )
    program = (
        "import os, pathlib, signal, sys\n"
        "from infra.demo.stack import playhead\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind an &\n"
        "os.chdir(sys.argv[1])\n"
        "try:\n    playhead(pathlib.Path('run'), 'up')\n"
        "except KeyboardInterrupt:\n    sys.exit(7 if pathlib.Path('tidied').exists() else 8)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], start_new_session=True)
    watch = threading.Timer(30, child.kill)
    watch.start()
    try:
        while not (tmp_path / "began").exists() and child.poll() is None:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGINT)
        assert child.wait() == 7
    finally:
        watch.cancel()
