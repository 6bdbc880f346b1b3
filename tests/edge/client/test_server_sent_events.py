"""Server-sent events, taken apart by their standard, however they come."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.cursors import Bookmark
from edge.client.server_sent_events import ServerSentEvent, events_in
from edge.protocols.http.event_stream import KEEP_ALIVE, event_of


def data_of(*chunks):
    return [event.data for event in events_in(chunks)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"", []),
        (b"\n\n\n", []),
        (b"data: x\n\n", ["x"]),
        (b"data:x\n\n", ["x"]),
        (b"data:  x\n\n", [" x"]),
        (b"data: x\r\n\r\n", ["x"]),
        (b"data: x\r\r", ["x"]),
        (b"data: x\n\r\n", ["x"]),
        (b"data: x\r\n\ndata: y\n\n", ["x", "y"]),
        (b"data: a\ndata: b\ndata:\n\n", ["a\nb\n"]),
        (b"data: a\r\ndata: b\r\n\r\n", ["a\nb"]),
        (b"data: a\rdata: b\r\r", ["a\nb"]),
        (b"data\n\n", [""]),
        (b"data:\n\n", [""]),
        (b"data: a:b\n\n", ["a:b"]),
        (b"\xef\xbb\xbfdata: x\n\n", ["x"]),
        (b"data: \xef\xbb\xbfx\n\n", ["\ufeffx"]),
        (b": keep-alive\n\ndata: x\n\n", ["x"]),
        (b":\n:data: y\ndata: x\n\n", ["x"]),
        (b"event: e\n\ndata: x\n\n", ["x"]),
        (b"id: 1\n\n", []),
        (b"retry: 10\n\n", []),
        (b"Data: x\ndatum: x\n data: x\n\n", []),
        (b"data: x", []),
        (b"data: x\n", []),
        (
            "data: é\u0085\u2028\u2029\x0b\x0c\x1c\x1d\x1e\n\n".encode(),
            ["é\u0085\u2028\u2029\x0b\x0c\x1c\x1d\x1e"],
        ),
        (b"data: \xff\n\n", ["\ufffd"]),
    ],
)
def test_a_stream_is_taken_apart_by_its_standard(stream, events):
    assert data_of(stream) == events
    assert data_of(*(stream[at : at + 1] for at in range(len(stream)))) == events


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: x\n\n", [("x", "message", "")]),
        (b"event: e\ndata: x\n\ndata: y\n\n", [("x", "e", ""), ("y", "message", "")]),
        (b"id: 1\ndata: x\n\ndata: y\n\n", [("x", "message", "1"), ("y", "message", "1")]),
        (b"id: 1\n\ndata: y\n\n", [("y", "message", "1")]),
        (b"id: 1\ndata: x\nid\n\n", [("x", "message", "")]),
        (b"id: a\0b\ndata: x\n\n", [("x", "message", "")]),
    ],
)
def test_an_event_has_a_type_and_the_id_of_the_last_that_had_one(stream, events):
    assert list(events_in([stream])) == [ServerSentEvent(*fields) for fields in events]


def test_an_event_is_there_as_soon_as_it_ends():
    def chunks():
        yield b"data: x\r\r"
        raise AssertionError("nothing more was needed")

    assert next(events_in(chunks())).data == "x"


def test_a_large_event_in_many_small_chunks_comes_whole():
    large = b"x" * 2_000_000
    chunks = [b"data: ", *(large[at : at + 100] for at in range(0, len(large), 100)), b"\n\n"]
    assert data_of(*chunks) == [large.decode()]


LINE_ENDS = st.sampled_from(["\n", "\r", "\r\n"])


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=9), min_size=1
    ),
    LINE_ENDS,
    st.lists(st.integers(0, 80), max_size=6),
)
def test_any_data_comes_through_any_line_ends_and_any_cuts(lines, end, cuts):
    texts = [f"data: {line}" for line in lines] + [""]
    stream = "".join(text + end for text in texts).encode()
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(places)]
    assert data_of(*chunks) == ["\n".join(lines)]


@given(st.dictionaries(st.text(), st.text()))
def test_what_the_gateway_sends_is_what_a_client_reads(fields):
    frame = Bookmark("r-1", 0).mark({**fields, "type": "delta"})
    [event] = events_in([KEEP_ALIVE + event_of(frame) + KEEP_ALIVE])
    assert json.loads(event.data) == frame
    assert event.id == frame["cursor"] or "cursor" in fields
