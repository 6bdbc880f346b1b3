"""What grows faster than its text is found, by its lines and by its CPU time; what does not is not."""

import re

import pytest

from agents import language
from tests.agents.hostile import FAMILIES, ROOM
from tests.agents.work import growth

ONE = {"two words": FAMILIES["two words"]}


def of_a_step(source):
    """Return a function that counts as a step's own code."""
    defined = {}
    exec(compile(source, f"{ROOM}/made.py", "exec"), defined)
    return defined["made"]


LINEAR = "def made(text):\n    for one in text:\n        one\n"
QUADRATIC = f"{LINEAR}        for other in text[::9]:\n            other\n"


def test_lines_that_grow_with_the_square_of_the_text_are_found():
    assert growth.lines_that_outgrow(of_a_step(LINEAR), growth.CUT_SIZE, ONE) == {}
    assert growth.lines_that_outgrow(of_a_step(QUADRATIC), families=ONE).keys() == ONE.keys()


def test_few_lines_are_what_is_done_once():
    assert growth.lines_that_outgrow(of_a_step(QUADRATIC), 10, ONE) == {}


def looked_through(text):
    re.findall("(?:[xy]| )*z", text)


@pytest.mark.slow  # seconds of CPU, as of what it finds
def test_cpu_that_grows_with_the_square_of_the_text_is_found_though_no_line_runs():
    assert growth.cpu_that_outgrows(language.words, ONE) == {}
    assert growth.cpu_that_outgrows(looked_through, ONE, doubts=2).keys() == ONE.keys()
