"""Lines are counted as they run, of the code that was asked for."""

import sys

import pytest

from tests.counted_lines import CountedLines, traced


def loop(turns):
    total = 0
    for turn in range(turns):
        total += turn
    return total


def calls_it(turns):
    return loop(turns)


def resumed(turns):
    for turn in range(turns):
        yield turn + 1


@pytest.mark.parametrize(
    ("work", "lines"),
    [
        (lambda: loop(0), 3),
        (lambda: loop(5), 3 + 2 * 5),
        (lambda: [loop(1), loop(2)], 3 + 2 + 3 + 4),
        (lambda: calls_it(1), 1 + 3 + 2),
        (lambda: list(resumed(3)), 1 + 2 * 3),
    ],
)
def test_each_line_counts_each_time_that_it_runs(work, lines):
    counted = CountedLines()
    with traced(lambda code: counted if code.co_name in {"loop", "calls_it", "resumed"} else None):
        work()
    assert counted.take() == lines
    assert counted.take() == 0


def test_of_each_code_it_is_asked_once_and_others_count_nothing():
    asked, counted = [], CountedLines()

    def counted_by(code):
        asked.append(code.co_name)

    with traced(counted_by):
        calls_it(3)
        calls_it(3)
    assert counted.take() == 0
    assert (asked.count("loop"), asked.count("calls_it")) == (1, 1)


def test_what_traced_before_goes_on_whatever_happens():
    def before(*_):
        return None

    found = sys.gettrace()
    sys.settrace(before)
    try:
        with pytest.raises(ZeroDivisionError), traced(lambda code: None):
            loop(1 / 0)
        assert sys.gettrace() is before
    finally:
        sys.settrace(found)
