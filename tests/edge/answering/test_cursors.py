"""Cursors: what they spell, and which are refused."""

from __future__ import annotations

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.cursors import LETTERS, Bookmark, cursor_of, in_reading_order, sent_by
from edge.problems import Problem
from schemas import AnswerReleased, ChunksRetrieved, QuestionAsked, TokensReleased
from tests.edge.answering.histories import ANSWERS, QUESTION, WHOLE, entries_of, retrieved

ID = "7dda5d32-ca5a-5186-a52f-7cf82dd1fba9"


def spelt(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "e30",
        "eyJsIjowfQ",
        cursor_of(1, {}, ID),
        cursor_of(0, {"z": (1, 1)}, ID),
        cursor_of(0, {}, "0" + ID[1:]),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(cursor):
    with pytest.raises(Problem):
        sent_by(cursor, 0, ID)


def test_a_cursor_comes_back_as_it_went():
    positions = {"t": (57, 2), "a": (3, 1)}
    assert sent_by(cursor_of(2, positions, ID), 2, ID) == positions
    assert base64.urlsafe_b64decode(cursor_of(2, positions, ID) + "==") == (
        b'{"l":2,"p":{"a":[3,1],"t":[57,2]},"r":"7dda5d32"}'
    )


def test_a_cursor_of_before_counts_for_any_request_of_its_lane():
    """Clients come back to any gateway; those of before read no more than lane and place."""
    before = spelt({"l": 2, "p": {"a": [3, 1], "t": [57, 2]}})
    assert sent_by(before, 2, ID) == {"t": (57, 2), "a": (3, 1)}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        7,
        {},
        {"l": 0},
        {"l": 0, "p": []},
        {"l": 0, "p": {"t": 1}},
        {"l": 0, "p": {"t": [1]}},
        {"l": 0, "p": {"t": ["x", 1]}},
        {"l": 0, "p": {"t": [1, None]}},
        {"l": 0, "p": {"t": [math.inf, 1]}},
        {"l": 0, "p": {"t": [1, -math.inf]}},
        {"l": 0, "p": {"t": [math.nan, 1]}},
        {"l": 0, "p": {"t": [1.0, 1]}},
        {"l": 0, "p": {"t": [1, True]}},
        {"l": 0, "p": {"t": ["1", 1]}},
        {"l": 0, "p": {"t": [-2, 1]}},
        {"l": 0, "p": {"t": [2**63, 1]}},
        {"l": 0, "p": {"t": [1, 10**400]}},
        {"l": math.inf, "p": {}},
        {"l": "0", "p": {}},
        {"l": 0, "p": {}, "r": None},
        {"l": 0, "p": {}, "r": ""},
    ],
)
def test_a_cursor_of_another_shape_is_refused(content):
    with pytest.raises(Problem) as refused:
        sent_by(spelt(content), 0, ID)
    assert refused.value.status == 422
    assert "send the last one received" in refused.value.detail


@given(
    st.integers(0, 99),
    st.dictionaries(
        st.sampled_from(sorted(LETTERS.values())),
        st.tuples(st.integers(0, 2**62), st.integers(1, 9)),
    ),
)
def test_any_place_comes_back_as_it_went(lane, sent):
    cursor = cursor_of(lane, sent, ID)
    assert sent_by(cursor, lane, ID) == sent
    assert cursor.isascii()
    assert not set(cursor) & set("+/= ")  # it stands in headers as it is
    with pytest.raises(Problem):
        sent_by(cursor, lane + 1, ID)
    with pytest.raises(Problem):
        sent_by(cursor, lane, ID[::-1])


def test_what_was_read_back_is_told_as_a_reader_would_have_seen_it():
    records = [WHOLE[-1], ANSWERS.retracted("no", 1), *WHOLE[:2], retrieved()]
    entries = entries_of(records)
    kinds = [type(entry.event).__name__ for entry in in_reading_order(entries, {})]
    told = ["ChunksRetrieved", "TokensReleased", "TokensReleased", "AnswerReleased"]
    assert kinds == [*told, "AnswerRetracted"]
    kinds = [type(entry.event).__name__ for entry in in_reading_order(entries, {"r": (0, 1)})]
    assert kinds == ["AnswerRetracted", *told]


# ---------------------------------------------------------------------- the bookmark


def frame(kind):
    return {"type": kind}


def test_a_frame_gets_its_request_and_the_place_behind_it():
    bookmark = Bookmark("r-1", 3)
    [first, second] = bookmark.number(TokensReleased, 7, [frame("restarted"), frame("delta")])
    assert (first["request_id"], second["request_id"]) == ("r-1", "r-1")
    assert sent_by(first["cursor"], 3, "r-1") == {"t": (7, 1)}
    assert sent_by(second["cursor"], 3, "r-1") == {"t": (7, 2)}
    [third] = bookmark.number(AnswerReleased, 0, [frame("completed")])
    assert sent_by(third["cursor"], 3, "r-1") == {"t": (7, 2), "a": (0, 3)}


def test_frames_that_the_reader_has_seen_are_left_out_but_counted():
    bookmark = Bookmark("r-1", 0, {"t": (7, 1), "k": (2, 1)})
    assert bookmark.number(ChunksRetrieved, 2, [frame("step")]) == []
    assert bookmark.number(TokensReleased, 6, [frame("delta")]) == []
    [second] = bookmark.number(TokensReleased, 7, [frame("restarted"), frame("delta")])
    assert second["type"] == "delta"
    assert sent_by(second["cursor"], 0, "r-1") == {"t": (7, 2), "k": (2, 1)}


def test_the_same_place_is_read_once():
    bookmark = Bookmark("r-1", 0)
    entries = entries_of(WHOLE)
    assert [bookmark.is_new(entry) for entry in [*entries, *entries]] == [True] * 3 + [False] * 3


def test_what_is_no_result_is_not_read():
    assert not Bookmark("r-1", 0).is_new(entries_of([QUESTION])[0])
    assert QuestionAsked not in LETTERS
