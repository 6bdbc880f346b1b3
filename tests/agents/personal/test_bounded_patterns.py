"""Patterns of a tenant: which are taken, and what they match."""

import pytest

from agents.personal.bounded_patterns import (
    PATTERN_CHARS_MAX,
    BoundedPatterns,
    UnboundedPattern,
    compiled,
)


def found(text, *patterns):
    return [
        text[start:end]
        for start, end, _ in BoundedPatterns([(one, "K") for one in patterns]).found(text)
    ]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("KD-[0-9]+", "`\\+` has no end"),
        ("KD-[0-9]*", "`\\*` has no end"),
        ("KD-[0-9]{2,}", "`{n,}` has no end"),
        ("x[^y]*y|x", "has no end"),
        (r"[]a]+", "has no end"),
        (r"[^]a]*", "has no end"),
        (r"\Q[\Ea+", "quotes"),
        ("(?=a)b", "RE2"),
        (r"(a)\1", "RE2"),
        ("a{2}{900}{900}", "RE2"),
        ("[a", "RE2"),
        ("a?", "nothing stands"),
        ("", "0 characters"),
        ("a" * (PATTERN_CHARS_MAX + 1), "characters"),
    ],
)
def test_a_pattern_that_has_no_end_or_is_none_is_told(pattern, said):
    with pytest.raises(UnboundedPattern, match=said):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"C\+\+", "C++"),
        (r"[+*]{2}", "+*"),
        (r"[\]+]{2}", "]+"),
        (r"a{1,3}", "aaa"),
        (r"\{n,\}", "{n,}"),
        (r"a{,", "a{,"),
    ],
)
def test_signs_that_mean_themselves_are_no_repetition(pattern, text):
    assert compiled(pattern).fullmatch(text)


def test_a_match_is_found_without_case_and_width_and_told_in_the_text_as_it_is():
    assert found("Is kd-123456 ＫＤ－１２３４５６?", "KD-[0-9]{6}") == [
        "kd-123456",
        "ＫＤ－１２３４５６",
    ]
    assert found("é KD-1 ü KD-2", "KD-[0-9]") == ["KD-1", "KD-2"]


def test_a_match_within_a_word_is_none():
    assert found("XKD-123456 KD-1234567 _KD-123456", "KD-[0-9]{6}") == []
    assert found("编号KD-123456号", "KD-[0-9]{6}") == ["KD-123456"]


def test_what_matches_nothing_at_a_place_is_passed_over():
    assert found("a b", r"\b") == []


def test_the_matches_of_a_hostile_text_are_as_many_as_it_has_room_for():
    text = "x" * 20_000
    assert found(text, "x{1,20}y{0,1}") == []  # within one word
    assert len(found("x " * 20_000, "x{1,20} {0,1}")) == 20_000
