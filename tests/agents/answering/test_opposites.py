"""Opposites: a question's word against the contrary of it, beside the same words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering import opposites
from agents.answering.opposites import opposed


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What do male hormones do?", "Female hormones stimulate the immune system."),
        ("How are small numbers of cells found?", "Large numbers of cells respond at once."),
        ("Why was the rule for visitors rejected?", "The rule for visitors was adopted in May."),
        ("What is an unstable release?", "A stable release comes twice a year."),
        ("What is a dependent module?", "An independent module loads nothing."),
        ("What is a stable release?", "An unstable release comes every day."),
    ],
)
def test_the_contrary_beside_the_same_word_is_opposed(question, said):
    assert opposed(question, [said])
    assert opposed(question, ["Nothing of that.", said])


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What do male hormones do?", "Male hormones suppress it, female hormones do not."),
        ("What do big files need?", "Large files need room, small files do not."),
        ("What do male hormones do?", "The female of the species lays eggs."),  # of another thing
        ("Who won the battle?", "The battle was lost by Ney."),  # the same, from its other end
        ("What do people inform others of?", "People form others."),
        ("Who can discover the lid?", "Who likes may cover the lid."),
        ("What do hormones do?", "Female hormones stimulate it."),
        ("", "Small."),
        ("What do male hormones do?", ""),
    ],
)
def test_what_is_said_itself_or_of_something_else_is_not(question, said):
    assert not opposed(question, [said])
    assert not opposed(question, [])


@given(st.lists(st.sampled_from(sorted(opposites._CONTRARIES)), max_size=9))
def test_no_text_is_opposed_to_itself(asked):
    text = " ".join(asked)
    assert not opposed(text, [text])


def test_contraries_go_both_ways_and_nothing_is_its_own():
    for word, others in opposites._CONTRARIES.items():
        assert word not in others
        assert all(word in opposites._CONTRARIES[other] for other in others)
