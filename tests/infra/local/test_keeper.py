"""The keeper of one component: what it does over a small process that does well, dies, or never answers."""

import os
import signal
import threading
import time

import psutil
import pytest

from infra.local import guard
from infra.local.components import Component
from infra.local.inherited import MASTER_KEY
from infra.local.keeper import (
    LAST_LINES,
    LINE_CHARS_MAX,
    TRIES_FIRST,
    TRIES_LATER,
    Keeper,
    State,
    last_lines,
)
from infra.local.ports import block
from infra.local.site import Launch, Site
from infra.stack_error import StackError
from tests.infra.local.small_program import SmallProgram, until

PATIENCE_S = 20.0
RUNS = "exec sleep 60"
ENDED = frozenset({State.STOPPED, State.FAILED})


class Kept:
    """A keeper, with what it said and the states it told of."""

    def __init__(self, site, component, needs=(), poll_s=0.01, template=None):
        self.said = []
        self.states = []
        self.keeper = Keeper(
            component,
            site,
            "a marker",
            needs,
            self.note,
            self.said.append,
            backoff_s=(0.01,),
            poll_s=poll_s,
            template=template,
        )

    def note(self):
        if not self.states or self.states[-1] is not self.keeper.state:
            self.states.append(self.keeper.state)

    def reaches(self, *states):
        reached = self.keeper.wait(frozenset(states), PATIENCE_S)
        assert reached in states, self.said
        return reached


@pytest.fixture
def site(tmp_path):
    run = tmp_path / "run"
    (run / "logs").mkdir(parents=True)
    return Site(run, block(7000), {})


@pytest.fixture
def keep(site):
    made = []

    def make(
        script=RUNS, *, needs=(), opened=True, launch=None, poll_s=0.01, template=None, **fields
    ):
        fields = {"ready": lambda *_: True, "url": lambda _site: None, **fields}
        component = Component(
            f"thing{len(made)}",
            launch or (lambda _site: Launch(["sh", "-c", script], {"FROM": "the launch"})),
            **fields,
        )
        kept = Kept(site, component, needs, poll_s, template)
        made.append(kept)
        if opened:
            kept.keeper.open()
        return kept

    yield make
    for kept in reversed(made):
        kept.keeper.close()


def dies_until(tmp_path, times, then=RUNS):
    """A script that ends with 3 for some times: each leaves a file."""
    return f'n=$(ls {tmp_path} | grep -c died); [ "$n" -ge {times} ] && {then}; touch {tmp_path}/died$n; exit 3'


# ------------------------------------------------------------------ what it inherits


@pytest.mark.parametrize("secrets", [(), MASTER_KEY])
def test_a_component_gets_the_secrets_that_it_names_and_no_others(
    keep, tmp_path, monkeypatch, secrets
):
    for name in (*MASTER_KEY, "PLAYHEAD_KEY"):
        monkeypatch.setenv(name, "a secret")
    script = f"env > {tmp_path}/env.part; mv {tmp_path}/env.part {tmp_path}/env; {RUNS}"
    launch = Launch(["sh", "-c", script], {}, secrets=secrets)
    kept = keep(launch=lambda _site: launch, ready=lambda *_: (tmp_path / "env").exists())
    kept.reaches(State.READY)
    inherited = [line for line in (tmp_path / "env").read_text().splitlines() if "a secret" in line]
    assert inherited == [f"{name}=a secret" for name in secrets]


# ------------------------------------------------------------------ a life in good order


def test_a_component_waits_starts_is_ready_and_stops(keep):
    kept = keep()
    assert kept.reaches(State.READY)
    assert kept.keeper.pid is not None
    kept.keeper.stop()
    assert kept.states == [State.STARTING, State.READY, State.STOPPED]
    assert (kept.keeper.pid, kept.keeper.restarts) == (None, 0)
    [line] = kept.said
    assert line.startswith("thing0 is ready after ")


def test_it_runs_in_the_run_folder_marked_and_with_what_its_launch_adds(keep, site):
    shown = f'pwd; echo "$PLAYHEAD_RUN;${guard.MARKER};$FROM"'
    kept = keep(shown, once=True)
    kept.reaches(State.READY)
    assert kept.keeper.log.read_text().splitlines()[1:] == [
        str(site.run),
        f"{site.run};a marker;the launch",
    ]


