"""Phrases: stretches of words that name something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.phrases import names, naming_words, phrases, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "What are the labor systems of the Ottoman Empire?",
            ["labor systems of the Ottoman Empire"],
        ),
        ("How does Salt Lake City differ?", ["Salt Lake City", "differ"]),
        ("Is Anna's passport, or visa, valid?", ["Anna", "passport", "visa", "valid"]),
        ("Call <PERSON_12> tomorrow", ["<PERSON_12>", "tomorrow"]),
        ("What is it?", []),
    ],
)
def test_phrases_are_stretches_of_words_that_name_something(text, expected):
    assert phrases(text) == expected


def test_a_known_phrase_stays_itself_among_other_words():
    assert phrases("garage door opener cost", {"garage door opener"}) == [
        "garage door opener",
        "cost",
    ]


def test_the_verb_after_who_is_no_topic():
    assert phrases("Who assigns a berth?") == ["berth"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C++ and node.js at AT&T", ["C++", "and", "node.js", "at", "AT&T"]),
        ("<PERSON_1>'s and <_PERSON_1>", ["<PERSON_1>", "s", "and", "_PERSON_1"]),
        ("it's Bob’s", ["it's", "Bob’s"]),
        ("...", []),
    ],
)
def test_a_word_keeps_its_joints_and_a_placeholder_is_one(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Oslo", True),
        ("oslo's", True),
        ("The", False),
        ("it’s", False),
        ("what's", False),
        ("quickly", False),
        ("<PERSON_1>", True),
    ],
)
def test_function_words_and_adverbs_name_nothing(word, name):
    assert names(word) is name


def test_possessives_name_their_owners():
    assert naming_words("The boss' and Anna's bees' cost") == ["boss", "anna", "bees", "cost"]
    assert phrases("my bee's food") == ["bee", "food"]


def test_the_longest_known_phrase_is_taken_out_first():
    known = {"door", "garage door", "opener cost"}
    assert phrases("old garage door opener cost", known) == ["old", "garage door", "opener cost"]


@given(st.lists(st.sampled_from(["Oslo", "the", "of", "<A_1>", "bees", ",", "who", "'s"])))
def test_phrases_are_made_of_the_texts_own_words(parts):
    text = " ".join(parts)
    for phrase in phrases(text):
        assert set(phrase.split()) <= set(words(text))
        assert names(phrase.split()[0])


@pytest.mark.parametrize("text", ["<PERSON_1>", "<STREET_ADDRESS_12>", "<A1_1>", "<A__1>", "<A_٣>"])
def test_what_looks_like_a_placeholder_is_one_word(text):
    # as 0.1.0 had it: queries on the log were put together of such words
    assert words(f"about {text}?") == ["about", text]
