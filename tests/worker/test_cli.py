"""A worker in a process of its own, over fake apps: it says when it is ready, drains, and ends with a code."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.running.collector import GC_OBJECTS
from streams.settings import BadSetting
from streams.topics import STEPS
from worker import cli
from worker.cli import DRAIN_S, PUBLISHED_S, worker

ROOT = Path(__file__).parents[2]


@dataclass
class Course:
    """What became of a worker."""

    code: int
    told: list[str]
    logged: list[dict]
    ready: dict | None
    """What the ready file held when the worker said that it is ready."""
    pid: int | None = None

    def events(self):
        return [line["event"] for line in self.logged]

    def comes_first(self, line, other):
        return self.told.index(line) < self.told.index(other)


@pytest.fixture(scope="module")
def program():
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.worker.fake_worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    os.killpg(process.pid, signal.SIGKILL)  # with a child that a failed test has left
    process.communicate()


@pytest.fixture
def course_of(program, tmp_path):
    """Run a case to its end; a signal is sent when the worker says that it is ready."""

    def run(case, number=signal.SIGTERM):
        program.stdin.write(f"{case}\t{tmp_path}\n")
        program.stdin.flush()
        course = Course(-1, [], [], None)
        file = tmp_path / "ready.json"
        for line in program.stdout:
            match line.split():
                case ["pid", which]:
                    course.pid = int(which)
                case ["ended", code]:
                    course.code = int(code)
                    return course
                case [first, *_] if first.startswith("{"):
                    logged = json.loads(line)
                    if logged["logger"] == "__main__":
                        continue  # of mode, about the fakes
                    course.logged.append(logged)
                    if logged["event"] == "ready":
                        course.ready = json.loads(file.read_text()) if file.exists() else None
                        if number is not None:
                            os.kill(course.pid or course.ready["pid"], number)
                case _:
                    course.told.append(line.rstrip("\n"))
        raise AssertionError("the program has ended")

    return run


# ------------------------------------------------------------------ in good order


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_signal_lets_running_events_end_then_stops_each_app(course_of, number):
    course = course_of("as usual", number)
    assert course.code == 0
    assert course.events() == ["starting", "ready", "stopping", "stopped"]
    for name in ("first", "second"):
        in_order = [
            f"{name} in a worker: True",
            f"{name} stops taking",
            f"{name} drains for {DRAIN_S}",
            f"{name} has drained",
            f"{name} stops",
            f"{name} has published within {PUBLISHED_S}",
            "world closes",
        ]
        assert [line for line in course.told if line in in_order] == in_order


def test_the_apps_are_drained_side_by_side(course_of):
    course = course_of("as usual")
    assert course.comes_first(f"second drains for {DRAIN_S}", "first has drained")


def test_the_ready_file_appears_when_all_are_ready_and_goes_at_the_stop(course_of, tmp_path):
    course = course_of("as usual")
    looks = [line for line in course.told if line.startswith("look")]
    assert looks == ["look 1 file: False", "look 2 file: False", "look 3 file: False"]
    assert course.ready["steps"] == ["first", "second"]
    assert course.ready["state"] == "ready"
    assert list(tmp_path.iterdir()) == [], "neither the file nor its draft is left"


def test_a_worker_is_not_ready_before_its_connectors_have_loaded(course_of):
    course = course_of("as usual")
    assert "world has loaded, file: False" in course.told
    assert course.comes_first("look 3 file: False", "world has loaded, file: False")


def test_the_ready_file_tells_whose_it_is(course_of):
    course = course_of("as usual")
    assert course.ready["pid"] == course.pid


def test_a_worker_needs_no_ready_file(course_of, tmp_path):
    course = course_of("without a file")
    assert (course.code, course.ready) == (0, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("stuck", [("stuck", ["a lane is silent"])]),
        ("waits", [("stuck", ["it waits for its lanes"])]),
        ("stuck for a while", [("stuck", ["a lane is silent"]), ("ready", [])]),
    ],
)
def test_the_ready_file_says_why_a_worker_is_not_ready_any_more(course_of, case, said):
    told = [line for line in course_of(case).told if line.startswith("file ")]
    files = [json.loads(line.removeprefix("file ")) for line in told]
    assert [(file["state"], file["reasons"]) for file in files] == said


def test_a_worker_of_which_a_step_is_deaf_ends(course_of):
    course = course_of("deaf", None)
    assert course.code == 1
    [line] = [line for line in course.logged if line["event"] == "the worker broke"]
    assert line["error"] == "Deaf"


def test_a_ready_worker_spares_the_collector(course_of):
    assert f"collector {GC_OBJECTS} True" in course_of("as usual").told


# ------------------------------------------------------------------ in bad order


@pytest.mark.parametrize(
    ("case", "number"),
    [
        ("does not start", None),
        ("crashes before it is ready", None),
        ("crashes later", signal.SIGUSR1),
    ],
)
def test_an_app_that_crashes_ends_the_worker(course_of, tmp_path, case, number):
    course = course_of(case, number)
    assert course.code == 1
    [line] = [line for line in course.logged if line["event"] == "the worker broke"]
    assert line["level"] == "error"
    assert line["error"] == "ZeroDivisionError"
    assert "a secret" not in str(course.logged)
    assert "world closes" in course.told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("case", "number"), [("crashes before it is ready", None), ("crashes later", signal.SIGUSR1)]
)
def test_a_worker_that_broke_does_not_wait_for_running_events(course_of, case, number):
    told = course_of(case, number).told
    assert not [line for line in told if "drain" in line]
    for name in ("first", "second"):
        assert f"{name} has published within {PUBLISHED_S}" in told


def test_a_stop_that_takes_too_long_is_cut(course_of):
    course = course_of("hangs at the stop")
    assert course.code == 0
    [line] = [line for line in course.logged if line["event"] == "the stop took too long"]
    assert line["limit_s"] == 0.1
    assert "stopped" not in course.events()
    assert course.ready is not None


def test_an_app_that_does_not_stop_well_keeps_no_other_from_it(course_of):
    course = course_of("one does not stop well")
    assert course.code == 0
    assert f"second has published within {PUBLISHED_S}" in course.told
    assert course.events()[-1] == "stopped"


def test_a_connector_that_does_not_close_well_is_no_fault_of_the_worker(course_of):
    course = course_of("the world does not close well")
    assert (course.code, course.events()[-1]) == (0, "stopped")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_process_ends_with_the_workers_code_and_joins_no_thread(course_of, code):
    assert course_of(f"code {code}").code == code


def test_what_breaks_outside_the_worker_is_told_and_joins_no_thread_either(course_of):
    course = course_of("breaks off")
    assert (course.code, course.events()) == (1, ["the worker broke"])


# ------------------------------------------------------------------ the command


NAMES = ", ".join(entry.name for entry in STEPS)


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["--steps", "nonsense"], {}, f"no step nonsense: choose from {NAMES}"),
        (["--steps", "embed,nonsense"], {}, f"no step nonsense: choose from {NAMES}"),
        (["--steps", ""], {}, "--steps names no step: leave it out to run all"),
        (["--steps", " ,"], {}, "--steps names no step: leave it out to run all"),
        ([], {"PLAYHEAD_WINDOW": "none"}, "PLAYHEAD_WINDOW='none': it must be a whole number"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(tmp_path, words, environment, said):
    (tmp_path / "stack.json").write_text("{}")
    done = CliRunner(env=environment).invoke(worker, [*words, "--run", str(tmp_path)])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]


def test_a_run_folder_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "stack.json").write_text("[")
    done = CliRunner().invoke(worker, ["--run", str(tmp_path)])
    assert done.exit_code == 2
    assert "is not JSON: run `playhead up` again" in " ".join(done.output.split())


def test_allocator_and_grpc_are_told_before_anything_has_threads(monkeypatch, tmp_path):
    order = []

    def load(**_):
        order.append("settings")
        raise BadSetting("no such thing")

    (tmp_path / "stack.json").write_text("{}")
    monkeypatch.setattr(cli, "give_back_early", lambda: order.append("told"))
    monkeypatch.setattr(cli, "read_as_before", lambda: order.append("sockets"))
    monkeypatch.setattr(cli.Settings, "load", load)
    CliRunner().invoke(worker, ["--run", str(tmp_path)])
    assert order == ["told", "sockets", "settings"]
