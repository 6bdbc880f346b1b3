"""The analysis of text: terms, stems, stop words."""

import pytest

from connectors.weaviate.analysis import stem, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The limits of a VPC", ["limit", "vpc"]),
        ("Does <PERSON_1> own m5.large?", ["own", "m5", "large"]),
        ("Übergrößen, straße", ["übergröß" + "en", "straße"]),
        ("", []),
        ("what is it", []),
    ],
)
def test_words_are_stemmed_and_hold_neither_stop_words_nor_placeholders(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("classes", "class"), ("policies", "policy"), ("class", "class"), ("as", "as"), ("is", "is")],
)
def test_the_commonest_endings_are_stripped(word, expected):
    assert stem(word) == expected
