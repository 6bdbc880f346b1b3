"""What a long conversation was about: bounded, extractive, and known to later questions by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.conversation.exchanges import Exchange
from agents.conversation.summary import (
    QUESTION_CHARACTERS_MAX,
    TOPIC_CHARACTERS_MAX,
    TOPICS_MAX,
    UNANSWERED_MAX,
    recalled,
    summarised,
)
from agents.placeholders import placeholders_in
from schemas import MapEntry, Sealed, SessionSummary, Turn

PERMIT = "How do I apply for a residential parking permit?"
TIDE = ["When is the tide low?", "Is the harbour deep?", "Who pilots large ships?"]


def turn(question, answer="So it is.", **fields):
    return Turn(request="r", question=question, answer=answer, **fields)


def an_entry(placeholder, digest="d"):
    sealed = Sealed(key=f"value/{digest}", event="e", field="f", ciphertext=b"x")
    return MapEntry(placeholder=placeholder, kind="PERSON", digest=digest, value=sealed)


def summary_of(*turns):
    summary = None
    for one in turns:
        summary = summarised(summary, one if isinstance(one, Turn) else turn(one))
    return summary


def texts(summary):
    return [topic.text for topic in summary.topics]


def test_it_holds_what_questions_named_most_talked_of_first():
    summary = summary_of(
        PERMIT, "Is the residential parking permit free?", "Where is Salt Lake City?"
    )
    assert texts(summary)[:2] == ["residential parking permit", "Salt Lake City"]
    assert (summary.turns, summary.topics[0].turns, summary.topics[0].last) == (3, 2, 2)


def test_what_rewriting_put_behind_a_question_is_not_counted_again():
    summary = summary_of(PERMIT, "How long does it last (residential parking permit)?")
    assert summary.topics[0].turns == 1


def test_questions_to_which_nothing_was_found_are_kept_until_they_are_answered():
    open_one = turn("Who repairs the lighthouse?", unanswered=True)
    summary = summary_of(open_one, *TIDE)
    assert summary.unanswered == ("Who repairs the lighthouse?",)
    assert summarised(summary, turn("Who repairs the lighthouse?")).unanswered == ()


def test_values_stay_sealed_and_only_those_of_its_placeholders_are_kept():
    named = turn(
        "Where does <PERSON_1> live?", entries=(an_entry("<PERSON_1>"), an_entry("<PERSON_2>"))
    )
    summary = summary_of(named, turn("And then?", entries=(an_entry("<PERSON_3>"),)))
    assert [entry.placeholder for entry in summary.entries] == ["<PERSON_1>"]
    newer = summarised(summary, turn("Is <PERSON_1> in?", entries=(an_entry("<PERSON_1>", "new"),)))
    assert [entry.digest for entry in newer.entries] == ["new"]


def test_of_many_things_the_most_talked_of_and_then_the_latest_are_kept():
    asked = [f"Where is the number{n} boat pier?" for n in range(3 * TOPICS_MAX)]
    summary = summary_of(asked[0], *asked)
    assert len(summary.topics) == TOPICS_MAX
    assert texts(summary)[:2] == ["number0 boat pier", f"number{len(asked) - 1} boat pier"]


words = st.text("abcdefg <>_1PERSON?.", max_size=600)


@given(st.lists(st.tuples(words, st.booleans()), max_size=30))
def test_it_is_bounded_however_long_and_wild_a_conversation_is(said):
    summary = summary_of(*(turn(text, unanswered=nothing) for text, nothing in said))
    if summary is None:
        assert not said
        return
    assert summary.turns == len(said)
    assert len(summary.topics) <= TOPICS_MAX
    assert len(summary.unanswered) <= UNANSWERED_MAX
    assert all(0 < len(text) <= TOPIC_CHARACTERS_MAX for text in texts(summary))
    assert all(len(text) <= QUESTION_CHARACTERS_MAX for text in summary.unanswered)
    asked = [text for text, _ in said]
    assert all(text in asked for text in summary.unanswered)
    held = {
        name for text in (*texts(summary), *summary.unanswered) for name in placeholders_in(text)
    }
    assert {entry.placeholder for entry in summary.entries} <= held


def test_one_turn_after_the_other_gives_what_they_all_give():
    turns = [turn(text) for text in (PERMIT, *TIDE)]
    assert summarised(summary_of(*turns[:-1]), turns[-1]) == summary_of(*turns)


# ---------------------------------------------------------------------- later questions


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("What does the permit cost?", "What does the permit cost (residential parking permit)?"),
        ("What does the tide cost?", ""),
        ("What does a permit cost?", ""),
        ("What does the licence cost?", ""),
        ("How do I get the residential parking permit?", ""),
        ("Why?", ""),
        ("", ""),
    ],
)
def test_what_is_named_as_known_is_what_was_talked_of_long_before(question, query):
    exchanges = [Exchange(text, "It is so.") for text in TIDE]
    assert recalled(question, exchanges, summary_of(PERMIT, *TIDE)) == query


def test_in_other_languages_too():
    summary = summary_of("Wie beantrage ich den grünen Parkausweis?")
    exchanges = [Exchange("Wann ist Ebbe?", "Um acht.")]
    assert recalled("Was kostet der Parkausweis?", exchanges, summary) == (
        "Was kostet der Parkausweis (grünen Parkausweis)?"
    )
    assert recalled("Was kostet ein Parkausweis?", exchanges, summary) == ""


def test_what_the_turns_that_are_read_name_is_theirs():
    exchanges = [Exchange("Do I need a fishing permit?", "You do.")]
    assert recalled("What does the permit cost?", exchanges, summary_of(PERMIT)) == ""


def test_what_may_be_two_things_is_neither():
    summary = summary_of("Compare a residential parking permit and a cheap fishing permit.")
    assert recalled("What does the permit cost?", [Exchange("When is low tide?")], summary) == ""
    told = summarised(summary, turn("What does the cheap fishing permit allow?"))
    query = recalled("What does the permit cost?", [Exchange("When is low tide?")], told)
    assert query == "What does the permit cost (cheap fishing permit)?"


def test_an_earlier_question_is_the_last_one_to_which_nothing_was_found():
    summary = summary_of(turn("Who repairs the lighthouse?", unanswered=True), *TIDE)
    assert (
        recalled("Can you try my earlier question again?", [], summary)
        == "Who repairs the lighthouse?"
    )
    assert (
        recalled("Can you try my earlier question again?", [], replace(summary, unanswered=()))
        == ""
    )


def test_an_empty_summary_knows_nothing():
    assert recalled("What does the permit cost?", [], SessionSummary(turns=0)) == ""
