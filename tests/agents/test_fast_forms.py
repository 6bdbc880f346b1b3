"""Fast forms of patterns: what a text is asked first, or in their place, and what they leave out."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import instructions
from agents.answering import excerpts, nearness, terms
from agents.checking import calendar_days, clauses, quantities
from agents.checking.units import NUMERALS

MARKUP = re.compile(r"<!--|-->|[`*_~>#\[\](){}\"“”„«»]+|\\n")
BLANKS = re.compile(r"[^\S\n]+")
SAME = {
    "markup": (
        "<!->*",
        lambda text: instructions._MARKUP.sub("|", text),
        lambda text: MARKUP.sub("|", text),
    ),
    "spelt breaks": (
        "\\n*<",
        lambda text: instructions._MARKUP.sub("|", text),
        lambda text: MARKUP.sub("|", text),
    ),
    "blanks": (
        " \t\n\u00a0a",
        lambda text: instructions._BLANKS.sub(" ", text),
        lambda text: BLANKS.sub(" ", text),
    ),
    "mixed words": (
        "aéA1_\u0301",
        clauses._is_mixed,
        lambda text: clauses._MIXED.search(text) is not None,
    ),
    "genitives": (
        ("n", "A", "é", "'", "’", "s", "t", " "),
        terms._without_genitives,
        lambda text: terms._GENITIVE.sub("", text),
    ),
    "addresses": (
        ("http", "s", "ftp", "://", ":", "/", " ", "a"),
        nearness._without_addresses,
        lambda text: nearness._URL.sub(" ", text),
    ),
    "abbreviations": (
        ("v", "art", ".", " ", "\n", "x"),
        excerpts._ends_abbreviated,
        lambda text: excerpts._ABBREVIATED.search(text) is not None,
    ),
}
"""What it is -> the signs of texts, how it is done, and how it is said."""
PIECES = st.sampled_from(
    [
        *"0159-/:.,' _<aT\u00a0é",
        *["am", "p.m", "12", "2024", "May", "dec", "Sept", "sum", "of", "two", "Ten", "twenty"],
        *["-five", "the", "k", "1,000"],
    ]
)
TEXTS = st.lists(PIECES, max_size=9).map("".join)


@pytest.mark.parametrize("name", SAME)
def test_it_says_the_same_of_all_short_texts(name):
    signs, fast, plain = SAME[name]
    for length in range(6):
        for text in map("".join, product(signs, repeat=length)):
            assert fast(text) == plain(text), text


@given(TEXTS)
def test_a_sentence_without_a_sign_of_a_date_holds_none(text):
    assert not (calendar_days._holds_none(text) and calendar_days._POINT.search(text))


@given(TEXTS)
def test_numbers_of_ascii_are_those_that_the_full_pattern_finds(text):
    def found(pattern):
        lumps = [match for match in pattern.finditer(text) if text.isascii()]
        numbers = [one for one in lumps if one["digits"] or one["word"].casefold() in NUMERALS]
        return [(one.span(), one["digits"]) for one in numbers]

    assert found(quantities._ASCII_LUMP) == found(quantities._LUMP)


@pytest.mark.parametrize("text", ["a b c d e", "x. i.g.n.o r", "1 2-3.4 5", "ab c d e f g"])
def test_what_is_spaced_has_a_sign_of_it(text):
    assert instructions._SPACED.search(text)
    assert instructions._SPACED_WITHIN.search(text)
