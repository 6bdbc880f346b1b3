"""Records lie as their writers put them, or it is said how they don't."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replay.log import Stored
from replay.places import (
    Lanes,
    Letters,
    OffsetWatch,
    against_headers,
    against_headers_of_request,
    against_request,
    is_marked,
)
from schemas import EventRejected, StepVersion
from streams.log.addressing import address_of
from streams.log.lanes import lane_of
from streams.log.offsets import Extent
from streams.running.run import stamped
from tests.fakes import a_meta
from tests.replay.little_log import asked


def told(offsets, begin=0, end=None, *, compacted=False):
    end = begin + len(offsets) if end is None else end
    watch = OffsetWatch(Extent("t", 0, begin, end), compacted=compacted)
    return [*filter(None, [*(watch.see(offset) for offset in offsets), watch.end()])]


@given(st.integers(0, 9), st.integers(0, 9))
def test_nothing_is_said_of_offsets_that_count_from_begin_to_end(begin, count):
    assert told([*range(begin, begin + count)], begin) == []


@pytest.mark.parametrize(
    ("offsets", "end", "says"),
    [
        ([0, 2], 3, ["offset 1 is missing before it"]),
        ([0, 4], 5, ["offsets 1 to 3 are missing before it"]),
        ([0, 1], 4, ["offsets 2 to 3 are missing at the end"]),
        ([], 1, ["offset 0 is missing at the end"]),
        ([0, 0, 1], 2, ["offset 0 lies where offset 1 should"]),
        ([1, 0, 2], 3, ["offset 0 is missing before it", "offset 0 lies where offset 2 should"]),
        ([0, 1, 2], 2, ["behind the end"]),
    ],
)
def test_gaps_and_repeats_are_told(offsets, end, says):
    reasons = told(offsets, end=end)
    assert len(reasons) == len(says)
    assert all(part in reason for part, reason in zip(says, reasons, strict=True)), reasons


@given(st.lists(st.integers(0, 5), max_size=6))
def test_whatever_is_not_the_whole_in_order_is_told(offsets):
    assert bool(told(offsets, end=6)) == (offsets != [*range(6)])


def test_a_compacted_topic_lacks_offsets_and_repeats_none():
    assert told([0, 4], end=9, compacted=True) == []
    assert told([4, 0], end=9, compacted=True)


# ---------------------------------------------------------------------- headers


EVENT = stamped(asked(0), a_meta(trace="t"))
HEADERS = address_of(EVENT).headers


def stored(*headers):
    return Stored("t", 0, 5, 0, b"acme", b"v", tuple(headers))


def test_headers_that_repeat_the_record_are_right_in_any_order():
    for check in (against_headers, against_headers_of_request):
        assert check(stored(*HEADERS), EVENT) == ""
        assert check(stored(*reversed(HEADERS)), EVENT) == ""
        assert check(stored(("retry", b"1@0"), *HEADERS), EVENT) == ""


@pytest.mark.parametrize("number", range(3))
def test_one_that_says_something_else_or_is_missing_is_named(number):
    name, value = HEADERS[number]
    others = [one for one in HEADERS if one[0] != name]
    for changed in ([*others, (name, b"x")], others):
        for check in (against_headers, against_headers_of_request):
            assert f"its header {name} says" in check(stored(*changed), EVENT)
    doubled = stored(*HEADERS, (name, value))
    assert f"its header {name} says" in against_headers(doubled, EVENT)


def test_a_step_writes_no_others_and_who_is_no_step_may_write_none():
    assert "no step writes" in against_headers(stored(*HEADERS, ("x", b"")), EVENT)
    assert against_headers_of_request(stored(*HEADERS, ("x", b"")), EVENT) == ""
    assert against_headers(stored(), EVENT)
    assert against_headers_of_request(stored(), EVENT) == ""


def at_home(event):
    """Let an event lie where its tenant's records lie."""
    return Stored("t", event.meta.lane, 5, 0, event.meta.tenant.encode(), b"v", ())


def test_a_request_is_of_no_step_and_of_no_run():
    assert against_request(at_home(EVENT), EVENT) == ""
    assert not is_marked(at_home(EVENT))
    assert is_marked(stored(("retry", b"")))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"step": StepVersion(name="embed", code="c", configuration="")}, "embed wrote it"),
        ({"step": StepVersion(name="gateway", code="c", configuration="d")}, "over nothing"),
        ({"attempt": 2}, "one of several outcomes"),
        ({"ordinal": 1}, "one of several outcomes"),
        ({"last": False}, "one of several outcomes"),
    ],
)
def test_one_that_says_otherwise_is_told(fields, says):
    event = stamped(EVENT, replace(EVENT.meta, **fields))
    assert says in against_request(at_home(event), event)


@pytest.mark.parametrize("place", [{"key": b"other"}, {"key": None}, {"partition": 3}])
def test_one_that_lies_elsewhere_is_told(place):
    moved = dataclasses.replace(at_home(EVENT), **place)
    assert "another key than its tenant" in against_request(moved, EVENT)


# ---------------------------------------------------------------------- lanes and letters


def at_lane(lane, session="s"):
    return stamped(asked(0), a_meta(lane=lane, session=session))


@given(st.text(max_size=5), st.integers(1, 8), st.data())
def test_whichever_lane_the_rule_gives_is_right(session, partitions, data):
    count = data.draw(st.integers(1, partitions))
    event = at_lane(lane_of("acme", session, partitions, count), session)
    assert Lanes(partitions).against(event) == ""


def test_a_lane_that_no_number_of_lanes_gives_is_told():
    partitions = 8
    possible = {lane_of("acme", "s", partitions, count) for count in range(1, partitions + 1)}
    [lane, *_] = set(range(partitions)) - possible
    assert "is none of its tenant's" in Lanes(partitions).against(at_lane(lane))


def a_letter(**fields):
    letter = EventRejected(
        meta=a_meta(attempt=3),
        topic="t",
        partition=0,
        offset=2,
        step="redact",
        error="E",
        message="m",
        attempts=1,
        value=b"v",
    )
    return replace(letter, **fields)


@pytest.mark.parametrize(
    ("mark", "letter", "explained"),
    [
        (b"3@2", a_letter(), True),
        (b"0@2", a_letter(), True),
        (b"3@2", a_letter(value=None), True),
        (b"2@2", a_letter(), False),
        (b"3@1", a_letter(), False),
        (b"3@2", a_letter(topic="other"), False),
        (b"3@2", a_letter(value=b"w"), False),
        (b"3@7", a_letter(offset=7), False),
        (b"", a_letter(), False),
        (b"3", a_letter(), False),
        (b"3@", a_letter(), False),
        (b"3@" + b"9" * 5_000, a_letter(), False),
        ("٣@2".encode(), a_letter(), False),
    ],
)
def test_a_record_that_was_put_back_is_explained_by_its_letter(mark, letter, explained):
    letters = Letters()
    letters.add(letter)
    assert letters.explain(stored(("retry", mark))) is explained
