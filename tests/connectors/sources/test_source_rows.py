"""Rows as documents."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.findings import FoundDocument, LeftOut
from connectors.sources.source_rows import (
    BadRows,
    CursorWatch,
    RowShape,
    cursor_text,
    cursor_value,
    documents_of,
    spelled,
)

SHAPE = RowShape("rows:t/", "id")


def texts(rows, shape=SHAPE):
    return [
        one.read().content.decode() if isinstance(one, FoundDocument) else one
        for one in documents_of(rows, shape)
    ]


def test_without_a_text_every_column_is_told_with_its_name():
    assert texts([{"id": 1, "name": "A|B", "price": Decimal("1.50")}]) == [
        "**id**: 1\n\n**name**: A|B\n\n**price**: 1.50\n\n"
    ]


def test_several_columns_of_text_follow_each_other():
    shape = RowShape("rows:t/", "id", text=("a", "b", "c"))
    assert texts([{"id": 1, "a": "one", "b": None, "c": "three"}], shape) == ["one\n\nthree"]


def test_a_document_that_lies_in_a_column_is_taken_as_it_is():
    shape = RowShape("rows:t/", "id", text=("body",), media_type="text/html")
    [found] = documents_of([{"id": 1, "body": b"<p>\xff</p>"}], shape)
    assert (found.read().content, found.read().media_type) == (b"<p>\xff</p>", "text/html")


def test_cells_of_a_group_can_not_break_its_table():
    shape = RowShape("rows:t/", "id", text=("a",), grouped=True)
    rows = [{"id": 1, "a": "x|y\nz"}, {"id": 1, "a": "w"}]
    assert texts(rows, shape) == ["| a |\n| --- |\n| x\\|y z |\n| w |\n"]


@pytest.mark.parametrize("key", [None, ""])
def test_a_row_without_a_key_is_one_line(key):
    first, second = documents_of([{"id": key, "a": 1}, {"id": 2, "a": 1}], SHAPE)
    assert (first.why, first.name, first.uri) == ("failed", "a row without id", "")
    assert second.uri == "rows:t/2"


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_group_that_grows_too_large_is_refused_alone(at):
    shape = RowShape("rows:t/", "id", grouped=True, bytes_max=100)
    rows = [
        {"id": number, "a": "x" * (90 if number == at else 9)} for number in range(3) for _ in "12"
    ]
    told = list(documents_of(rows, shape))
    assert [one.uri for one in told] == ["rows:t/0", "rows:t/1", "rows:t/2"]
    assert [isinstance(one, LeftOut) for one in told] == [number == at for number in range(3)]


def test_a_row_whose_columns_together_are_too_large_does_not_hold_up_its_group():
    shape = RowShape("rows:t/", "id", grouped=True, bytes_max=100)
    rows = [{"id": 1, "a": "x" * 60, "b": "y" * 60}, {"id": 2, "a": "", "b": ""}]
    first, second = documents_of(rows, shape)
    assert isinstance(first, LeftOut)
    assert second.uri == "rows:t/2"


@given(st.text(min_size=1, max_size=20))
def test_keys_of_any_text_are_uris_of_one_part(key):
    [found] = documents_of([{"id": key, "a": 1}], SHAPE)
    rest = found.uri.removeprefix("rows:t/")
    assert rest.isascii()
    assert "/" not in rest


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02T03:04:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (b"abc", "(3 bytes)"),
        ({"b": 1, "a": [1]}, '{"a": [1], "b": 1}'),
        (1.5, "1.5"),
    ],
)
def test_a_value_is_spelled_alike_everywhere(value, text):
    assert spelled(value) == text


@given(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.datetimes(),
        st.dates(),
        st.decimals(allow_nan=False),
    )
)
def test_a_cursor_is_read_as_it_was_kept(value):
    again = cursor_value(cursor_text(value))
    assert (type(again), again) == (type(value), value)


def test_a_cursor_passes_over_what_was_read_and_keeps_the_highest():
    watch = CursorWatch("n", cursor_text(5))
    rows = [{"n": n} for n in (4, 5, 9, None, 6)]
    assert [row["n"] for row in watch.over(rows)] == [5, 9, None, 6]
    assert cursor_value(watch.text) == 9


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"n": 1}, {"n": "x"}], "several types"),
        ([{"m": 1}], "no column n: the columns are m"),
        ([{"n": {1}}], "of type set has no order"),
    ],
)
def test_what_is_no_cursor_is_said(rows, said):
    watch = CursorWatch("n", "")
    with pytest.raises(BadRows, match=said):
        assert list(watch.over(rows)) == watch.text
