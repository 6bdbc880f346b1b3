"""Cutting: pieces that leave nothing out, stretches that hold no markup and no edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.presidio.stretches import (
    OVERLAP_CHARACTERS,
    PIECE_CHARACTERS,
    once,
    parts,
    pieces,
    trimmed,
)
from schemas import Span


def cut(text, start=0, end=None):
    """The parts of a stretch, as texts."""
    end = len(text) if end is None else end
    return [text[begin:stop] for begin, stop in parts(text, start, end)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada Lovelace", ["Ada Lovelace"]),
        ("**Ada** | Bob", ["Ada", "Bob"]),
        ("[Ada](http://x)", ["Ada", "http", "x"]),
        ("| , ; : |", []),
        ("Ada:", ["Ada"]),
        ("", []),
        ("#_#", []),
        ("O'Brien-Smith", ["O'Brien-Smith"]),
    ],
)
def test_a_stretch_is_cut_at_what_no_name_holds(text, expected):
    assert cut(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Ada ", "Ada"),
        (",;:. Ada", "Ada"),
        ("Ada,;: ", "Ada"),
        ("Ada Jr.", "Ada Jr."),  # a full stop at the end may belong to the name
        (" \n\t", ""),
        ("", ""),
    ],
)
def test_edges_are_left_out(text, expected):
    start, end = trimmed(text, 0, len(text))
    assert text[start:end] == expected


@given(st.text("Aa |*,. \n", max_size=30), st.data())
def test_parts_lie_in_their_stretch_in_order_and_say_something(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    last = start
    for begin, stop in parts(text, start, end):
        assert last <= begin < stop <= end
        assert text[begin:stop].strip(" \n,.|*")
        last = stop


@given(st.integers(0, 4), st.integers(1, 40), st.integers(0, 200))
def test_pieces_cover_a_text_of_any_length(thousands, word, rest):
    text = ("w" * word + " ") * (thousands * PIECE_CHARACTERS // (word + 1)) + "x" * rest
    covered = 0
    for start, piece in pieces(text):
        assert text[start : start + len(piece)] == piece
        assert len(piece) <= PIECE_CHARACTERS
        assert start <= covered  # no gap
        covered = start + len(piece)
    assert not text[covered:].strip()


def test_what_stands_at_a_seam_stands_whole_in_one_piece():
    name = "Ada Lovelace of London"
    for at in range(PIECE_CHARACTERS - 60, PIECE_CHARACTERS + 40):
        text = "w " * (at // 2) + name + " w" * PIECE_CHARACTERS
        assert any(name in piece for _, piece in pieces(text))


def test_a_text_without_white_space_is_cut_all_the_same():
    text = "x" * (3 * PIECE_CHARACTERS)
    starts = [start for start, _ in pieces(text)]
    step = PIECE_CHARACTERS - OVERLAP_CHARACTERS
    assert starts == [0, step, 2 * step, 3 * step]


@pytest.mark.parametrize("text", ["", " ", "\n" * 30_000])
def test_nothing_to_read_is_no_piece_at_the_end(text):
    assert all(piece.strip() or len(piece) >= PIECE_CHARACTERS // 2 for _, piece in pieces(text))
    assert list(pieces(text[:100])) == []


def a_span(start, score=0.5, kind="PERSON", *, by_place=False):
    return Span(start=start, end=start + 3, kind=kind, score=score, by_place=by_place)


def test_spans_are_sorted_and_stand_once_with_their_higher_score():
    found = [a_span(4), a_span(0, 0.4), a_span(0, 0.6), a_span(0, 0.5), a_span(0, kind="AGE")]
    assert once(found) == (a_span(0, kind="AGE"), a_span(0, 0.6), a_span(4))


@pytest.mark.parametrize(
    ("looks", "by_place"),
    [((True,), True), ((True, True), True), ((True, False), False), ((False, True), False)],
)
def test_what_tells_of_a_name_in_one_look_tells_of_it(looks, by_place):
    [span] = once(a_span(0, by_place=look) for look in looks)
    assert span.by_place is by_place
