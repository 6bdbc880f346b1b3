"""Lists that go on behind what stands between their entries."""

import pytest

from agents.answering.broken_lists import CODE_LINES_MAX, LINES_MAX, broken_lists
from agents.answering.excerpts import excerpts_of
from agents.answering.layout import blocks_of
from tests.agents.answering.test_composition import a_passage, text_of

STEPS = (
    "The pump is new. Start it in three steps:\n\n1. Load the profile:\n\n$ pumpctl load\n\n"
    "2. Open the valve:\n\n$ pumpctl open --all\n\nThat takes a minute.\n\n3. Start it.\n\nDone."
)
WHOLE = (
    "Start it in three steps:\n1. Load the profile:\n$ pumpctl load\n2. Open the valve:\n"
    "$ pumpctl open --all\n3. Start it."
)


def lists_in(text):
    return [one.text for one in broken_lists(blocks_of("", text)[1])]


def test_steps_are_a_list_with_what_is_done_at_each_and_what_leads_to_them():
    assert lists_in(STEPS) == [WHOLE]


@pytest.mark.parametrize(
    "text",
    [
        "Steps:\n\n1. Load it.\n2. Open it.\n3. Start it.",  # in one block
        "1. Load it:\n\n$ load --now\n\n2. Start it.",  # two
        "1. Load it:\n\n$ load --now\n\n3. Open it.\n\n4. Start it.",  # one is missing
        "1. Load it:\n\n$ load --now\n\n2. Open it.\n\nNext part\n\n3. Start it. It runs.",
        "No steps at all.\n\n$ start --now",
    ],
)
def test_what_is_no_list_or_a_whole_one_is_left_to_the_layout(text):
    assert lists_in(text) == []


def test_a_list_that_begins_anew_is_another_one():
    one = "1. Load it:\n\n$ load --now\n\n2. Open it.\n\nIt is slow.\n\n3. Start it."
    other = one.replace("it", "them")
    assert lists_in(f"{one}\n\n{other}") == [
        "1. Load it:\n$ load --now\n2. Open it.\n3. Start it.",
        "1. Load them:\n$ load --now\n2. Open them.\n3. Start them.",
    ]


def test_its_length_is_bounded():
    code = "\n".join(f"$ load --part={n}" for n in range(CODE_LINES_MAX + 2))
    text = "\n\n".join(f"{n}. Load it:\n\n{code}" for n in range(1, LINES_MAX))
    [found] = lists_in(text)
    lines = found.split("\n")
    assert len(lines) == LINES_MAX
    assert lines[CODE_LINES_MAX + 1] == "2. Load it:"


def test_it_stands_for_its_beginning_and_older_rules_know_none():
    lists = [one.text for one in excerpts_of([a_passage(STEPS)]) if one.kind == "list"]
    assert lists == [WHOLE]
    before = [one.text for one in excerpts_of([a_passage(STEPS)], nearer=False)]
    assert WHOLE not in before


def test_an_order_is_told_by_it():
    question = "In which order are the steps to start it?"
    assert text_of(question, STEPS, "The pump is old. Start it in May.") == WHOLE
