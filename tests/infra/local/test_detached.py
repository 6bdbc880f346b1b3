"""A supervisor in the background, played by small programs."""

import os
import subprocess

import pytest

from infra.local import cli, detached, run_folder
from infra.local.supervisor import Wish
from infra.stack_error import StackError


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def follow(run, script):
    log = run / "supervisor.log"
    log.write_bytes(b"of before\n")
    with log.open("ab") as output:
        child = subprocess.Popen(["sh", "-c", script], stdout=output, cwd=run)
        try:
            return detached._follow(run, child, detached._lines_of(log, len("of before\n")))
        finally:
            child.kill()
            child.wait()


def test_what_a_supervisor_says_is_passed_on_and_its_end_is_the_programs(run, capsys):
    with pytest.raises(SystemExit) as ended:
        follow(run, "echo kafka could not be; printf started; exit 3")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "kafka could not be\n"


def test_a_supervisor_that_ends_without_a_word_is_said(run):
    with pytest.raises(StackError, match="without a word; run playhead up without --detach"):
        follow(run, "exit 3")


def test_it_is_followed_until_all_is_ready(run, capsys):
    state = '{"supervisor": %s, "components": {"kafka": {"state": "%s"}}}'
    script = f"""
        echo '{state % ("'$$'", "starting")}' > state.json; echo one
        echo '{state % ("'$$'", "ready")}' > state.json.new; mv state.json.new state.json
        exec sleep 60
    """
    assert follow(run, script) is True
    assert capsys.readouterr().err in {"", "one\n"}


def test_one_that_another_was_quicker_than_leaves_the_run_folder_to_it(run):
    run_folder.write_json(
        run / "state.json",
        {"supervisor": os.getpid(), "supervisor_began": run_folder.psutil.Process().create_time()},
    )
    with run_folder.take_lock(run):
        assert follow(run, "echo it is already up; exit 1") is False


@pytest.mark.parametrize(
    "wish",
    [
        Wish(),
        Wish(frozenset({"kafka"}), 3, {"kafka": 1, "gateway": 2}, 9_000, free_ports=True),
    ],
)
def test_a_supervisor_in_the_background_is_told_the_same_wish(run, wish):
    _, _, module, verb, *words = detached._command(run, wish)
    assert (module, verb) == (detached.MODULE, "up")
    context = cli.up.make_context("up", list(words))
    assert context.params["run"] == run
    assert frozenset(context.params["only"].split(",")) == wish.names
    assert context.params["workers"] == wish.workers
    assert context.params["named"] == (wish.ports or {})
    assert context.params["ports_from"] == wish.ports_from
    assert context.params["free_ports"] == wish.free_ports
    assert not context.params["detach"]
