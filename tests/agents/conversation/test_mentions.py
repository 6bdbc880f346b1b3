"""Mentions: what a text names."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.conversation.english import ENGLISH, SHARPER
from agents.conversation.european import FRENCH, GERMAN
from agents.conversation.languages import GRAMMARS
from agents.conversation.mentions import mentions, naming_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("When was the large refractor built?", ["the large refractor"]),
        ("What does a berth cost?", ["a berth"]),
        ("Where are the absorbent booms kept?", ["the absorbent booms"]),
        ("Is throat cancer treatable?", ["throat cancer"]),
        ("What happens when a worker dies?", ["a worker"]),
        ("A vessel of ten metres", ["a vessel of ten metres"]),
        ("the labor systems of the Ottoman Empire", ["the labor systems of the Ottoman Empire"]),
        ("How does Salt Lake City differ?", ["Salt Lake City"]),
        ("Who assigns a berth?", ["a berth"]),
        ("What causes fever?", ["fever"]),
        ("How to treat high blood pressure", ["high blood pressure"]),
        ("How much is owed?", []),
        ("Is Anna's passport, or visa, valid?", ["Anna", "passport", "visa"]),
        ("Call <PERSON_12> in May", ["<PERSON_12>", "May"]),
        ("What is it?", []),
        ("Can you reserve a group?", ["a group"]),
        ("When does the last bus leave?", ["the bus"]),
        ("Pass the timeout", ["the timeout"]),
    ],
)
def test_a_stretch_ends_where_something_else_begins(text, expected):
    assert [mention.spelt for mention in mentions(text, ENGLISH)] == expected


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("Why doesn't honey spoil?", ["honey spoil"], ["honey"]),
        ("Did the Menominee first encounter Europeans?", None, ["the Menominee", "Europeans"]),
        ("Does the team have a coach?", ["the team", "a coach"], ["the team", "a coach"]),
        ("Did dogs quickly dig?", ["dogs", "dig"], ["dogs"]),
        ("When does the fuel pier open?", ["the fuel pier"], ["the fuel pier"]),
    ],
)
def test_a_verb_that_no_table_has_is_no_part_of_a_thing(text, before, expected):
    if before is not None:
        assert [mention.spelt for mention in mentions(text, ENGLISH)] == before
    assert [mention.spelt for mention in mentions(text, SHARPER)] == expected


@pytest.mark.parametrize(
    ("text", "grammar", "expected"),
    [
        ("Was kostet ein Liegeplatz?", GERMAN, ["Liegeplatz"]),
        ("Quand ouvre le hangar rouge ?", FRENCH, ["hangar rouge"]),
        ("停车证怎么申请?", GRAMMARS["zh"], ["停车证", "申请"]),
        ("北京的营业时间是几点?", GRAMMARS["zh"], ["北京", "营业时间"]),
        ("東京の営業時間は何時ですか?", GRAMMARS["ja"], ["東京の営業時間"]),
        ("주차권은 어디에서 신청하나요?", GRAMMARS["ko"], ["주차권"]),
        ("<PERSON_1>は誰ですか", GRAMMARS["ja"], ["<PERSON_1>"]),
    ],
)
def test_other_languages_name_things_by_their_own_words(text, grammar, expected):
    assert [mention.text for mention in mentions(text, grammar)] == expected


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("Are bees in danger of wasps?", [True, False]),
        ("Tell bees about wasps", [True, False]),
        ("In Oslo, are bees rare?", [True, True]),
    ],
)
def test_what_stands_first_or_behind_an_auxiliary_is_a_subject(text, subjects):
    assert [mention.is_subject for mention in mentions(text, ENGLISH)] == subjects


@given(st.text(max_size=80), st.sampled_from(sorted(GRAMMARS)))
def test_a_mention_stands_where_it_says(text, language):
    found = mentions(text, GRAMMARS[language])
    for one in found:
        assert text[one.start : one.end].startswith(one.article)
        assert text[one.start : one.end].endswith(one.text.split()[-1])
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("text", "words"),
    [("Is Anna's passport quickly valid?", ["anna", "passport", "valid"]), ("Why is it?", [])],
)
def test_words_that_join_or_ask_name_nothing(text, words):
    assert naming_words(text, ENGLISH) == words
