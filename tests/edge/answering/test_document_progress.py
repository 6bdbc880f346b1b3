"""How a document comes along, as frames with cursors."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.document_progress import (
    LAST_RANK,
    UNTOLD,
    DocumentProgress,
    ProgressCursor,
    cursor_read,
)
from edge.listening.entries import Entry
from edge.problems import Problem
from schemas import Batch, ChunksCut, ChunksIndexed, DocumentRef
from tests.edge.http_client import rejected
from tests.fakes import a_meta

META = a_meta(session="d-1", request="r-1")
REF = DocumentRef(document="d-1", version=3, uri="u")
WHOLE, PART = Batch(number=1, last=True), Batch(number=0, last=False)


def cut(outcome="cut", batch=WHOLE, reason=""):
    return ChunksCut(meta=META, document=REF, batch=batch, outcome=outcome, reason=reason)


def indexed(outcome="indexed", batch=WHOLE, reason=""):
    return ChunksIndexed(
        meta=META, document=REF, batch=batch, outcome=outcome, visible=True, reason=reason
    )


def failed():
    return rejected(None, "ingest", message="too large", meta=META)


def entries(*events):
    return [Entry(event, 0, offset, 1) for offset, event in enumerate(events)]


def told(*events, rank=UNTOLD):
    progress = DocumentProgress("d-1", "r-1", rank)
    frames = [*progress.accepted(), *progress.take(entries(*events))]
    return [(frame["status"], frame["reason"], frame["version"]) for frame in frames]


ACCEPTED, INGESTED, INDEXED = ("accepted", "", 0), ("ingested", "", 0), ("indexed", "", 3)


@pytest.mark.parametrize(
    ("events", "frames"),
    [
        ((), [ACCEPTED]),
        ((cut(batch=PART),), [ACCEPTED]),
        ((cut(),), [ACCEPTED, INGESTED]),
        ((cut(), indexed(batch=PART)), [ACCEPTED, INGESTED]),
        ((cut(), indexed()), [ACCEPTED, INGESTED, INDEXED]),
        ((cut("unchanged"), indexed("unchanged")), [ACCEPTED, INGESTED, INDEXED]),
        ((cut("failed", reason="bomb"), indexed("failed")), [ACCEPTED, ("failed", "bomb", 0)]),
        ((cut(), indexed("failed", reason="full")), [ACCEPTED, INGESTED, ("failed", "full", 3)]),
        ((cut("withdrawn"), indexed("withdrawn")), [ACCEPTED, ("deleted", "", 3)]),
        ((failed(),), [ACCEPTED, ("failed", "too large", 0)]),
        ((cut(), cut(), indexed(), indexed()), [ACCEPTED, INGESTED, INDEXED]),
    ],
)
def test_each_status_is_told_once_in_order(events, frames):
    assert told(*events) == frames


@pytest.mark.parametrize("order", list(itertools.permutations((cut(), indexed(), failed()))))
def test_the_order_in_which_topics_are_read_does_not_matter(order):
    assert told(*order) == [ACCEPTED, INGESTED, INDEXED]


def test_what_comes_later_than_an_end_is_not_told():
    progress = DocumentProgress("d-1", "r-1")
    progress.take(entries(indexed()))
    assert progress.is_over
    assert progress.take(entries(cut(), failed())) == []


@pytest.mark.parametrize("count", range(4))
def test_after_a_cursor_the_rest_is_told_once(count):
    progress = DocumentProgress("d-1", "r-1")
    frames = [*progress.accepted(), *progress.take(entries(cut(), indexed()))]
    cursor = cursor_read(frames[count - 1]["cursor"] if count else "")
    again = DocumentProgress("d-1", "r-1", cursor.rank)
    rest = [*again.accepted(), *again.take(entries(cut(), indexed()))]
    assert rest == frames[count:]


def test_a_frame_has_all_that_frames_have():
    [frame] = DocumentProgress("d-1", "r-1").accepted()
    assert frame == {
        "type": "document",
        "request_id": "r-1",
        "cursor": ProgressCursor("r-1", 0).spelt(),
        "document_id": "d-1",
        "status": "accepted",
        "reason": "",
        "version": 0,
    }


@given(
    st.text("abc-09", max_size=64), st.integers(UNTOLD, LAST_RANK), st.integers(UNTOLD, 2**63 - 1)
)
def test_a_cursor_reads_back_as_it_was_spelt(request, rank, offset):
    cursor = ProgressCursor(request, rank, offset)
    assert cursor_read(cursor.spelt()) == cursor


def spelt(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "!",
        "x",
        "e30x",
        spelt([]),
        spelt({"r": 1}),
        spelt({"r": "x" * 65}),
        spelt({"s": LAST_RANK + 1}),
        spelt({"s": UNTOLD - 1}),
        spelt({"s": 1.5}),
        spelt({"s": True}),
        spelt({"u": -2}),
        spelt({"u": 2**63}),
        spelt({"l": 0, "p": {}}),  # an answer's
        "[" * 2_000,
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(cursor):
    with pytest.raises(Problem) as refused:
        cursor_read(cursor)
    assert (refused.value.status, refused.value.slug) == (422, "bad-cursor")


def test_no_cursor_is_the_beginning():
    assert cursor_read("") == ProgressCursor()
    assert replace(DocumentProgress("d", "r")).told == UNTOLD
