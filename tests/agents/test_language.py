"""Language: sentences, words, stems, and what carries meaning."""

from itertools import product

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from agents import language
from agents.language import STEM_CHARS, content, is_number, meant, sentences, stem, words


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("Ask Dr. Who. He knows.", ["Ask Dr. Who.", "He knows."]),
        ("It costs 3.50 euros, e.g. Monday.", ["It costs 3.50 euros, e.g. Monday."]),
        (
            "J. R. R. Tolkien wrote it. <PERSON_1> read it.",
            ["J. R. R. Tolkien wrote it.", "<PERSON_1> read it."],
        ),
        ("- first item\n- second   item\n\n", ["- first item", "- second item"]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("東京は首都です。人口は多い。", ["東京は首都です。", "人口は多い。"]),
        ("", []),
        ("no end", ["no end"]),
    ],
)
def test_a_text_is_split_at_the_ends_of_sentences_and_lines(text, parts):
    assert list(sentences(text)) == parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("refunds", "refund"),
        ("founded", "founding"),
        ("1,200", "1200"),
        ("Cities", "city"),
        ("Rechnungen", "rechnung"),
    ],
)
def test_inflections_of_a_word_have_one_stem(one, other):
    assert stem(one) == stem(other)


def test_numbers_and_placeholders_keep_apart():
    assert len({stem(word) for word in ("1.5", "1.6", "15", "<PERSON_1>", "<PERSON_11>")}) == 5


def test_stop_words_carry_no_meaning():
    assert content("What is the fee of it?") == ("fee",)


@given(st.text(st.characters(max_codepoint=127)) | st.text("<>_AZ09.,: '-az"))
def test_words_of_ascii_text_are_those_that_the_full_pattern_finds(text):
    assert list(words(text)) == language._WORD.findall(text)


@given(st.text("aA.!? \n\"'。é<>_1", max_size=80))
def test_no_character_but_blanks_is_lost_between_sentences(text):
    parts = sentences(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == " ".join(part.split()) != "" for part in parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ask <PERSON_1> or <_PERSON_1>", ("Ask", "<PERSON_1>", "or", "<_PERSON_1>")),
        ("1,200.50 at 12:30", ("1,200.50", "at", "12:30")),
        ("naïve café", ("naïve", "café")),
        ("東京へ", ("東", "京", "へ")),
        ("हिन्दी", ("हिन्दी",)),
        ("<A1_1> <a_1>", ("A1", "1", "a", "1")),
        ("", ()),
    ],
)
def test_words_numbers_and_placeholders_are_listed_as_they_are_written(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("running", "runn"),
        ("stations", "statio"),
        ("rationing", "ration"),
        ("bed", "bed"),  # what is left must be a word still
        ("shed", "shed"),
        ("use", "use"),
        ("edges", "edg"),
        ("1,200", "1200"),
        ("1,20", "1,20"),
        ("12.", "12"),
        ("<PERSON_1>", "<PERSON_1>"),
        ("ÄPFEL", "äpfel"),
        ("Straße", "strass"),
    ],
)
def test_a_stem_is_the_beginning_of_a_word_without_its_ending(word, expected):
    assert stem(word) == expected


@given(st.text(min_size=1, max_size=20))
def test_no_stem_is_long_unless_it_is_a_number_or_a_placeholder(word):
    if not is_number(word) and not word.startswith("<"):
        assert len(stem(word)) <= STEM_CHARS


def test_words_that_carry_meaning_keep_their_endings_where_that_is_asked_for():
    assert meant("The Pumps were leaking") == ("pumps", "leaking")
    assert content("The Pumps were leaking") == ("pump", "leak")


@given(st.text(" \t\n\r\f\v\x1c\x1e.!?\"')]([<aB1", max_size=16), st.integers(0, 8))
def test_text_of_ascii_ends_its_sentences_as_other_text_does(text, start):
    cuts = language._SENTENCE_END.finditer(text, min(start, len(text)))
    ascii_cuts = language._ASCII_SENTENCE_END.finditer(text, min(start, len(text)))
    assert [cut.span() for cut in ascii_cuts] == [cut.span() for cut in cuts]


PLAIN_END = regex.compile(
    r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[<]?[\p{Lu}\p{Lo}\p{N}<])|[。！？]|(?<!\s)[^\S\n]*+\n\s*+"
)
"""Ends of sentences and lines, said as alternatives."""


@pytest.mark.parametrize("signs", ["\n .A!)", "\n \u00a0…A。”"])
def test_sentences_end_with_a_mark_or_a_line_break_and_the_blanks_behind(signs):
    for text in map("".join, product(signs, repeat=5)):
        pattern = language._ASCII_SENTENCE_END if text.isascii() else language._SENTENCE_END
        ends = [end.end() for end in PLAIN_END.finditer(text)]
        assert [end.end() for end in pattern.finditer(text)] == ends


def test_a_sentence_may_end_before_anything_is_said():
    assert language.sentences("! Go on.") == ("!", "Go on.")
