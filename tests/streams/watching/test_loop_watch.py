"""Who keeps the event loop is told; what a step computes without end is ended, and nothing else is."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from streams.watching.loop_watch import LoopWatch
from tests.streams.watching.courses import courses_in
from tests.streams.watching.fake_steps import CASES

in_processes = pytest.mark.slow  # and seconds of computing in them


@pytest.fixture(scope="module")
def course_of():
    """Tell what a process in which something computes said, and what it logged."""
    courses = courses_in("fake_steps", CASES)

    def course_of(case):
        code, lines = courses[case]
        assert code == 0, lines
        logged = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in lines if not line.startswith("{")], logged

    return course_of


@in_processes
@pytest.mark.parametrize("case", ["short", "asleep"])
def test_what_computes_for_a_moment_or_only_sleeps_is_not_told(course_of, case):
    assert course_of(case) == (["returned", "went on"], [])


@in_processes
def test_what_keeps_the_loop_is_told_once_with_step_and_place_and_goes_on(course_of):
    said, [line] = course_of("long")
    assert said == ["returned", "went on"]
    assert line["event"] == "the event loop is kept from everybody else"
    assert line["line"].startswith("agents.made_up:")
    assert (line["step"], line["place"], line["request"]) == ("rewrite", "a.topic[0]@7", "r-1")


@in_processes
@pytest.mark.parametrize("case", ["endless", "endless in a pattern"])
def test_what_a_step_computes_without_end_is_ended_and_the_loop_goes_on(course_of, case):
    said, logged = course_of(case)
    assert said[0].startswith("computed for more than 0.5 s of CPU at agents.made_up:")
    assert said[1:] == ["went on"]
    assert [line["level"] for line in logged] == ["warning", "error"]


@in_processes
def test_of_many_that_compute_for_a_moment_each_none_is_ended(course_of):
    said, logged = course_of("many")
    assert said == ["returned", "went on"]
    assert {line["level"] for line in logged} == {"warning"}


@in_processes
def test_what_is_no_steps_is_told_and_never_ended(course_of):
    said, logged = course_of("long in a connector")
    assert said == ["returned", "went on"]
    assert {line["event"] for line in logged} == {"the event loop is kept from everybody else"}
    assert all(line["line"].startswith("connectors.made_up:") for line in logged)


@in_processes
def test_a_system_call_goes_on_after_the_watch_has_looked(course_of):
    assert course_of("in a system call")[0] == ["read 1", "returned", "went on"]


@in_processes
def test_a_watch_that_is_released_looks_no_more_and_a_late_signal_ends_nobody(course_of):
    assert course_of("released")[0] == ["timer 0", "returned", "went on"]


async def test_a_timer_that_goes_off_within_a_look_is_not_looked_at(monkeypatch):
    watch, clocks = LoopWatch(), []
    loop = asyncio.get_running_loop()

    def thread_time():
        clocks.append(1)
        watch._look(loop, None)
        return 0.0

    monkeypatch.setattr(
        "streams.watching.loop_watch.time", SimpleNamespace(thread_time=thread_time)
    )
    for looks in (1, 2):
        watch._look(loop, None)
        assert len(clocks) == looks
