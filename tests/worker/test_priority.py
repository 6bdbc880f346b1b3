"""How far a process gives way, seen from a child: what is given up once can't be taken back."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("niceness", [0, 3])
def test_a_process_gives_way_with_its_session(tmp_path, niceness):
    autogroup = tmp_path / "autogroup"
    program = (
        "import os; from pathlib import Path; from worker.priority import give_way; "
        f"give_way({niceness}, Path({str(autogroup)!r})); print(os.nice(0))"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(child.stdout) == min(19, os.nice(0) + niceness)
    assert (autogroup.read_text() if niceness else autogroup.exists()) == (niceness and "3")


def test_where_sessions_are_not_told_apart_it_gives_way_alone(tmp_path):
    program = (
        "from pathlib import Path; from worker.priority import give_way; "
        f"give_way(3, Path({str(tmp_path / 'none' / 'such')!r}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
