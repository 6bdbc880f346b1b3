"""Forks of a template: what they inherit, how their ends are seen, and what a template does that is killed, changed or no use."""

import os
import signal
import subprocess
import textwrap

import psutil
import pytest

from infra.local.components import loaded_by
from infra.local.verb_template import UNKNOWN_STATUS, NoFork, VerbTemplate
from tests.infra.local.small_program import BASE, PATIENCE_S, TINY, SmallProgram, until
from tests.standing_process import standing


@pytest.fixture
def forked(tmp_path):
    made = SmallProgram(tmp_path)
    yield made
    made.end()


def template_of(fork):
    return psutil.Process(fork.pid).parent()


def test_a_fork_inherits_what_it_is_given_and_nothing_of_its_template(forked):
    given = {**BASE, "A_SECRET": "for this one alone"}
    assert forked.fork("env", "and words", environment=given).wait(PATIENCE_S) == 0
    expected = f"says env and words\n{sorted(given.items())} {forked.folder} \n"
    assert forked.said() == expected  # its standard input is empty

    other = forked.staying()
    memory = template_of(other).environ()
    assert "A_SECRET" not in memory
    assert memory["OF_THE_TEMPLATE"] == "1"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nothing"], 0, "says nothing"),
        (["end", "0"], 0, "says end"),
        (["end", "3"], 3, "says end"),
        (["say"], 1, "this is why"),
        (["break"], 1, "ValueError: broken"),
    ],
)
def test_a_fork_ends_as_a_process_that_was_started_does(forked, words, status, said):
    fork = forked.fork(*words)
    assert (fork.wait(PATIENCE_S), fork.poll(), fork.returncode) == (status,) * 3
    assert said in forked.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_one_fork_and_no_other(forked, number):
    hit, other = forked.staying(), forked.staying()
    hit.send_signal(number)
    assert hit.wait(PATIENCE_S) == -number
    hit.send_signal(number)  # nobody is hit: it has ended
    assert other.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.01)
    assert forked.fork("end", "4").wait(PATIENCE_S) == 4


def test_a_fork_leads_a_group_of_its_own(forked):
    hit, other = forked.staying(), forked.staying()
    os.killpg(hit.pid, signal.SIGKILL)
    assert hit.wait(PATIENCE_S) == -signal.SIGKILL
    assert other.poll() is None


def test_forks_of_a_template_that_is_killed_go_on_and_their_ends_are_seen(forked):
    fork = forked.staying()
    first = template_of(fork)
    first.kill()
    until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE)
    assert fork.poll() is None
    later = forked.staying()  # of another one
    assert template_of(later) != first
    fork.terminate()
    assert fork.wait(PATIENCE_S) == UNKNOWN_STATUS
    assert later.poll() is None


def test_a_template_whose_files_have_changed_forks_no_more_and_the_next_one_runs_the_new_ones(
    forked,
):
    old = forked.staying()
    text = forked.module.read_text()
    forked.module.write_text(text.replace("says", "says otherwise"))
    with pytest.raises(NoFork, match="changed"):
        forked.fork("nothing")
    forked.template.retire()
    forked.fork("nothing").wait(PATIENCE_S)
    assert forked.said().endswith("says otherwise nothing\n")
    old.kill()
    assert old.wait(PATIENCE_S) == -signal.SIGKILL  # its template tells it still


def test_a_template_that_is_retired_tells_of_its_forks_and_ends_with_the_last(forked):
    fork = forked.staying()
    template = template_of(fork)
    forked.template.retire()
    later = forked.staying()
    assert template_of(later) != template
    fork.terminate()
    assert fork.wait(PATIENCE_S) == -signal.SIGTERM
    until(lambda: not template.is_running() or template.status() == psutil.STATUS_ZOMBIE)


def test_a_fork_that_is_wanted_no_more_is_ended(forked):
    first = forked.staying()
    template = template_of(first)
    with standing(template.pid):
        wanted = forked.wanted("stay")
        assert wanted.begun(0.01) is None
    until(lambda: len(template.children()) > 1)  # it is there, and was told of
    wanted.give_up()
    until(lambda: template.children() == [psutil.Process(first.pid)])

    with standing(template.pid):
        wanted = forked.wanted("stay")
        wanted.give_up()  # nobody hears of it
    assert forked.fork("end", "5").wait(PATIENCE_S) == 5  # asked later, so the other one has been
    until(lambda: template.children() == [psutil.Process(first.pid)])


def test_what_begins_threads_is_no_template(tmp_path):
    forked = SmallProgram(tmp_path)
    begun = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    forked.module.write_text(begun + textwrap.dedent(TINY))
    with pytest.raises(NoFork):
        forked.fork("nothing")
    assert "begins 1 threads" in forked.complaints.read_text()
    forked.end()


def test_a_program_that_is_not_there_is_no_template(tmp_path):
    forked = SmallProgram(tmp_path, "absent_module:main")
    with pytest.raises(NoFork):
        forked.fork("nothing")
    assert "No module named 'absent_module'" in forked.complaints.read_text()
    forked.end()


def test_a_request_too_large_for_the_socket_is_refused_and_the_next_one_goes_through(forked):
    with pytest.raises(NoFork, match="takes nothing"):
        forked.fork("nothing", environment={"LARGE": "x" * (64 << 20)})
    assert forked.fork("end", "6").wait(PATIENCE_S) == 6


def test_what_workers_and_the_gateway_load_begins_no_threads_and_runs_any_verb(tmp_path):
    environment = {**BASE, "HOME": str(tmp_path)}
    log = tmp_path / "forks.log"
    modules = loaded_by({"worker", "gateway"})
    template = VerbTemplate("infra.cli:main", modules, environment, tmp_path / "template.log")
    try:
        with log.open("ab") as output:
            words = ["worker", "--steps", "dream"]
            fork = template.fork(words, environment, tmp_path, output.fileno()).begun(PATIENCE_S)
        assert fork is not None, (tmp_path / "template.log").read_text()
        assert fork.wait(PATIENCE_S) == 2
        assert "no step dream: choose from ingest" in log.read_text()
    finally:
        template.end()
