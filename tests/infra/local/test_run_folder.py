"""What a run folder says, also when what stands there is nonsense."""

import fcntl
import json
import os

import psutil
import pytest

from infra.local import ports, run_folder
from infra.stack_error import StackError

NONSENSE = ["", "{", "[]", "null", '"text"', "7", '{"supervisor": "no number"}', "\x00"]


@pytest.fixture
def run(tmp_path):
    run_folder.make_private(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def held(run):
    with (run / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield run


def says(run, **state):
    run_folder.write_json(run / "state.json", state)


def myself():
    return {"supervisor": os.getpid(), "supervisor_began": psutil.Process().create_time()}


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_a_stack_that_is_not_up(held, text):
    (held / "state.json").write_text(text)
    assert isinstance(run_folder.read_state(held), dict)
    assert run_folder.supervisor(held) is None
    (held / "stack.json").write_text(text)
    assert run_folder.last_ports(held) == {}


def test_ports_of_another_version_are_not_taken_for_those_of_the_last_time(run):
    for block in ({"kafka": 1}, {**ports.block(1), "more": 2}):
        run_folder.write_json(run / "stack.json", {"ports": block})
        assert run_folder.last_ports(run) == {}
    run_folder.write_json(run / "stack.json", {"ports": ports.block(1)})
    assert run_folder.last_ports(run) == ports.block(1)


def test_a_supervisor_is_who_holds_the_lock_and_no_later_process_with_its_number(held):
    says(held, **myself())
    assert run_folder.supervisor(held).pid == os.getpid()
    says(held, **{**myself(), "supervisor_began": 1.0})
    assert run_folder.supervisor(held) is None
    says(held, **{**myself(), "supervisor": 2**22 + 1})
    assert run_folder.supervisor(held) is None


def test_a_state_file_without_a_lock_is_of_a_stack_that_ended(run):
    says(run, **myself())
    assert not run_folder.is_up(run)
    assert run_folder.supervisor(run) is None


def test_a_lock_is_had_once_and_free_again_when_it_is_closed(run):
    says(run, **myself())
    lock = run_folder.take_lock(run)
    with pytest.raises(StackError, match="is already up; see playhead status"):
        run_folder.take_lock(run)
    lock.close()
    run_folder.take_lock(run).close()


def test_a_file_is_replaced_at_once_and_leaves_no_other(run):
    for content in ({"a": 1}, {"a": 2}):
        run_folder.write_json(run / "state.json", content)
        assert json.loads((run / "state.json").read_text()) == content
    assert [path.name for path in run.iterdir()] == ["state.json"]
