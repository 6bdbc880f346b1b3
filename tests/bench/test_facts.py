"""Made-up facts: all different, and each question is answered by its own section."""

import re

import pytest

from bench.facts import facts, name_of

MANY = facts(300)


def test_no_question_is_asked_twice():
    assert len({question for _, question in MANY}) == len({name_of(n) for n in range(300)}) == 300


@pytest.mark.parametrize("number", [0, 1, 55, 56, 299])
def test_a_section_answers_its_question_and_no_other_does(number):
    section, question = MANY[number]
    subject = re.search(r"for the (.+) cost", question)[1]
    assert subject == name_of(number)
    assert f"ticket for the {subject} costs {20 + 3 * number} euros" in section
    assert [other for other, (text, _) in enumerate(MANY) if f"{subject} costs" in text] == [number]


def test_facts_are_counted_from_where_one_begins():
    assert facts(3, first=7) == MANY[7:10]
    assert facts(0) == []
