"""Leaves: no two records that differ in anything have the same bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.log import Stored
from replay.seal.leaves import leaf_of

DATA = st.none() | st.binary(max_size=4)
RECORDS = st.builds(
    Stored,
    st.just("t"),
    st.just(0),
    st.integers(0, 3),
    st.integers(0, 3),
    DATA,
    DATA,
    st.lists(st.tuples(st.sampled_from(["a", "ab", "ä"]), st.binary(max_size=2)), max_size=2).map(
        tuple
    ),
)


@given(RECORDS, RECORDS)
def test_records_are_told_apart_by_all_that_they_hold(one, other):
    assert (leaf_of(one) == leaf_of(other)) == (one == other)


def test_the_bytes_are_those_that_the_form_tells():
    stored = Stored("t", 0, 1, 2, b"k", None, (("h", b"xy"),))
    assert leaf_of(stored).hex() == (
        "01" + "0000000000000001" + "0000000000000002" + "00000001" + "6b" + "ffffffff"
        "00000001" + "00000001" + "68" + "00000002" + "7879"
    )
