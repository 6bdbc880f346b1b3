"""Texts that can only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.problems import Problem
from edge.protocols.openai.growing_text import GrowingText

WORDS = st.text("ab.", max_size=6)


@given(st.lists(WORDS, max_size=6), st.lists(st.text("ab.", min_size=1, max_size=3), max_size=3))
def test_what_is_sent_adds_up_to_the_text_before_the_first_stop(parts, stops):
    text = "".join(parts)
    growing = GrowingText(stops)
    sent = ""
    for part in parts:
        growing.add(part)
        sent += growing.news()
        assert not any(stop in sent for stop in stops)
    sent += growing.settle(text)
    ends = [text.find(stop) for stop in stops if stop in text]
    assert sent == growing.shown == text[: min(ends, default=len(text))]


def test_what_may_become_a_stop_waits():
    growing = GrowingText(["END"])
    growing.add("all E")
    assert growing.news() == "all "
    growing.add("ven")
    assert growing.news() == "Even"


@pytest.mark.parametrize("again", ["Other", "VA"])
def test_what_was_sent_is_not_taken_back(again):
    growing = GrowingText()
    growing.add("VAT")
    assert growing.news() == "VAT"
    growing.void()
    with pytest.raises(Problem, match="started over"):
        growing.settle(again)
