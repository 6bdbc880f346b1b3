"""What of the records stands, and what is shown of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.placeholders import restore
from edge.answering.draft import Closing, Draft
from tests.edge.answering.histories import NAMES, VAT, WHOLE, released, retracted, tokens


def drafted(*records):
    draft = Draft()
    for record in records:
        draft = draft.with_text(record, {})
    return draft


@pytest.mark.parametrize(
    ("record", "repeats", "contradicts"),
    [
        (VAT[0], True, True),
        (tokens("other", 0), True, True),  # the first record with an id wins
        (tokens("VAT ", 0, attempt=2), True, True),
        (tokens("other", 0, attempt=2), False, True),
        (tokens("new", 3), False, False),
        (tokens("anew", 3, restart=True), False, True),
        (tokens("VAT ", 0, restart=True), True, True),
        (tokens("VAT ", 0, restart=True, attempt=2), False, True),
    ],
)
def test_a_record_repeats_contradicts_or_goes_on(record, repeats, contradicts):
    draft = drafted(*VAT)
    assert draft.repeats(record) == repeats
    if not repeats:
        assert draft.contradicts(record) == contradicts


def test_a_later_attempt_voids_what_was_made_of_its_input_and_of_later_ones():
    draft = drafted(tokens("a", 0), tokens("b", 1), tokens("c", 2))
    again = draft.without_void(tokens("B", 1, attempt=2))
    assert again.released == "a"
    assert (again.floor, again.shown, again.tail) == (-1, "", "")


def test_a_restart_voids_all_that_was_made_of_earlier_inputs():
    draft = drafted(tokens("a", 0), tokens("b", 1)).without_void(tokens("A", 5, restart=True))
    assert draft.released == ""
    assert draft.rules_out(tokens("late", 4))
    assert draft.rules_out(released("late", 4))
    assert draft.rules_out(retracted("late", 4))
    assert not draft.rules_out(tokens("new", 5))


def test_what_was_retracted_says_no_more():
    draft = drafted(*VAT).without_answer(retracted("no", 1))
    assert draft.rules_out(tokens("late", 1))
    assert not draft.rules_out(tokens("new", 2))
    assert not draft.rules_out(released("late", 0))  # another rule lets that pass by


@pytest.mark.parametrize(
    ("closing", "records", "whole"),
    [
        (None, VAT, False),
        (WHOLE[-1], VAT[:1], False),
        (WHOLE[-1], VAT, True),
        (released("", 0), [], True),
    ],
)
def test_an_answer_is_whole_once_all_that_its_last_record_closes_is_there(closing, records, whole):
    draft = drafted(*records).with_closing(Closing(0, closing) if closing else None)
    assert draft.whole == whole


def test_a_closing_record_of_what_is_void_waits_no_longer():
    draft = drafted(*VAT).with_closing(Closing(0, WHOLE[-1]))
    assert draft.without_void(tokens("A", 1, restart=True)).closing is not None
    assert draft.without_void(tokens("A", 2, restart=True)).closing is None


def test_values_are_numbered_anew_only_by_a_restart_that_brings_its_own():
    draft = Draft(values={"<PERSON_1>": "Jane"})
    named = tokens("x", 5, restart=True, entries=("an entry",))
    assert draft.with_text(named, {"<PERSON_2>": "John"}).values == {"<PERSON_2>": "John"}
    assert draft.with_text(tokens("x", 5, restart=True), {}).values == draft.values
    assert set(draft.with_text(VAT[0], {"<PERSON_2>": "John"}).values) == {
        "<PERSON_1>",
        "<PERSON_2>",
    }


@given(st.text("ab <>_PERSON12", max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_however_a_text_is_cut_it_is_shown_as_if_it_came_whole(text, cuts):
    draft, shown = Draft(values=NAMES), ""
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in pairwise(ends):
        draft, came = draft.show(draft.tail + text[begin:end])
        shown += came
    draft, came = draft.show(draft.tail, to_the_end=True)
    assert shown + came == draft.shown == restore(text, NAMES)
