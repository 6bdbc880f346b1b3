"""What code relies on of a clock: the fake keeps it as the real ones do."""

import time

import pytest

from tests.fake_clock import FakeClock


@pytest.mark.parametrize("clock", [FakeClock(), time.monotonic, time.perf_counter])
def test_a_clock_tells_seconds_that_never_go_back(clock):
    told = [clock() for _ in range(100)]
    assert all(type(one) is float and one >= 0 for one in told)
    assert told == sorted(told)


def test_the_fake_goes_as_far_as_it_is_moved():
    clock = FakeClock()
    before = clock()
    clock.now += 1.5
    assert clock() - before == 1.5
