"""Subscriptions and their dispatch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from edge.listening.entries import WAITING_MAX, Dispatch, Gap, Subscription
from edge.requests.identity import Identity
from tests.edge.answering.histories import QUESTION, WHOLE, entries_of
from tests.fakes import a_meta

[ENTRY] = entries_of([QUESTION])
R_7 = ("acme", "r-7")


def a_request(request, tenant="acme", lane=0):
    return Identity(request, tenant, "sub", "s-1", lane)


async def test_a_subscription_gives_entries_in_their_order():
    subscription = Subscription(0)
    entries = entries_of(WHOLE)
    for entry in entries:
        subscription.offer(entry)
    assert [await subscription.next(1) for _ in entries] == entries
    with pytest.raises(TimeoutError):
        await subscription.next(0.001)


async def test_a_reader_that_falls_far_behind_is_told_so_and_nothing_grows():
    subscription = Subscription(0)
    for _ in range(WAITING_MAX):
        subscription.offer(ENTRY)
    assert await subscription.next(1) == ENTRY
    subscription.offer(ENTRY)
    subscription.offer(ENTRY)
    with pytest.raises(Gap):
        await subscription.next(1)


async def test_an_interruption_is_told_to_every_reader():
    dispatch = Dispatch()
    with (
        dispatch.subscribe(a_request("r-1")) as first,
        dispatch.subscribe(a_request("r-2")) as second,
    ):
        dispatch.interrupt()
        for subscription in (first, second):
            with pytest.raises(Gap):
                await subscription.next(1)


async def test_entries_go_to_all_who_wait_for_their_request_and_to_all_readers():
    seen = []
    dispatch = Dispatch([seen.append, seen.append])
    with (
        dispatch.subscribe(a_request("r-1")) as first,
        dispatch.subscribe(a_request("r-1")) as second,
        dispatch.subscribe(a_request("r-2")) as other,
    ):
        dispatch.take([ENTRY])
        assert [await one.next(1) for one in (first, second)] == [ENTRY, ENTRY]
        with pytest.raises(TimeoutError):
            await other.next(0.001)
    assert seen == [ENTRY, ENTRY]


def test_nothing_is_kept_of_a_subscription_that_ended():
    dispatch = Dispatch()
    with dispatch.subscribe(a_request("r-1")):
        with dispatch.subscribe(a_request("r-1")):
            assert dispatch.waiting == 1
        assert dispatch.is_awaited(("acme", "r-1"))
    assert dispatch.waiting == 0
    assert not dispatch.is_awaited(("acme", "r-1"))
    dispatch.take([ENTRY])


def test_a_request_may_be_awaited_by_others_than_subscribers():
    assert Dispatch(awaits=lambda whose, _: whose == R_7).is_awaited(R_7)
    assert not Dispatch().is_awaited(R_7)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(replace(ENTRY, partition=1), id="in another lane"),
        pytest.param(
            replace(ENTRY, event=structs.replace(QUESTION, meta=a_meta(tenant="globex"))),
            id="of another tenant",
        ),
    ],
)
async def test_what_others_write_about_a_request_reaches_none_of_its_readers(forged):
    dispatch = Dispatch()
    with dispatch.subscribe(a_request("r-1")) as mine:
        dispatch.take([forged])
        with pytest.raises(TimeoutError):
            await mine.next(0.001)
        dispatch.take([ENTRY])
        assert await mine.next(1) == ENTRY
