"""Subscriptions and their dispatch."""

from __future__ import annotations

import pytest

from edge.listening.entries import WAITING_MAX, Dispatch, Gap, Subscription
from tests.edge.answering.histories import QUESTION, WHOLE, entries_of

[ENTRY] = entries_of([QUESTION])


async def test_a_subscription_gives_entries_in_their_order():
    subscription = Subscription()
    entries = entries_of(WHOLE)
    for entry in entries:
        subscription.offer(entry)
    assert [await subscription.next(1) for _ in entries] == entries
    with pytest.raises(TimeoutError):
        await subscription.next(0.001)


async def test_a_reader_that_falls_far_behind_is_told_so_and_nothing_grows():
    subscription = Subscription()
    for _ in range(WAITING_MAX):
        subscription.offer(ENTRY)
    assert await subscription.next(1) == ENTRY
    subscription.offer(ENTRY)
    subscription.offer(ENTRY)
    with pytest.raises(Gap):
        await subscription.next(1)


async def test_an_interruption_is_told_to_every_reader():
    dispatch = Dispatch()
    with dispatch.subscribe("r-1") as first, dispatch.subscribe("r-2") as second:
        dispatch.interrupt()
        for subscription in (first, second):
            with pytest.raises(Gap):
                await subscription.next(1)


async def test_entries_go_to_all_who_wait_for_their_request_and_to_all_readers():
    seen = []
    dispatch = Dispatch([seen.append, seen.append])
    with (
        dispatch.subscribe("r-1") as first,
        dispatch.subscribe("r-1") as second,
        dispatch.subscribe("r-2") as other,
    ):
        dispatch.take([ENTRY])
        assert [await one.next(1) for one in (first, second)] == [ENTRY, ENTRY]
        with pytest.raises(TimeoutError):
            await other.next(0.001)
    assert seen == [ENTRY, ENTRY]


def test_nothing_is_kept_of_a_subscription_that_ended():
    dispatch = Dispatch()
    with dispatch.subscribe("r-1"):
        with dispatch.subscribe("r-1"):
            assert dispatch.waiting == 1
        assert dispatch.is_awaited("r-1")
    assert dispatch.waiting == 0
    assert not dispatch.is_awaited("r-1")
    dispatch.take([ENTRY])


def test_a_request_may_be_awaited_by_others_than_subscribers():
    assert Dispatch(awaits=lambda request: request == "r-7").is_awaited("r-7")
    assert not Dispatch().is_awaited("r-7")
