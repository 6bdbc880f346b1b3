"""What a broker holds of an archive's partition is a prefix of it, or something else."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.archive import BadArchive
from replay.importing.held_records import FILLER, compared, is_filler
from replay.log import Stored


def a_record(offset, key=b"k", value=b"v"):
    return Stored("t", 0, offset, 1_000, key, value, (("h", b"1"),))


ROWS = [a_record(offset, b"k%d" % offset) for offset in (2, 3, 5, 8)]


def test_what_is_equal_is_counted():
    assert compared(ROWS, ROWS, 9, compacted=False) == 4


@given(st.integers(0, 4))
def test_any_prefix_is_one(count):
    end = ROWS[count].offset if count < 4 else 9
    assert compared(ROWS, ROWS[:count], end, compacted=False) == count


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp_ms": 1_001},
        {"key": b"other"},
        {"key": None},
        {"value": b"w"},
        {"value": None},
        {"headers": ()},
    ],
)
def test_one_that_differs_anywhere_is_named(change):
    held = [*ROWS[:2], dataclasses.replace(ROWS[2], **change), ROWS[3]]
    with pytest.raises(BadArchive, match=r"t\[0\]@5 is another record than the archive's"):
        compared(ROWS, held, 9, compacted=False)


def test_one_that_only_the_broker_has_is_named():
    with pytest.raises(BadArchive, match=r"t\[0\]@4 is on the broker and not in the archive"):
        compared(ROWS, [*ROWS[:2], a_record(4)], 5, compacted=False)
    with pytest.raises(BadArchive, match=r"t\[0\]@9 is on the broker and not in the archive"):
        compared(ROWS, [*ROWS, a_record(9)], 10, compacted=False)


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_one_that_the_broker_lacks_is_named(missing):
    held = [row for row in ROWS if row != ROWS[missing]]
    for compacted in (False, True):  # no later row of its key stands for it
        with pytest.raises(BadArchive, match=rf"t\[0\]@{ROWS[missing].offset} is in the archive"):
            compared(ROWS, held, 9, compacted=compacted)


def test_of_a_compacted_topic_a_later_row_of_the_same_key_stands_for_one_that_is_gone():
    rows = [a_record(0, b"a"), a_record(1, b"b"), a_record(2, b"a"), a_record(3, b"b")]
    assert compared(rows, rows[2:], 4, compacted=True) == 2
    with pytest.raises(BadArchive, match=r"t\[0\]@1 is in the archive"):
        compared(rows, rows[2:3], 3, compacted=True)
    with pytest.raises(BadArchive, match=r"t\[0\]@0 is in the archive"):
        compared(rows, rows[2:], 4, compacted=False)


def test_what_keeps_offsets_is_no_record():
    fillers = [Stored("t", 0, offset, 1, FILLER, None) for offset in (0, 1)]
    assert all(map(is_filler, fillers))
    assert compared(ROWS, [*fillers, ROWS[0]], 3, compacted=False) == 1
    for change in ({"value": b""}, {"key": b"k"}, {"headers": (("h", b""),)}):
        assert not is_filler(dataclasses.replace(fillers[0], **change))


@pytest.mark.parametrize(("offset", "is_refused"), [(0, False), (1, False), (4, True), (9, True)])
def test_a_filler_is_passed_over_before_the_first_record_alone(offset, is_refused):
    filler = Stored("t", 0, offset, 1, FILLER, None)
    held = sorted([*ROWS, filler], key=lambda stored: stored.offset)
    if is_refused:
        with pytest.raises(BadArchive, match=rf"@{offset} is on the broker and not in the archive"):
            compared(ROWS, held, 10, compacted=False)
    else:
        assert compared(ROWS, held, 10, compacted=False) == 4
    assert compared([], [filler], 10, compacted=True) == 0
