"""The supervisor, over small processes of the operating system in place of the components."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from infra.local import components, guard, run_folder
from infra.local.components import Component
from infra.local.keeper import State
from infra.local.site import Launch
from infra.local.status import report
from infra.local.supervisor import Stack, Wish
from infra.stack_error import StackError

ROOT = Path(__file__).parents[3]


def a_component(name, script="echo hello; exec sleep 60", *, ready=lambda *_: True, **fields):
    return Component(
        name, lambda _site: Launch(["sh", "-c", script], {}), ready, lambda _site: None, **fields
    )


@pytest.fixture
def stack_of(tmp_path):
    said = []
    made = []

    def make(*chosen, **options):
        stack = Stack(
            tmp_path / "run",
            Wish(free_ports=True),
            said.append,
            select=lambda *_: chosen,
            backoff_s=(0.05,),
            poll_s=0.01,
            **options,
        )
        stack.said = said
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.stop()


def entries(stack):
    return json.loads((stack.run / "state.json").read_text())["components"]


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(happens, patience_s=60.0):
    deadline = time.monotonic() + patience_s
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_component_starts_when_what_it_needs_is_ready(stack_of, tmp_path):
    ready = tmp_path / "ready"
    first = a_component(
        "first", f"sleep 0.1; touch {ready}; exec sleep 60", ready=lambda *_: ready.exists()
    )
    second = a_component("second", f"ls {ready}; exec sleep 60", needs=("first",))
    with stack_of(first, second) as stack:
        assert {entry["state"] for entry in entries(stack).values()} == {"ready"}
        eventually(lambda: str(ready) in (stack.run / "logs" / "second.log").read_text())


def test_a_killed_component_is_told_of_restarted_and_counted(stack_of):
    with stack_of(a_component("thing")) as stack:
        before = entries(stack)["thing"]["pid"]
        log = stack.run / "logs" / "thing.log"
        eventually(lambda: "hello\n" in log.read_text())  # it is called ready before it speaks
        stack.kill("thing")
        stack.wait_ready("thing")
        after = entries(stack)["thing"]
    assert (after["state"], after["restarts"]) == ("ready", 1)
    assert after["pid"] != before
    [death] = [line for line in stack.said if "was killed by SIGKILL" in line]
    assert death.startswith("thing ")
    assert "thing.log" in death
    assert "    hello" in death


def test_what_dies_at_once_is_given_up_with_the_end_of_its_log(stack_of):
    stack = stack_of(
        a_component("good"), a_component("bad", "echo no port; exit 3", ready=lambda *_: False)
    )
    with pytest.raises(StackError) as refused:
        stack.start()
    assert "bad could not be started" in str(refused.value)
    assert "    no port" in str(refused.value)
    assert not run_folder.is_up(stack.run)
    assert {entry["pid"] for entry in entries(stack).values()} == {None}


def test_what_never_answers_is_given_up(stack_of):
    never = a_component("deaf", ready=lambda *_: False, patience_s=0.2)
    with pytest.raises(StackError, match="deaf could not be started"):
        stack_of(never).start()


def test_a_program_that_is_not_there_is_given_up(stack_of):
    absent = Component("absent", lambda _: Launch(["/no/such"], {}), lambda *_: True, lambda _: "")
    with pytest.raises(StackError, match=r"absent could not be started[^$]*/no/such"):
        stack_of(absent).start()


def test_stopping_ends_what_ignores_sigterm_and_what_a_component_started(stack_of, tmp_path):
    child = tmp_path / "child"
    script = f"trap '' TERM; setsid sleep 60 & echo $! > {child}.new; mv {child}.new {child}; wait"
    stubborn = a_component("stubborn", script, ready=lambda *_: child.exists(), grace_s=0.2)
    with stack_of(stubborn) as stack:
        pids = [entries(stack)["stubborn"]["pid"], int(child.read_text())]
        assert not any(map(gone, pids))
    assert all(map(gone, pids))


def test_a_component_can_be_stopped_and_started_alone(stack_of):
    with stack_of(a_component("one"), a_component("other")) as stack:
        other = entries(stack)["other"]["pid"]
        stack.stop_component("one")
        assert entries(stack)["one"] == {
            "state": "stopped",
            "url": None,
            "pid": None,
            "restarts": 0,
        }
        stack.start_component("one")
        assert entries(stack)["one"]["state"] == "ready"
        assert entries(stack)["other"]["pid"] == other


def test_a_task_is_ready_when_it_has_ended_well(stack_of):
    task = a_component("task", "sleep 0.1", once=True)
    with stack_of(task, a_component("after", needs=("task",))) as stack:
        assert entries(stack)["task"] == {"state": "ready", "url": None, "pid": None, "restarts": 0}


def test_a_task_that_fails_stops_the_start(stack_of):
    task = a_component("task", "echo wrong topics; exit 1", once=True)
    with pytest.raises(StackError, match="wrong topics"):
        stack_of(task).start()


def test_a_run_folder_is_up_once(stack_of):
    with stack_of(a_component("thing")) as stack:
        with pytest.raises(StackError, match="is already up"):
            Stack(stack.run, Wish(free_ports=True)).start()
        assert run_folder.is_up(stack.run)
    assert not run_folder.is_up(stack.run)


def test_ports_are_those_of_the_last_time(stack_of):
    with stack_of(a_component("thing")) as stack:
        first = json.loads((stack.run / "stack.json").read_text())["ports"]
    with stack_of(a_component("thing")) as stack:
        assert json.loads((stack.run / "stack.json").read_text())["ports"] == first


def test_the_report_says_what_is_so_and_not_what_was(stack_of):
    health = [True]
    kafka = a_component("kafka", ready=lambda *_: health[0])
    with stack_of(kafka) as stack:
        said = report(stack.run, [kafka])
        assert said["run"] == str(stack.run)
        assert said["components"]["kafka"]["state"] == "ready"
        assert said["components"]["gateway"]["state"] == "stopped"
        health[0] = False
        assert report(stack.run, [kafka])["components"]["kafka"]["state"] == State.UNHEALTHY
    for entry in report(stack.run)["components"].values():
        assert entry == {"state": "stopped", "url": None, "pid": None, "restarts": 0}


def test_a_folder_that_was_never_up_is_stopped(tmp_path):
    assert set(report(tmp_path)["components"]) == set(components.NAMES)
    assert not (tmp_path / "lock").exists()


def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import pathlib, sys, time
        from infra.local.components import Component
        from infra.local.site import Launch
        from infra.local.supervisor import Stack, Wish

        script = "setsid sleep 60 & exec sleep 60"
        thing = Component(
            "thing", lambda _: Launch(["sh", "-c", script], {}), lambda *_: True, lambda _: None
        )
        wish = Wish(free_ports=True)
        Stack(pathlib.Path(sys.argv[1]), wish, select=lambda *_: (thing,)).start()
        print("up", flush=True)
        time.sleep(60)
        """)
    )
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, str(program), str(run)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout.readline() == "up\n"
    marker = run_folder.read_state(run)["marker"]
    eventually(lambda: len(guard.marked(marker)) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    eventually(lambda: not run_folder.is_up(run))
    assert guard.marked(marker) == []


def test_a_long_log_is_set_aside(stack_of):
    stack = stack_of(a_component("thing"), log_bytes_max=10)
    log = stack.run / "logs" / "thing.log"
    log.parent.mkdir(parents=True)
    log.write_text("a long story\n")
    with stack:
        assert log.with_suffix(".log.1").read_text() == "a long story\n"
        assert "a long story" not in log.read_text()


def test_the_run_folder_is_its_owners_alone(stack_of):
    with stack_of(a_component("thing")) as stack:
        assert stack.run.stat().st_mode & 0o777 == 0o700
