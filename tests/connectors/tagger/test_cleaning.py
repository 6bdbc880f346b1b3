"""Cleaning: where a value that the field marks begins and ends."""

import pytest

from connectors.tagger.cleaning import cleaned
from connectors.tagger.code_markup import Code
from connectors.tagger.field import Tagged


def values(text, label="PERSON"):
    """What is left of a text that the field marks as a whole."""
    tagged = [Tagged(0, len(text), label)]
    return [text[one.start : one.end] for one in cleaned(text, tagged, Code(text), 0.8)]


@pytest.mark.parametrize(
    "text",
    [
        "Ann",
        "Ann's",
        "Ann’",
        "Ann's,",
        "(Ann)'s",
        "Ann  and",
        "Mr. Ann, and",
        "the Ann\n",
        "- Ann'\n",
    ],
)
def test_signs_and_small_words_at_the_edges_are_no_part_of_a_name(text):
    assert values(text) == ["Ann"]


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("Don Wright", "PERSON", ["Don Wright"]),
        ("Lord Stanley", "PERSON", ["Lord Stanley"]),
        ("Dr. Don Wright", "PERSON", ["Don Wright"]),
        ("Faber GmbH", "ORG", ["Faber GmbH"]),
        ("Faber getItem", "ORG", []),
    ],
)
def test_titles_that_are_parts_of_names_and_forms_of_companies_stay(text, label, expected):
    assert values(text, label) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann Hart.", "Ann Hart"),
        ("Ann Hart Jr.", "Ann Hart Jr."),
        ("Ann H.", "Ann H."),
        ("Acme Inc.", "Acme Inc."),
    ],
)
def test_a_sentences_full_stop_is_no_part_of_a_name(text, expected):
    assert values(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0171 300 4000", ["0171 300 4000"]), ("49:58.502116+02:00", []), ("2100-09-01T21:55", [])],
)
def test_a_time_is_no_telephone_number(text, expected):
    assert values(text, "PHONE") == expected


@pytest.mark.timeout(20)
def test_blanks_within_a_name_are_read_once():
    """Quadratic work on so many would take minutes."""
    name = "Anna" + " " * 200_000 + "Schmidt"
    assert values(f" {name} and") == [name]
