"""Terms of a few words, in a text that has many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.personal.phrase_list import TERM_WORDS_MAX, PhraseList
from tests.agents.hostile import FAMILIES, lines_run


def _lines_of(phrases, text, module=""):
    """Lines that a search runs."""
    counted = lines_run(lambda: list(phrases.found(text)))
    return sum(count for (file, _), count in counted.items() if module in file)


def found(text, *terms):
    phrases = PhraseList((term, "K") for term in terms)
    return [text[start:end] for start, end, _ in phrases.found(text)]


@pytest.mark.parametrize(
    ("term", "text", "as_spelt"),
    [
        ("Blue Heron", "the BLUE  heron\nflies", ["BLUE  heron"]),
        ("Müller", "MULLER, Mu\u0308ller und Muller", ["MULLER", "Mu\u0308ller", "Muller"]),
        ("Straße 7", "strasse 7", ["strasse 7"]),
        ("ABC", "ＡＢＣ", ["ＡＢＣ"]),
        ("C++", "use c++ now", ["c++"]),
        ("东京塔", "我在东京塔上", ["东京塔"]),
        ("Heron", "Herons, Heronry, _Heron and heron's", ["heron"]),
        ("Blue-Heron", "blue heron", []),
        ("O'Neil", "o'neil", ["o'neil"]),
    ],
)
def test_a_term_is_found_whole_without_case_width_and_accents(term, text, as_spelt):
    assert found(text, term) == as_spelt


def test_of_terms_that_begin_alike_the_longest_is_meant_and_overlaps_are_told():
    assert found("a b c d", "a", "a b", "a b c x", "b c d") == ["a b", "b c d"]


def test_of_equal_terms_the_first_one_counts_and_empty_ones_are_none():
    phrases = PhraseList([("A", "X"), ("a", "Y"), (" ", "Z"), ("", "Z")])
    assert [kind for *_, kind in phrases.found("a")] == ["X"]
    assert list(PhraseList([]).found("a")) == []


@given(
    st.lists(st.text("ab ", min_size=1, max_size=5).filter(str.strip), max_size=6),
    st.text("ab ", max_size=30),
)
def test_a_term_is_found_wherever_it_stands_as_words(terms, text):
    words = text.split()
    expected = [
        max(len(term.split()) for term in fitting)
        for at in range(len(words))
        if (fitting := [t for t in terms if words[at : at + len(t.split())] == t.split()])
    ]
    assert [len(one.split()) for one in found(text, *terms)] == expected


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_word_of_a_hostile_text_costs_a_bounded_number_of_looks(family):
    terms = [(" ".join(["x"] * n), "K") for n in range(1, TERM_WORDS_MAX + 1)]
    phrases = PhraseList([*terms, ("w y", "K")])
    looks = [_lines_of(phrases, FAMILIES[family](size), "phrase_list") for size in (1_000, 4_000)]
    assert looks[1] < 5 * looks[0] + 100


def test_fifty_thousand_terms_that_begin_alike_cost_no_more_than_one():
    text = "project x7 of the project plan " * 50
    many = [(f"Project P{number}", "K") for number in range(50_000)]
    of_many, of_one = (_lines_of(PhraseList(one), text, "phrase_list") for one in (many, many[:1]))
    assert of_many == of_one > 0
