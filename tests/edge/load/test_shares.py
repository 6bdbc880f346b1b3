"""Shares: what one holds, and what is always there for the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.load.shares import Held, Shares

SHARES = Shares(of_all=6, of_tenant=4, of_key=3, least=1)


def taken(shares, holders):
    """Let tenants and keys, such as `a1`, take one each in turn; what each is told."""
    held, told = Held(shares), []
    for tenant, key in holders:
        above = held.above(tenant, key)
        told.append(above)
        if not above:
            held.add(tenant, key)
    return told, held


@pytest.mark.parametrize(
    ("holders", "last"),
    [
        (["a1"] * 3, ""),
        (["a1"] * 4, "key"),
        (["a1"] * 3 + ["a2"], ""),
        (["a1"] * 3 + ["a2"] * 2, "tenant"),
        (["a1"] * 3 + ["a2", "a3"], ""),  # its minimum
        (["a1"] * 3 + ["a2", "a3", "a3"], "tenant"),
        (["a1"] * 3 + ["b1"] * 3 + ["c1"], ""),  # its minimum, though others hold all
        (["a1"] * 3 + ["b1"] * 3 + ["c1", "c1"], "all"),
    ],
)
def test_the_last_one_is_told_whose_share_is_used_up(holders, last):
    told, _ = taken(SHARES, holders)
    assert told[-1] == last


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12")), max_size=60),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_whatever_others_hold_everybody_gets_the_minimum_and_the_sum_is_bounded(
    holders, of_all, of_tenant, of_key, least
):
    shares = Shares(of_all, of_tenant, of_key, min(least, of_key))
    _, held = taken(shares, holders)
    assert held.total <= of_all + shares.least * len(set(holders))
    for tenant, key in set(holders):
        asked = holders.count((tenant, key))
        assert min(asked, shares.least) <= held.by_key(tenant, key) <= of_key
    assert held.total == sum(held.by_tenant(tenant) for tenant in "abc")


def test_nothing_is_kept_of_who_holds_nothing():
    held = Held(SHARES)
    held.add("a", "1", 5)
    held.add("a", "1", -5)
    assert held.total == 0
    assert not held._held
