"""A loop whose thread waits for ever ends its process, with words where there is room; nobody else is ended."""

import json

import pytest

from streams.watching.standstill import CODE, ENDS, STANDS
from tests.streams.watching.courses import courses_in
from tests.streams.watching.standing_loops import CASES, WAITS

pytestmark = pytest.mark.slow  # processes


@pytest.fixture(scope="module")
def course_of():
    """Tell how a process ended and what it said, the lines of logs as what they tell."""
    courses = courses_in("standing_loops", CASES)

    def course_of(case):
        code, lines = courses[case]
        return code, [json.loads(line) if line.startswith("{") else line for line in lines]

    return course_of


@pytest.mark.parametrize("case", ["wait_for_ever", "wait_with_the_logs"])
def test_what_waits_for_ever_is_told_and_ends_the_process_with_its_place(course_of, case):
    code, lines = course_of(case)
    assert code == CODE
    assert [line["event"] for line in lines] == [STANDS, ENDS]
    for line in lines:
        assert line["level"] == "error"
        waits, *_, asked = line["stack"].split("\n")
        assert waits.startswith("threading:")
        assert f" in {case}" in line["stack"]
        assert asked


def test_a_thread_that_cannot_begin_for_want_of_memory_ends_the_process_with_words(course_of):
    code, lines = course_of("starve")
    assert code == CODE
    told = [line["event"] for line in lines if isinstance(line, dict)]
    assert told == [STANDS, ENDS]
    assert "went on" not in lines


def test_a_loop_that_cannot_be_asked_for_want_of_memory_ends_the_process(course_of):
    code, [line] = course_of("refuse")
    assert (code, line["event"]) == (CODE, ENDS)


def test_the_process_ends_where_nobody_reads_its_words(course_of):
    assert course_of("wait_unheard") == (CODE, [])


def test_what_waits_for_a_while_is_told_and_goes_on(course_of):
    code, [*told, went_on] = course_of("wait_for_a_while")
    assert (code, went_on) == (0, "went on")
    assert [line["event"] for line in told] == [STANDS] * WAITS


@pytest.mark.parametrize("case", ["compute", "be_stopped", "sleep", "release"])
def test_who_computes_is_stopped_idle_or_released_is_left_alone(course_of, case):
    assert course_of(case) == (0, ["went on"])
