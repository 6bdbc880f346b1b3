"""Tests of one group run in one process: those on the running stack share it."""

import os
import random
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.conftest import ON_STACK, OWN_PARTS, UnitFolders, drawn_by, group_of
from tests.folders_in_memory import MEMORY, has_room

TESTS = 12
SUITE = f"""
import os, pytest

@pytest.mark.parametrize("number", range({TESTS}))
@pytest.mark.xdist_group("alone")
def test_together(number):
    print("ran in", os.environ["PYTEST_XDIST_WORKER"])

@pytest.mark.parametrize("number", range({TESTS}))
def test_anywhere(number):
    pass
"""


@pytest.mark.slow  # processes
def test_what_is_of_one_group_runs_in_one_process(tmp_path):
    """pytest-xdist 3.8.0 does not group where pytest is 9.2.0, and says nothing."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-rP", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line for line in ran.stdout.splitlines() if line.startswith("ran in ")]
    assert len(told) == TESTS
    assert len(set(told)) == 1


@pytest.mark.parametrize(
    ("markers", "fixtures", "group"),
    [
        (["stack"], ["running"], ON_STACK),
        (["stack"], ["secured_broker"], OWN_PARTS),
        (["slow"], [], None),
        ([], [], None),
    ],
)
def test_what_shares_the_running_stack_is_one_group_and_what_starts_its_own_another(
    request, markers, fixtures, group
):
    item = SimpleNamespace(
        keywords=markers, fixturenames=fixtures, path=request.path, name=request.node.name
    )
    assert group_of(item) == (group or f"{(markers or ['unit'])[0]} {request.path}")


@pytest.mark.parametrize("number", range(2))
def test_what_is_drawn_is_drawn_by_the_name_of_the_test(number, request):
    assert random.random() == random.Random(drawn_by(request.node)).random()
    assert drawn_by(request.node) == f"test_conftest.py {request.node.name}"
    assert f"[{number}]" in request.node.name


def test_a_unit_writes_into_memory_where_there_is_room(tmp_path, request):
    wanted = has_room(MEMORY) and not request.config.option.basetemp
    assert tmp_path.is_relative_to(MEMORY) == wanted
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "bytes_min", "room"), [(".", 1, True), (".", 2**62, False), ("none", 0, False)]
)
def test_there_is_room_in_a_folder_that_is_there_and_has_so_much(tmp_path, place, bytes_min, room):
    assert has_room(tmp_path / place, bytes_min) == room


def test_what_a_run_left_that_was_killed_goes_and_what_another_one_has_stays(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, others = (tmp_path / f"playhead-tests-{pid}-x" for pid in (ended.pid, os.getppid()))
    for folder in (left, others):
        (folder / "a").mkdir(parents=True)
    folders = UnitFolders(tmp_path)
    made = [folders.mktemp("same") for _ in range(2)]
    assert len(set(made)) == 2
    assert all(one.parent == folders.getbasetemp() for one in made)
    assert (left.exists(), others.exists()) == (False, True)
    folders.close()
    assert list(tmp_path.iterdir()) == [others]
