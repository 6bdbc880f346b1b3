"""Memory that grows with the requests is told; what is young, short or bounded is not."""

import os

import pytest

from tests.chaos.memory import (
    GROWN_S,
    PEAK_MAX_MIB,
    REQUESTS_MIN,
    SLOPE_MAX,
    SLOPES_MAX,
    Look,
    RssWatch,
    growth_of,
)

LONG = range(0, REQUESTS_MIN + 1, 500)


def looks(slope, requests=LONG, age_s=GROWN_S):
    return [Look(number, age_s, 100 + slope * number / 1_000) for number in requests]


def test_memory_that_grows_with_the_requests_is_told():
    growth = growth_of("worker", looks(SLOPE_MAX + 1))
    assert growth.slope == pytest.approx(SLOPE_MAX + 1)
    [wrong] = growth.failures
    assert wrong.startswith(
        "memory of a worker grows by 7.0 MiB for each 1,000 requests over 10000"
    )


def test_a_gateway_may_grow_less_than_a_worker():
    seen = looks(SLOPES_MAX["gateway"] + 0.1)
    [wrong] = growth_of("gateway", seen).failures
    assert "grows by 2.1 MiB for each 1,000 requests over 10000: at most 2 are" in wrong
    assert growth_of("worker", seen).failures == []


def test_growth_is_seen_over_lives_that_each_begin_small():
    lives = [
        look
        for number in LONG
        for look in (Look(number, 0.1, 40), Look(number, GROWN_S, 100 + number / 100))
    ]
    assert growth_of("worker", lives).slope == pytest.approx(10)


@pytest.mark.parametrize(
    "seen",
    [
        [],
        looks(SLOPE_MAX - 0.1),
        looks(-5),
        looks(50, range(0, REQUESTS_MIN, 500)),  # too few requests to say
        looks(50, age_s=GROWN_S - 1),  # they still take their lanes
        looks(0)[:1],
    ],
)
def test_what_is_bounded_young_or_short_is_no_failure(seen):
    assert growth_of("worker", seen).failures == []


def test_a_worker_that_holds_too_much_is_told_however_short_the_run():
    [wrong] = growth_of("worker", [Look(1, 0, PEAK_MAX_MIB + 1)]).failures
    assert "held 1101 MiB" in wrong


def test_processes_are_looked_at_now_and_then_and_may_be_gone():
    watch = RssWatch()
    gone = 2**22  # above any id of a process here
    watch.look(0.0, 5, {os.getpid(): "worker", gone: "gateway"})
    watch.look(0.5, 6, {os.getpid(): "worker"})
    watch.look(2.5, 7, {os.getpid(): "worker"})
    assert [look.requests for look in watch.looks["worker"]] == [5, 7]
    assert watch.looks["worker"][0].mib > 10
    assert "gateway" not in watch.looks
