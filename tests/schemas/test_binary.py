"""Avro's primitives: the bytes of the specification, and what breaks them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.binary import (
    BOOLEANS,
    DOUBLE,
    FLOAT,
    INT,
    KEPT,
    LONG,
    blob_at,
    blobs,
    count_at,
    long_at,
    pairs,
    span_at,
    string_at,
    strings,
)
from tests.schemas.strategies import LONGS, TEXTS

UNREADABLE = (ValueError, IndexError, struct.error)


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (0, b"\x00"),
        (-1, b"\x01"),
        (1, b"\x02"),
        (-64, b"\x7f"),
        (64, b"\x80\x01"),
        (8_191, b"\xfe\x7f"),
        (-8_192, b"\xff\x7f"),
        (8_192, b"\x80\x80\x01"),
        (2**63 - 1, b"\xfe" + b"\xff" * 8 + b"\x01"),
        (-(2**63), b"\xff" * 9 + b"\x01"),
    ],
)
def test_integers_are_zigzag_varints(number, data):
    assert LONG[number] == data
    assert long_at(data, 0) == (number, len(data))


@given(LONGS)
def test_any_integer_of_64_bits_survives(value):
    assert long_at(b"x" + LONG[value] + b"x", 1) == (value, 1 + len(LONG[value]))


@given(LONGS)
def test_an_integer_has_as_many_groups_of_seven_bits_as_it_needs(value):
    zigzag = value << 1 ^ value >> 63
    assert len(LONG[value]) == max(1, -(-zigzag.bit_length() // 7))


def test_small_integers_alone_are_kept():
    for value in (KEPT - 1, KEPT, -1, 2**40):
        assert LONG[value] == LONG[value]
    assert KEPT - 1 in LONG
    assert not {KEPT, -1, 2**40} & set(LONG)


@pytest.mark.parametrize(
    ("integers", "value", "error"),
    [
        (LONG, 2**63, ValueError),
        (LONG, -(2**63) - 1, ValueError),
        (LONG, 1.5, TypeError),
        (LONG, "1", TypeError),
        (LONG, None, TypeError),
        (INT, 2**31, ValueError),
        (INT, -(2**31) - 1, ValueError),
    ],
)
def test_what_is_no_integer_of_so_many_bits_is_not_written(integers, value, error):
    with pytest.raises(error):
        integers[value]


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_the_ends_of_32_bits_are_written(value):
    assert INT[value] == LONG[value]


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (long_at, b""),
        (long_at, b"\x80"),
        (long_at, b"\xff" * 9 + b"\x02"),  # 65 bits
        (long_at, b"\xff" * 12),
        (long_at, b"\xff" * 6),
        (span_at, b"\x01"),  # a length of -1
        (string_at, b"\x01a"),
        (string_at, b"\x02\xff"),  # no UTF-8
        (count_at, b"\x80\x00"),  # no items, in two bytes
        (count_at, b"\x01"),  # a size should follow
    ],
)
def test_what_breaks_the_encoding_is_refused(read, data):
    with pytest.raises(UNREADABLE):
        read(data, 0)


@pytest.mark.parametrize(
    ("data", "count", "here"),
    [
        (LONG[3] + b"abc", 3, 1),
        (LONG[-3] + LONG[9] + b"abc", 3, 2),  # with its size in bytes
        (LONG[-3] + LONG[900] + b"abc", 3, 3),
        (LONG[300] + b"abc", 300, 2),
    ],
)
def test_a_block_says_how_many_items_it_has_and_maybe_its_size(data, count, here):
    assert count_at(data, 0) == (count, here)


@given(TEXTS, st.binary(max_size=70), st.binary(max_size=3))
def test_strings_and_bytes_are_read_wherever_they_lie(text, blob, around):
    data = around + LONG[len(text.encode())] + text.encode() + around
    end = len(data) - len(around)
    assert string_at(data, len(around)) == (text, end)
    assert span_at(data, len(around)) == (end - len(text.encode()), end)
    data = around + LONG[len(blob)] + blob + around
    assert blob_at(data, len(around)) == (blob, len(data) - len(around))


@pytest.mark.parametrize("size", [3, 5, 2**40, 2**62, 2**63 - 1])
def test_a_string_that_is_cut_off_ends_one_byte_beyond_its_data(size):
    data = LONG[size] + b"ab"
    assert string_at(data, 0) == ("ab", len(data) + 1)
    assert blob_at(data, 0) == (b"ab", len(data) + 1)


@given(st.lists(TEXTS, max_size=4))
def test_items_follow_one_another(texts):
    data, here = strings(texts), 0
    read = []
    while here < len(data):
        text, here = string_at(data, here)
        read.append(text)
    assert read == texts
    assert blobs([text.encode() for text in texts]) == data


@given(st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_a_maps_entries_keep_their_order(entries):
    flat = [part for entry in entries.items() for part in entry]
    assert pairs(entries) == strings(flat)


@given(st.floats(allow_nan=False), st.floats(width=32, allow_nan=False))
def test_numbers_with_a_point_are_little_endian(double, single):
    assert DOUBLE.unpack(DOUBLE.pack(double)) == (double,)
    assert FLOAT.unpack(FLOAT.pack(single)) == (single,)
    assert DOUBLE.pack(1.0) == b"\0" * 6 + b"\xf0\x3f"
    assert FLOAT.pack(1.0) == b"\0\0\x80\x3f"


def test_a_boolean_is_one_of_two_bytes():
    assert [BOOLEANS[data] for data in b"\0\1"] == [False, True]
    with pytest.raises(IndexError):
        BOOLEANS[2]
