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
        ("heard on 6PR again", "PR", "ORGANIZATION", "6PR"),
        ("bought the Zim9 shop", "Zim", "ORGANIZATION", "Zim9"),
        ("the 65th Air Division flew", "Air Division", "ORGANIZATION", "65th Air Division"),
        ("as 3 Air Division in", "Air Division", "ORGANIZATION", "3 Air Division"),
        ("hired 3 Acme engineers", "Acme", "ORGANIZATION", None),
        ("in 1998 Air Division One", "Air Division One", "ORGANIZATION", None),
        ("No. 18 Squadron moved", "Squadron", "ORGANIZATION", "No. 18 Squadron"),
        ("owned by the Greek government .", "Greek", "NRP", "Greek government"),
        ("owned by the Greek governments", "Greek", "NRP", None),
        ("told the Greek painter", "Greek", "NRP", None),
        ("of King Carlos I and", "King Carlos", "PERSON", "King Carlos I"),
        ("with Carlos I went", "Carlos", "PERSON", None),
        ("under the License. Microsoft says", "License.", "ORGANIZATION", None),
        ("met J. Smith there", "J.", "PERSON", "J. Smith"),
        ("met Anna. He left", "Anna", "PERSON", None),
        ("met Anna Hart. He left", "Anna", "PERSON", "Anna Hart"),
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


def test_of_a_long_run_of_letters_and_digits_a_name_takes_little():
    text = "by " + "a1" * 3_000
    found = [FoundValue(at, at + 1, "ORGANIZATION", 0.8) for at in range(3, 6_000)]
    assert max(one.end - one.start for one in widened(text, found)) <= 41
