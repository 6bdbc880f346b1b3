"""Widening of names."""

import pytest

from connectors.tagger.value_forms import FoundValue
from connectors.tagger.widening import widened


@pytest.mark.parametrize(
    ("text", "named", "kind", "expected"),
    [
        ("then Carlos II of Spain", "Carlos", "PERSON", "Carlos II"),
        ("by the Boilerhouse Boys in May", "Boilerhouse", "ORGANIZATION", "Boilerhouse Boys"),
        (
            "the East Riding of Yorkshire lies",
            "East Riding",
            "LOCATION",
            "East Riding of Yorkshire",
        ),
        ("supporting The Cult on tour", "Cult", "ORGANIZATION", "The Cult"),
        ("helped found the Ottawa 67s again", "Ottawa", "ORGANIZATION", "Ottawa 67s"),
        ("told a Dallas Star News man", "News", "ORGANIZATION", "Dallas Star News"),
        ("met Anna. He left", "Anna", "PERSON", None),
        ("met Anna of Oslo", "Anna", "PERSON", None),
        ("saw Anna In May", "Anna", "PERSON", None),
        ("Yesterday Anna left", "Anna", "PERSON", None),
        ("in Anna March", "Anna", "DATE_TIME", None),
    ],
)
def test_a_name_goes_as_far_as_its_words_do(text, named, kind, expected):
    start = text.index(named)
    found = FoundValue(start, start + len(named), kind, 0.8)
    gained = [text[one.start : one.end] for one in widened(text, [found])]
    assert gained == ([] if expected is None else [expected])


def test_a_name_gains_few_words():
    text = "by Anna" + " Bell" * 9
    [one] = widened(text, [FoundValue(3, 7, "PERSON", 0.8)])
    assert text[one.start : one.end] == "Anna" + " Bell" * 4
