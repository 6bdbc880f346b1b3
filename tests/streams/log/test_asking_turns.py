"""Whose id is asked for next, however many ids others have and however many of their calls hang."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.log.asking_turns import (
    ASKED_MAX,
    ASKED_OF_TENANT_MAX,
    ASKED_SHARED_MAX,
    AskingTurns,
)

TENANTS = st.sampled_from(["acme", "globex", "bank"])


def turns_of(**ids):
    turns = AskingTurns(lambda *_: True)
    for tenant, count in ids.items():
        for number in range(count):
            turns.put(tenant, (number, "Ask"), 0.0)
    return turns


def taken(turns, count=1_000):
    names = []
    while len(names) < count and (turn := turns.take(0.0)) is not None:
        names.append(turn[0])
    return names


def test_tenants_take_turns():
    assert taken(turns_of(acme=5, globex=2, bank=1), 6) == [
        "acme",
        "globex",
        "bank",
        "acme",
        "globex",
        "acme",
    ]


def test_one_tenant_has_so_many_calls_and_all_together_leave_half_to_further_ones():
    assert len(taken(turns_of(acme=1_000))) == ASKED_OF_TENANT_MAX
    assert len(taken(turns_of(**{f"t{n}": 1_000 for n in range(4)}))) == ASKED_SHARED_MAX


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 99), max_size=30))
def test_whatever_calls_hang_who_has_none_is_next(hanging):
    hanging.pop("bank", None)
    turns = turns_of(**hanging)
    assert len(taken(turns)) < ASKED_MAX
    turns.put("bank", (7, "Ask"), 0.0)
    assert turns.next_s() == 0.0
    assert turns.take(0.0) == ("bank", (7, "Ask"))


def test_a_call_that_ends_gives_its_place_to_the_next_turn():
    turns = turns_of(acme=ASKED_OF_TENANT_MAX + 2)
    assert len(taken(turns)) == ASKED_OF_TENANT_MAX
    assert turns.next_s() is None  # not before a call has ended
    turns.done("acme")
    assert taken(turns) == ["acme"]


@pytest.mark.parametrize(("now_s", "turn"), [(1.9, None), (2.0, ("acme", (1, "Ask")))])
def test_nothing_is_asked_for_before_it_is_due(now_s, turn):
    turns = turns_of()
    turns.put("acme", (1, "Ask"), 2.0)
    assert turns.next_s() == 2.0
    assert turns.take(now_s) == turn


@given(st.lists(st.tuples(TENANTS, st.integers(1, 5)), max_size=30))
def test_what_was_asked_for_in_anothers_turn_is_not_asked_for_again(puts):
    still_open = {(number, "Ask") for _, number in puts}
    turns = AskingTurns(lambda asked, _: asked in still_open)
    for tenant, number in puts:
        turns.put(tenant, (number, "Ask"), 0.0)
    asked = []
    while (turn := turns.take(0.0)) is not None:
        asked.append(turn[1])
        still_open.discard(turn[1])
        turns.done(turn[0])
    assert sorted(asked) == sorted({(number, "Ask") for _, number in puts})
    assert not turns
