"""A limit holds a process, and what comes in its place, for as long as it is there."""

import resource
import time

import pytest

from tests.chaos.faults.limits import Limited
from tests.chaos.faults.scripts import WRITES, started, until

pytestmark = pytest.mark.slow  # it waits for processes


def test_who_is_limited_can_write_nothing_until_it_is_over(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    processes = [started(WRITES, first)]
    try:
        until(first.exists)
        with Limited(
            resource.RLIMIT_FSIZE, lambda: [p.pid for p in processes], lambda _: 0
        ) as limited:
            processes.append(started(WRITES, second))
            until(lambda: limited.number == 2 and second.exists())
            written = first.stat().st_size, second.stat().st_size
            time.sleep(0.1)  # many tries to write
            assert (first.stat().st_size, second.stat().st_size) == written
        until(lambda: first.stat().st_size > written[0] and second.stat().st_size > written[1])
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_process_that_is_gone_is_passed_over(tmp_path):
    process = started("")
    process.wait()
    with Limited(resource.RLIMIT_FSIZE, lambda: [process.pid], lambda _: 0) as limited:
        assert limited.number == 0
