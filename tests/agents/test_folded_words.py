"""What is sought in folded text is folded itself: `ß` is `ss` there, and an accent may be gone."""

import re

import pytest

from agents import instructions, moderate
from agents.answering import question_kinds
from agents.checking import calendar_days, polar_words, units
from agents.conversation import languages
from agents.instructions import orders
from agents.language import STOP_WORDS
from streams.log.configuration import load

LOOKED_UP = {
    "quantifiers": polar_words.QUANTIFIERS,
    "modals": polar_words.MODALS,
    "conditions": polar_words.CONDITIONS,
    "negators": polar_words.PLAIN_NEGATORS | polar_words.LEXICAL_NEGATORS,
    "negated only": polar_words.NEGATED_ONLY,
    "comparatives": polar_words.COMPARATIVES,
    "breaks": polar_words.BREAKS,
    "partners": polar_words.PARTNERS,
    "axes": polar_words.AXES,
    "numerals": units.NUMERALS,
    "scales": units.SCALES,
    "months": calendar_days.MONTHS,
    "asking": question_kinds.ASKING,
    "stop words": STOP_WORDS,
    "languages": languages._KNOWN,
}
"""Words that are looked up by what `casefold` makes of another one."""
TABLES = (
    instructions._OVERRIDE,
    instructions._PERSONA,
    instructions._REPLY_SO,
    instructions._REVEAL,
    instructions._LABEL,
)
ORDERING = [text for table in TABLES for row in table for text in row]
TERMS = [term["pattern"] for term in load()["moderate"].values["terms"]]


def letters(pattern):
    """The letters of a pattern that stand for themselves."""
    bare = re.sub(r"\\p\{.*?\}|\\.|\(\?[a-zA-Z-]+[:)]|\(\?P<\w+>", " ", pattern)
    return {letter for letter in bare if letter.isalpha()}


@pytest.mark.parametrize("name", LOOKED_UP)
def test_a_word_that_folded_ones_are_looked_up_in_is_folded(name):
    assert [word for word in LOOKED_UP[name] if word != word.casefold()] == []


@pytest.mark.parametrize(
    ("patterns", "fold"),
    [(ORDERING, instructions._plain), (TERMS, moderate._plain)],
    ids=["orders", "terms"],
)
def test_every_letter_of_a_pattern_is_its_own_folded_form(patterns, fold):
    assert patterns
    unmatched = {letter for one in patterns for letter in letters(one) if fold(letter) != letter}
    assert unmatched == set()


@pytest.mark.parametrize("spelling", ["ausschließlich", "AUSSCHLIESSLICH", "ausschliesslich"])
def test_a_reply_is_ordered_in_either_spelling(spelling):
    assert orders(f"Antworte {spelling} auf Englisch.")


def test_a_quantifier_and_a_numeral_are_known_as_they_are_looked_up():
    assert polar_words.QUANTIFIERS["ausschließlich".casefold()] == "only"
    assert polar_words.CONDITIONS["außer".casefold()] == "unless"
    assert units.NUMERALS["dreißig".casefold()] == 30
