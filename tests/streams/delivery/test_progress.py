"""What is written beside a commit says the same when it is read."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.lane import REACH
from streams.delivery.progress import (
    NOTE_BYTES_MAX,
    Ownership,
    Progress,
    done_beyond,
    note_of,
    note_with,
    ownership_of,
    progress_of,
)

BROKERS_DEFAULT = 4_096
"""Bytes of `offset.metadata.max.bytes`."""
beyond = st.integers(0, REACH - 1)


@st.composite
def progresses(draw):
    committed = draw(st.integers(0, 2**62))
    closed = draw(st.frozensets(beyond))
    opened = draw(st.dictionaries(beyond, st.integers(1, 99), max_size=64))
    after = draw(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2**62)))
    return Progress(
        committed,
        frozenset(committed + n for n in closed),
        {committed + n: attempt for n, attempt in opened.items()},
        after,
        draw(st.sampled_from(["", "uSPeWVCNSTiprQRrYXkSAw"])),
        draw(st.none() | st.tuples(st.integers(0, 2**62), st.just("0123456789abcdef"))),
    )


@given(progresses())
def test_a_note_says_what_was_done(progress):
    assert progress_of(progress.committed, note_of(progress)) == progress


@given(progresses(), st.integers(0, REACH))
def test_an_older_note_still_holds_beside_a_newer_commit(progress, more):
    later = progress_of(progress.committed + more, note_of(progress))
    assert later.closed == progress.closed
    assert later.open == progress.open
    assert later.after == progress.after
    assert (later.topic, later.last) == (progress.topic, progress.last)


@given(progresses(), st.integers(0, REACH))
def test_what_is_done_beyond_a_commit_is_counted_without_what_it_has_passed(progress, more):
    committed = progress.committed + more
    beyond = sum(offset >= committed for offset in progress.closed)
    assert done_beyond(committed, note_of(progress)) == beyond


@pytest.mark.parametrize("note", [None, "", "x", "[]", '{"v":9,"at":0,"closed":"/w=="}'])
def test_a_note_that_says_nothing_counts_nothing(note):
    assert done_beyond(5, note) == 0


def test_a_note_of_a_later_commit_counts_nothing():
    assert done_beyond(5, note_of(Progress(6, frozenset([7])))) == 0


@given(st.frozensets(st.integers(0, REACH - 1)), st.integers(0, 64))
def test_a_lanes_whole_reach_fits_beside_a_commit(closed, running):
    progress = Progress(
        2**40,
        frozenset(2**40 + n for n in closed),
        {2**40 + n: 999 for n in range(running)},
        {f"playhead.a.topic.with.a.long.name.{n}": 2**40 for n in range(5)},
    )
    assert len(note_of(progress).encode()) <= NOTE_BYTES_MAX


OWNERSHIPS = st.builds(
    Ownership, st.integers(0, 10**9), st.booleans(), st.none() | st.integers(0, 10**9)
)


@given(progresses(), OWNERSHIPS, OWNERSHIPS)
def test_whose_a_lane_is_takes_nothing_from_what_a_note_tells(progress, before, ours):
    note = note_of(replace(progress, ownership=before))
    claimed = note_with(progress.committed, note, ours)
    assert progress_of(progress.committed, claimed) == replace(progress, ownership=ours)
    assert ownership_of(progress.committed, claimed) == ours


@given(st.integers(NOTE_BYTES_MAX - 300, NOTE_BYTES_MAX), OWNERSHIPS)
def test_whose_a_lane_is_fits_wherever_a_note_did(size, ours):
    note = note_of(Progress(0, after={"x" * size: 1}))
    assert note is None or len(note_with(0, note, ours).encode()) <= BROKERS_DEFAULT


def test_offsets_far_apart_are_not_written_bit_by_bit():
    assert note_of(Progress(0, frozenset([10**12]))) is None


def test_what_does_not_fit_is_not_written():
    assert note_of(Progress(0, after={"x" * NOTE_BYTES_MAX: 1})) is None


GOOD = {
    "v": 1,
    "at": 5,
    "closed": base64.b64encode(b"\x02").decode(),
    "open": {"0": 3},
    "after": {},
}


def test_it_is_json_that_an_operator_can_read():
    assert progress_of(5, json.dumps(GOOD)) == Progress(5, frozenset([6]), {5: 3}, {})


@pytest.mark.parametrize(
    "note",
    [
        None,
        "",
        "metadata of another program",
        "[]",
        "{}",
        json.dumps(GOOD | {"v": 2}),
        json.dumps(GOOD | {"at": 6}),  # of a later commit: the offset was set back by hand
        json.dumps(GOOD | {"closed": "not base64!"}),
        json.dumps(GOOD | {"open": {"x": 1}}),
        json.dumps(GOOD | {"open": {"1": "x"}}),
        json.dumps(GOOD | {"after": {"t": None}}),
    ],
)
def test_a_note_that_tells_nothing_is_none(note):
    assert progress_of(5, note) is None


@given(st.text())
def test_whatever_stands_there_is_no_error(note):
    progress_of(5, note)