def test_a_launch_may_name_another_folder(keep, tmp_path):
    kept = keep(launch=lambda _: Launch(["pwd"], {}, tmp_path), once=True)
    kept.reaches(State.READY)
    assert kept.keeper.log.read_text().splitlines()[1:] == [str(tmp_path)]


def test_it_leads_a_group_of_its_own_so_that_ctrl_c_does_not_reach_it(keep):
    kept = keep()
    kept.reaches(State.READY)
    assert os.getpgid(kept.keeper.pid) == kept.keeper.pid != os.getpgid(0)


def test_it_is_asked_with_its_process_id_until_it_is_ready(keep, site):
    asked = []

    def ready(*given):
        asked.append(given)
        return len(asked) == 3

    kept = keep(ready=ready)
    kept.reaches(State.READY)
    assert asked == [(site, kept.keeper.pid)] * 3


def test_nothing_starts_before_all_that_it_needs(keep):
    may_be_ready = threading.Event()
    well, slow = keep(), keep(ready=lambda *_: may_be_ready.is_set())
    after = keep(needs=(well.keeper, slow.keeper))
    well.reaches(State.READY)
    slow.reaches(State.STARTING)
    assert after.keeper.state is State.WAITING
    may_be_ready.set()
    after.reaches(State.READY)


def test_what_waits_for_others_can_be_stopped(keep):
    never = keep(opened=False)
    after = keep(needs=(never.keeper,))
    after.keeper.stop()
    assert after.states == [State.STOPPED]
    assert not after.keeper.log.exists()


def test_what_is_stopped_while_its_launch_is_made_does_not_start(keep):
    def launch(_site):
        kept.keeper.stop()
        return Launch(["sh", "-c", RUNS], {})

    kept = keep(launch=launch, grace_s=0.05, opened=False)
    kept.keeper.open()
    kept.reaches(*ENDED)
    assert kept.states == [State.STARTING, State.STOPPED]
    assert "started" not in kept.keeper.log.read_text()


def test_what_was_stopped_runs_again_when_it_is_wanted(keep):
    kept = keep()
    kept.reaches(State.READY)
    first = kept.keeper.pid
    kept.keeper.stop()
    kept.keeper.start()
    kept.reaches(State.READY)
    assert kept.keeper.pid not in {None, first}
    assert kept.keeper.restarts == 0, "nothing died"


def test_a_keeper_that_was_never_opened_closes(keep):
    kept = keep(opened=False)
    kept.keeper.close()
    kept.keeper.kill()
    assert (kept.keeper.state, kept.states) == (State.WAITING, [])


# ------------------------------------------------------------------ deaths


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo last words; exit 3", "thing0 ended with exit status 3 after "),
        ("echo last words; exit 0", "thing0 ended with exit status 0 after "),
        ("echo last words; kill -9 $$", "thing0 was killed by SIGKILL after "),
    ],
)
def test_what_dies_at_once_is_given_up_with_how_it_ended(keep, script, why):
    kept = keep(script, ready=lambda *_: False)
    assert kept.reaches(*ENDED) is State.FAILED
    *deaths, last = kept.said
    assert len(deaths) == TRIES_FIRST
    for death in deaths:
        assert death.startswith(why)
        assert str(kept.keeper.log) in death
        assert death.endswith("    last words")
    assert last == f"thing0 died {TRIES_FIRST} times in a row: given up"
    assert kept.states == [State.STARTING, State.RESTARTING, State.STARTING, State.FAILED]
    assert (kept.keeper.pid, kept.keeper.restarts) == (None, TRIES_FIRST - 1)


def refuse(_site):
    raise StackError("no room for the data")


@pytest.mark.parametrize(
    ("launch", "why"),
    [(refuse, "no room for the data"), (lambda _: Launch(["/no/such"], {}), "/no/such")],
)
def test_what_cannot_be_started_is_given_up_with_the_reason(keep, launch, why):
    kept = keep(launch=launch)
    assert kept.reaches(*ENDED) is State.FAILED
    assert "could not be started" in kept.said[0]
    assert why in kept.said[0]


