"""Pieces: sentences of many scripts, and what is divided because it is too long."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.pieces import (
    CHARS_PER_TOKEN_MAX,
    HEADING_CHARS_MAX,
    QUESTION_LEVEL,
    Piece,
    divide,
    pieces_of,
    separated_sentences,
)
from schemas import Block
from tests.agents.cut_at_once import at_once


def sentences_of(text):
    return at_once(separated_sentences(text))


@given(st.text("ab .!?。\n1'\"", max_size=100))
def test_sentences_and_what_separates_them_are_the_text(text):
    assert "".join(separator + sentence for sentence, separator in sentences_of(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith came. He left.", ["Dr. Smith came.", "He left."]),
        ("See e.g. this. J. Doe wrote it.", ["See e.g. this.", "J. Doe wrote it."]),
        ("It costs 5 ct. per piece. Buy it.", ["It costs 5 ct. per piece.", "Buy it."]),
        ("Version 3.11 is out. Get it.", ["Version 3.11 is out.", "Get it."]),
        ('He said "no." Then yes.', ['He said "no."', "Then yes."]),
        ("3. Press the button. Wait.", ["3. Press the button.", "Wait."]),
        ("いい天気。出かけよう！はい", ["いい天気。", "出かけよう！", "はい"]),
        ("他说：「走吧。」我们走。", ["他说：「走吧。」", "我们走。"]),
        ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
        ("ما هذا؟ هذا كتاب.", ["ما هذا؟", "هذا كتاب."]),
        ("- one\n- two", ["- one", "- two"]),
    ],
)
def test_a_text_splits_into_its_sentences(text, expected):
    assert [sentence for sentence, _ in sentences_of(text)] == expected


def test_a_million_full_stops_take_no_time():
    assert len(sentences_of("." * 1_000_000 + "x")) == 1


@given(st.text("ab .!?。\n1'\"»」)", max_size=60), st.integers(1, 9))
def test_a_text_that_is_looked_through_in_stretches_has_the_same_sentences(text, stretch):
    assert at_once(separated_sentences(text, stretch)) == sentences_of(text)


@pytest.mark.parametrize("text", ["x" * 100_000, "a." * 50_000, "a.\u201d" * 50_000])
def test_what_has_no_sentences_gives_others_their_turn(text):
    assert list(separated_sentences(text)).count(None) > 100


@pytest.mark.parametrize("limit", range(10, 40))
def test_joined_characters_stay_together(limit):
    whole = Piece("👩\u200d🚀" * 100, "\n\n", "sentence", tokens=300)
    parts = list(divide(whole, limit))
    assert len(parts) > 1
    assert all(part.text.startswith("👩") and part.text.endswith("🚀") for part in parts)


def block(text, kind="paragraph", level=0):
    return Block(kind=kind, text=text, level=level)


def listed(*blocks, questions=False):
    return [
        (piece.kind, piece.level, piece.text)
        for piece in at_once(pieces_of(blocks, questions=questions))
    ]


def test_blocks_come_apart_into_headings_sentences_tables_and_listings():
    blocks = (
        block("Pump", "heading", 2),
        block("It pumps. It leaks."),
        block("a | b\nc | d", "table"),
        block("x = 1\n", "code"),
        block("- one\n- two", "list"),
        block(" \n "),
    )
    assert listed(*blocks) == [
        ("heading", 2, "Pump"),
        ("sentence", 0, "It pumps."),
        ("sentence", 0, "It leaks."),
        ("table", 0, "a | b\nc | d"),
        ("code", 0, "x = 1"),
        ("sentence", 0, "- one"),
        ("sentence", 0, "- two"),
    ]


def test_pieces_and_what_separates_them_are_the_blocks():
    pieces = pieces_of([block("One.  Two.\nThree"), block("Four")], questions=False)
    assert "".join(piece.before + piece.text for piece in at_once(pieces)) == (
        "\n\nOne.  Two.\nThree\n\nFour"
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [("x" * HEADING_CHARS_MAX, "heading"), ("x" * (HEADING_CHARS_MAX + 1), "sentence")],
)
def test_a_heading_beyond_reason_is_a_paragraph(text, kind):
    assert listed(block(text, "heading", 1))[0][0] == kind


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Why?", True),
        ("なぜ？", True),
        ("Q: how", True),
        ("Question 12. how", True),
        ("frage) wie", True),
        ("Quote: this", False),
        ("Why? Because.", False),
        ("x" * (HEADING_CHARS_MAX - 1) + "?", True),
        ("x" * HEADING_CHARS_MAX + "?", False),
    ],
)
def test_what_asks_something_is_a_heading_of_an_faq_alone(text, asks):
    kind, level, _ = listed(block(text), questions=True)[0]
    assert (kind, level) == (("heading", QUESTION_LEVEL) if asks else ("sentence", 0))
    assert listed(block(text))[0][0] == "sentence"


@pytest.mark.parametrize(
    ("text", "tokens", "weight"),
    [
        ("word", 1, 1),
        ("", 0, 1),
        ("x" * (CHARS_PER_TOKEN_MAX * 3), 1, 3),
        ("x" * (CHARS_PER_TOKEN_MAX * 3 + 1), 1, 4),
        ("word", 9, 9),
    ],
)
def test_a_piece_weighs_its_tokens_and_no_less_than_its_characters_suggest(text, tokens, weight):
    assert Piece(text, "", "sentence", tokens=tokens).weight == weight


@given(
    st.text("ab \n\u0301é。", min_size=1, max_size=200).filter(str.strip),
    st.sampled_from(["sentence", "code", "table", "heading"]),
    st.integers(1, 40),
)
def test_a_divided_piece_keeps_every_character_that_is_not_blank(text, kind, limit):
    whole = Piece(text, "\n\n", kind, tokens=len(text))
    parts = list(divide(whole, limit))
    assert "".join("".join(part.text for part in parts).split()) == "".join(text.split())
    assert all(part.text.strip() for part in parts)
    assert {part.kind for part in parts} == {"sentence" if kind == "heading" else kind}
    assert parts[0].before.startswith("\n\n")


def test_lines_are_divided_at_lines_and_the_blank_ones_separate():
    parts = list(divide(Piece("a b\n\n  c\n", "\n\n", "code", tokens=9), 2))
    assert [(part.before, part.text) for part in parts] == [("\n\n", "a b"), ("\n\n", "  c")]


def test_words_are_divided_at_spaces_and_one_without_any_between_characters():
    parts = list(divide(Piece("one two three four", "", "sentence", tokens=8), 4))
    assert [part.text for part in parts] == ["one two", "three", "four"]
    assert "".join(part.text for part in divide(Piece("x" * 30, "", "sentence", tokens=30), 4)) == (
        "x" * 30
    )


@pytest.mark.parametrize("unit", ["\u0301", "\u200d", "a\u200d", "\u0301\u0323", "👩\u200d"])
@pytest.mark.parametrize("tokens_a_character", [0.0, 1.0])
def test_a_piece_of_nothing_but_joined_characters_comes_to_an_end(unit, tokens_a_character):
    text, limit = unit * 5_000, 30
    waiting, done = [Piece(text, "", "sentence", tokens=int(len(text) * tokens_a_character))], []
    for piece in waiting:
        parts = [piece] if piece.weight <= limit or len(piece.text) == 1 else divide(piece, limit)
        for part in parts:
            measured = replace(part, tokens=int(len(part.text) * tokens_a_character))
            (done if parts == [piece] else waiting).append(measured)
        assert len(waiting) < 2 * len(text)
    assert sorted("".join(part.before + part.text for part in done)) == sorted(text)


def test_marks_that_a_piece_can_hold_are_not_torn_off():
    text = "a" * 100 + "\u0301" * 50 + "b" * 100
    parts = [part.text for part in divide(Piece(text, "", "sentence", tokens=100), 45)]
    assert "".join(parts) == text
    assert len(parts) > 1
    assert not any(part.startswith("\u0301") for part in parts)
