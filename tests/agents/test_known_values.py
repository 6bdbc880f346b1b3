"""Known values: of one text in all of them, and of earlier events."""

import pytest

from agents.known_values import CANDIDATES_MAX, Reading, worth_repeating
from agents.spans import Mention
from schemas import Numbered

POLICY = {"repeated_kinds": ["PERSON", "EMAIL_ADDRESS"], "ambiguous_words": ["may", "mark"]}


def a_reading(*texts, mentions=None, typed=False):
    return Reading(texts, tuple(mentions or [()] * len(texts)), POLICY, typed)


def shown(reading):
    return [
        [mention.of(text) for mention in mentions]
        for text, mentions in zip(reading.texts, reading.mentions, strict=True)
    ]


def an_entry(digest, kind="PERSON"):
    return Numbered(placeholder=f"<{kind}_1>", kind=kind, digest=digest)


def test_the_values_are_listed_once_in_reading_order():
    mentions = [(Mention(4, 7, "PERSON"),), (Mention(0, 3, "PERSON"), Mention(4, 7, "AGE"))]
    assert a_reading("the BOB", "Ada Bob", mentions=mentions).values() == ("bob", "ada")


def test_a_value_of_one_text_is_found_in_all_of_them():
    reading = a_reading(
        "Ada Lovelace.", "By ADA  LOVELACE!", mentions=[(Mention(0, 12, "PERSON"),), ()]
    )
    assert shown(reading.repeated()) == [["Ada Lovelace"], ["ADA  LOVELACE"]]


def test_a_value_of_a_kind_that_is_not_repeated_is_found_once():
    reading = a_reading("42 and 42x", "42", mentions=[(Mention(0, 2, "AGE"),), ()])
    assert shown(reading.repeated()) == [["42"], []]


def test_the_first_kind_of_a_value_counts():
    mentions = [(Mention(0, 3, "PERSON"),), (Mention(0, 3, "EMAIL_ADDRESS"),), ()]
    repeated = a_reading("Ada", "Ada", "Ada", mentions=mentions).repeated()
    assert [one[0].kind for one in repeated.mentions] == ["PERSON", "EMAIL_ADDRESS", "PERSON"]


@pytest.mark.parametrize(
    ("typed", "candidates"),
    [
        (True, ("did ada meet", "did ada", "did", "ada meet", "ada", "meet")),
        (False, ()),
    ],
)
def test_small_letters_may_name_somebody_only_where_a_person_typed_them(typed, candidates):
    reading = a_reading("did ada meet", typed=typed)
    assert reading.candidates([an_entry("d")]) == candidates


def test_without_an_earlier_value_of_a_repeated_kind_nothing_is_compared():
    reading = a_reading("Ada", typed=True)
    assert reading.candidates([an_entry("d", "AGE")]) == ()
    assert reading.candidates([]) == ()


def test_only_so_many_stretches_are_compared():
    text = " ".join(f"Name{number}" for number in range(CANDIDATES_MAX))
    candidates = a_reading(text).candidates([an_entry("d")])
    assert len(candidates) == CANDIDATES_MAX == len(set(candidates))


def test_as_many_stretches_as_are_allowed_are_all_compared():
    text = " ! ".join(f"Name{number}" for number in range(2_000))
    assert len(a_reading(text).candidates([an_entry("d")])) == 4 * 2_000 - 6


def test_earlier_values_are_recognised_by_their_digests():
    reading = a_reading("Did Ada meet Bob at 42?", typed=True)
    digests = {"ada": "1", "bob": "2", "did": "3", "42": "4"}
    earlier = [an_entry("1"), an_entry("4", "AGE")]
    assert shown(reading.recognised(tuple(digests), digests, earlier)) == [["Ada"]]
    assert reading.recognised(tuple(digests), digests, [an_entry("9")]) is reading


@pytest.mark.parametrize(
    ("word", "typed", "worth"),
    [
        ("Al", True, False),
        ("Ada", False, True),
        ("ada", True, True),
        ("ada", False, False),
        ("may", True, False),
        ("May", True, True),
        ("4711", False, True),
        ("a42", False, True),
    ],
)
def test_a_lone_word_is_a_value_by_its_length_and_letters(word, typed, worth):
    assert worth_repeating(word, POLICY, typed=typed) is worth