def test_what_never_answers_is_killed_and_given_up(keep, tmp_path):
    kept = keep(f"echo $$ >> {tmp_path}/pids; {RUNS}", ready=lambda *_: False, patience_s=0.1)
    assert kept.reaches(*ENDED) is State.FAILED
    assert "did not become ready" in kept.said[0]
    for pid in (tmp_path / "pids").read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_what_is_slow_but_at_work_is_waited_for(keep):
    enough = threading.Event()

    def ready(*_):
        # its log grows before each look, however little of a core a busy machine leaves it
        with kept.keeper.log.open("a") as log:
            log.write("at work\n")
        return enough.is_set()

    kept = keep(ready=ready, patience_s=0.01, opened=False)
    kept.keeper.open()
    deadline = time.monotonic() + PATIENCE_S
    while not kept.said and time.monotonic() < deadline:
        time.sleep(0.01)
    enough.set()
    kept.reaches(State.READY)
    assert kept.keeper.restarts == 0
    assert kept.said[0] == "thing0 is not ready after 0.01 s, but at work: waiting on"


def test_one_bad_start_is_forgiven(keep, tmp_path):
    runs = f"{{ touch {tmp_path}/up; {RUNS}; }}"
    kept = keep(dies_until(tmp_path, 1, runs), ready=lambda *_: (tmp_path / "up").exists())
    kept.reaches(State.READY)
    assert kept.keeper.state is State.READY


def test_what_was_given_up_is_tried_again_when_it_is_wanted(keep, tmp_path):
    kept = keep(
        dies_until(tmp_path, TRIES_FIRST, f"{{ touch {tmp_path}/up; {RUNS}; }}"),
        ready=lambda *_: (tmp_path / "up").exists(),
    )
    kept.reaches(State.FAILED)
    kept.keeper.start()
    kept.reaches(State.READY)
    assert kept.keeper.restarts == TRIES_FIRST


class Starts:
    """Answers that a component is ready; kills it at its first starts, and tells of the one after those."""

    def __init__(self, killed):
        self.killed = killed
        self.pids = []
        self.lives = threading.Event()

    def ready(self, _site, pid):
        if pid not in self.pids:
            self.pids.append(pid)
            if len(self.pids) <= self.killed:
                os.kill(pid, signal.SIGKILL)
            else:
                self.lives.set()
        return True


@pytest.mark.parametrize("deaths", [1, TRIES_LATER], ids=["once", "again and again"])
def test_what_dies_after_it_was_ready_comes_back_under_another_id(keep, deaths):
    starts = Starts(deaths)
    kept = keep(ready=starts.ready)
    assert starts.lives.wait(PATIENCE_S)
    kept.reaches(State.READY)
    assert kept.keeper.pid == starts.pids[-1]
    assert len(set(starts.pids)) == deaths + 1
    assert kept.keeper.restarts == deaths
    assert len([line for line in kept.said if "was killed by SIGKILL" in line]) == deaths


def test_a_crash_can_be_played(keep):
    starts = Starts(0)
    kept = keep(ready=starts.ready)
    kept.reaches(State.READY)
    starts.lives.clear()
    kept.keeper.kill()
    assert starts.lives.wait(PATIENCE_S)
    kept.reaches(State.READY)
    assert kept.keeper.restarts == 1


def test_what_ignores_sigterm_is_killed_after_its_grace(keep, tmp_path):
    script = f"trap '' TERM; touch {tmp_path}/up; sleep 60"
    kept = keep(script, ready=lambda *_: (tmp_path / "up").exists(), grace_s=0.1)
    kept.reaches(State.READY)
    pid = kept.keeper.pid
    kept.keeper.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


# ------------------------------------------------------------------ tasks


def test_a_task_is_ready_when_it_has_ended_well_and_is_not_asked(keep):
    asked = []
    kept = keep("exit 0", once=True, ready=lambda *given: asked.append(given))
    kept.reaches(State.READY)
    assert kept.states[:2] == [State.STARTING, State.READY]
    assert asked == []
    [line] = kept.said
    assert line.startswith("thing0 done after ")


