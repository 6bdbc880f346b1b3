"""The driver: everything that arrives is counted once, and a chain that stands still is told of."""

import pytest

from bench.child import MeasurementFailed
from bench.ends import Stuck
from bench.transports.drive import (
    BURST_MAX,
    BURSTS_FIRST,
    GROWTH_MAX,
    Drive,
    Tally,
    grown,
    summary,
)
from bench.transports.inputs import SESSIONS, VALUE_BYTES, PlainInputs
from tests.bench.fakes import NO_WORD, PARTITION_END, FakeChain, FakeProgram, a_message, ends_of


def a_drive(chain, *programs):
    return Drive(ends_of(chain, *programs), PlainInputs(), hops=2)


def test_what_is_put_in_at_the_first_topic_arrives_at_the_last():
    chain = FakeChain()
    drive = a_drive(chain)
    drive.warm_up(50)
    assert {topic for topic, _ in chain.produced} == {"first"}
    assert len(chain.produced) == 50
    assert drive.value_bytes == VALUE_BYTES
    assert (drive.tally.copies, drive.tally.disorders) == (0, 0)
    drive.close()
    assert chain.closed


def test_a_burst_takes_the_cpu_time_of_all_children_for_every_hop():
    drive = a_drive(FakeChain(), FakeProgram(2.0), FakeProgram(1.0))
    burst = drive.burst(burst_s=0.0)
    assert burst.cpu_us == pytest.approx(3.0 / (burst.events * 2) * 1e6)
    assert burst.hop_rate == pytest.approx(burst.events * 2 / burst.seconds)
    assert 0.0 <= burst.idle_share <= 1.0


def test_bursts_grow_until_they_are_long_enough():
    chain = FakeChain()
    burst = a_drive(chain).burst(burst_s=0.05)
    assert burst.seconds >= 0.05
    assert len(chain.produced) > BURSTS_FIRST * 200


def test_copies_count_once_and_noise_not_at_all():
    def twice(value, key, headers):
        return [
            a_message(b"", error=PARTITION_END),
            a_message(value, key, headers),
            a_message(value, key, headers),
        ]

    drive = a_drive(FakeChain(twice))
    drive.warm_up(20)
    assert drive.tally.copies == 20


def test_at_a_steady_rate_each_record_is_timed_from_its_own_sending():
    latency = a_drive(FakeChain()).latency(rate=500.0, seconds=0.1)
    assert latency.events == 50
    assert 0.0 <= latency.p50_ms <= latency.p95_ms <= latency.p99_ms
    assert latency.hop_ms == latency.p50_ms / 2


def test_at_least_two_records_are_timed():
    assert a_drive(FakeChain()).latency(rate=1_000.0, seconds=0.0).events == 2


def test_a_chain_that_stands_still_is_told_with_what_arrived():
    passed = []

    def some(value, key, headers):
        passed.append(value)
        return [a_message(value, key, headers)] if len(passed) <= 3 else []

    with pytest.raises(Stuck, match="3 of 5 records came"):
        a_drive(FakeChain(some)).warm_up(5, silence_s=0.01)


def test_a_contender_that_ended_is_told_at_once():
    program = FakeProgram(fails_after=0)
    with pytest.raises(MeasurementFailed, match=NO_WORD):
        a_drive(FakeChain(lambda *_: []), program).warm_up(5)
    assert program.checks == 1


@pytest.mark.parametrize(
    ("events", "seconds", "wanted_s", "expected"),
    [
        (200, 1.0, 3.0, 780),  # a third more than three times as many
        (200, 4.0, 3.0, 200),  # long enough already
        (200, 0.001, 3.0, 200 * int(GROWTH_MAX)),
        (BURST_MAX, 0.1, 3.0, BURST_MAX),
        (200, 1.0, 0.0, 200),
    ],
)
def test_a_burst_grows_as_far_as_it_was_too_short(events, seconds, wanted_s, expected):
    assert grown(events, seconds, wanted_s) == expected


def test_a_hop_takes_its_share_of_the_median():
    latency = summary(20.0, [8.0, 16.0, 24.0], hops=8)
    assert (latency.p50_ms, latency.hop_ms, latency.events) == (16.0, 2.0, 3)


def test_copies_and_disorders_are_counted_by_session():
    tally = Tally()
    numbers = [0, 1, SESSIONS, 2 * SESSIONS + 1, SESSIONS + 1, SESSIONS, 3 * SESSIONS + 1]
    assert [tally.take(number) for number in numbers] == [True] * 5 + [False, True]
    assert tally.copies == 1
    assert tally.disorders == 1
