"""Names of prose that the field leaves out."""

import pytest

from connectors.tagger.bold_names import institutions, unlisted


def found(text, *, bold=True, named="", known=()):
    """The words that no list has."""
    at = text.find(named) if named else 0
    covered = bytes(at) + b"\1" * len(named) + bytes(len(text) - at - len(named))
    marks = (b"\1" if bold else b"\0") * len(text)
    return [
        (one.kind, text[one.start : one.end])
        for one in unlisted(text, marks, covered, lambda word: word in known)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("then Zorbulax came", [("PERSON", "Zorbulax")]),
        ("on 6PR again", [("ORGANIZATION", "6PR")]),
        ("by Zorb-ULAX alone", [("ORGANIZATION", "Zorb-ULAX")]),
        ("the QRSTs and it", []),
        ("then zorbulax came", []),
        ("то Зорбулакс", []),
        ("at Zo last", []),
        ("Z" * 100, []),
    ],
)
def test_a_word_with_a_capital_that_no_list_has_is_a_name(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "placed"),
    [
        ("then Zorbulax came", [True]),
        ("my name is Zorbulax", [False]),
        ("on 6PR again", [False]),
    ],
)
def test_of_a_persons_name_it_tells_that_its_place_alone_speaks_for_it(text, placed):
    marks = b"\1" * len(text)
    found_ = unlisted(text, marks, bytes(len(text)), lambda _: False)
    assert [one.by_place for one in found_] == placed


def test_it_is_one_where_the_bold_look_agrees_and_nothing_was_found():
    assert found("then Zorbulax came", bold=False) == []
    assert found("then Zorbulax came", named="bul") == []


def test_a_word_of_a_list_is_none_by_itself():
    assert found("then Zorbulax came", known={"Zorbulax"}) == []
    assert found("the Far-Zorb side", known={"Far"}) == []


def test_a_german_text_is_full_of_such_words():
    assert found("Gestern war ich mit dem Fahrradkorb bei der Sitzungsleitung und habe") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the League was formed", ["League"]),
        ("The Senate met", ["Senate"]),
        ("the league was formed", []),
        ("the Leagues were", []),
        ("a Union man", []),
        ("a song by The Zutons there", ["The Zutons"]),
        ("a song by The Big Red Dogs Left Home", []),
        ("It ended. The Dog left", []),
    ],
)
def test_institutions_are_named_by_one_noun_or_behind_an_article(text, expected):
    assert [text[one.start : one.end] for one in institutions(text, bytes(len(text)))] == expected
    assert list(institutions(text, b"\1" * len(text))) == []