def test_a_task_that_fails_twice_is_given_up(keep):
    kept = keep("exit 1", once=True)
    assert kept.reaches(*ENDED) is State.FAILED


# ------------------------------------------------------------------ the end of a log


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("one\n", "    one"),
        ("one\n\ntwo", "    one\n    \n    two"),
        ("x" * 1_000, "    " + "x" * LINE_CHARS_MAX),
        ("".join(f"{n}\n" for n in range(100)), None),
    ],
    ids=["empty", "a line", "an empty line", "a long line", "many lines"],
)
def test_the_end_of_a_log_is_short(tmp_path, text, shown):
    log = tmp_path / "a.log"
    log.write_text(text)
    if shown is None:
        shown = "\n".join(f"    {n}" for n in range(100 - LAST_LINES, 100))
    assert last_lines(log) == shown


def test_a_log_may_hold_any_bytes_or_be_absent(tmp_path):
    (tmp_path / "a.log").write_bytes(b"\xff\xfe\n")
    assert last_lines(tmp_path / "a.log") == "    \ufffd\ufffd"
    assert last_lines(tmp_path / "none.log") == "    (no log)"


# ------------------------------------------------------------------ verbs of ours


@pytest.fixture
def program(tmp_path):
    folder = tmp_path / "program"
    folder.mkdir()
    made = SmallProgram(folder)
    yield made
    made.end()


def launch_of(*verb, **environment):
    return lambda _site: Launch(["sh", "-c", RUNS], environment, verb=verb)


def kill_and_wait(keeper):
    """Returns when it has been started again."""
    restarts = keeper.restarts
    keeper.kill()
    until(lambda: keeper.restarts > restarts and keeper.state is State.READY)


def forks_of(program):
    parent = psutil.Process(program.template._process.pid)
    return [child.pid for child in parent.children()]


def test_a_verb_is_forked_and_forked_again_when_it_was_killed(keep, program):
    kept = keep(launch=launch_of("stay"), template=program.template)
    kept.reaches(State.READY)
    first = kept.keeper.pid
    assert forks_of(program) == [first]
    kill_and_wait(kept.keeper)
    assert forks_of(program) == [kept.keeper.pid] != [first]
    assert "was killed by SIGKILL" in kept.said[1]
    kept.keeper.stop()
    assert forks_of(program) == []
    assert kept.keeper.state is State.STOPPED


def test_a_fork_is_given_what_a_component_is_and_writes_to_its_log(keep, program, monkeypatch):
    monkeypatch.setenv(MASTER_KEY[0], "a secret")
    kept = keep(launch=launch_of("env", FROM="the launch"), template=program.template, once=True)
    kept.reaches(State.READY)
    said = kept.keeper.log.read_text()
    for given in (
        "('FROM', 'the launch')",
        f"('{guard.MARKER}', 'a marker')",
        str(kept.keeper._site.run),
    ):
        assert given in said
    assert "a secret" not in said


def test_a_verb_whose_files_have_changed_is_forked_from_another_template(keep, program):
    kept = keep(launch=launch_of("stay"), template=program.template)
    kept.reaches(State.READY)
    program.module.write_text(program.module.read_text().replace("says", "says otherwise"))
    kill_and_wait(kept.keeper)
    program.until_written(kept.keeper.log, "says otherwise stay")
    assert forks_of(program) == [kept.keeper.pid]


def test_a_verb_that_can_not_be_forked_is_started_and_that_is_said(keep, program):
    program.module.write_text("raise ValueError('broken')")
    kept = keep(launch=launch_of("stay"), template=program.template)
    kept.reaches(State.READY)
    assert psutil.Process(kept.keeper.pid).cmdline() == ["sleep", "60"]
    assert "started as a process of its own: the template ended" in kept.said[0]


def test_a_stop_waits_for_no_template_that_loads(keep, program):
    program.module.write_text("import time\ntime.sleep(600)")
    kept = keep(launch=launch_of("stay"), template=program.template)
    kept.reaches(State.STARTING)
    kept.keeper.stop()
    assert kept.keeper.state is State.STOPPED
    assert kept.keeper.pid is None
