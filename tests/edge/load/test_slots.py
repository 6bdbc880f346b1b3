"""Slots: what one process, one tenant and one key may hold at once."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

from edge.load.shares import Shares
from edge.load.slots import Slots
from edge.problems import Problem

SHARES = Shares(of_all=5, of_tenant=4, of_key=3, least=1)


def held(slots, holders):
    """Hold one for each tenant and key, such as `a1`, in turn; the statuses of the refusals."""
    with ExitStack() as stack:
        problems = []
        for tenant, key in holders:
            try:
                stack.enter_context(slots.hold(tenant, key))
            except Problem as problem:
                problems.append(problem)
        assert all(("RateLimit" in one.headers) == (one.status == 429) for one in problems)
        return [one.status for one in problems], len(slots)


@pytest.mark.parametrize(
    ("holders", "statuses"),
    [
        (["a1"] * 3, []),
        (["a1"] * 4, [429]),
        (["a1"] * 3 + ["a2"] * 2, [429]),
        (["a1"] * 3 + ["b1"] * 3, [503]),
        (["a1"] * 3 + ["b1"] * 2 + ["c1"], []),
    ],
)
def test_a_key_and_a_tenant_have_their_share_and_all_have_a_limit(holders, statuses):
    slots = Slots("open connections", SHARES)
    assert held(slots, holders) == (statuses, len(holders) - len(statuses))
    assert len(slots) == 0  # they were let go of


@pytest.mark.parametrize(
    ("holders", "words"),
    [
        (["a1"] * 4, "this key has 3 open connections"),
        (["a1"] * 3 + ["a2"] * 2, "this tenant has 4 open connections"),
        (["a1"] * 3 + ["b1"] * 3, "the gateway has too many open connections"),
    ],
)
def test_a_refusal_says_what_there_is_too_much_of_and_when_to_come_back(holders, words):
    slots = Slots("open connections", SHARES)
    with ExitStack() as stack:
        *earlier, last = holders
        for holder in earlier:
            with suppress(Problem):
                stack.enter_context(slots.hold(*holder))
        with pytest.raises(Problem, match=words) as refused:
            stack.enter_context(slots.hold(*last))
    assert refused.value.retryable
    assert int(refused.value.headers["Retry-After"]) >= 1


def test_what_goes_wrong_lets_go():
    slots = Slots("x", Shares(1, 1, 1, 0))
    with pytest.raises(ZeroDivisionError), slots.hold("a", "1"):
        _ = 1 / 0
    with slots.hold("a", "1"):
        assert len(slots) == 1
