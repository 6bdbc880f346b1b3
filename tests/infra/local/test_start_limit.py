import os
import subprocess
import sys

import pytest

from infra.local.start_limit import BUSY_SHARE, LONGEST_S, StartLimit, WorkDone, work_done_by

BEGAN_S = 512.0  # on a clock that did not begin with the start


class Course:
    """A start whose time and progress are told by hand."""

    def __init__(self, limit_s=10.0, **options):
        self.now_s, self.done = BEGAN_S, WorkDone(0.0, 0)
        self.limit = StartLimit(limit_s, lambda: self.done, lambda: self.now_s, **options)

    def over_at(self, now_s, cpu_s=0.0, log_bytes=0):
        self.now_s, self.done = BEGAN_S + now_s, WorkDone(cpu_s, log_bytes)
        return self.limit.is_over()


def test_what_stands_still_has_its_limit_and_no_more():
    course = Course()
    assert not course.over_at(9.9)
    assert course.over_at(10.0)


@pytest.mark.parametrize("done", [{"cpu_s": 10 * BUSY_SHARE}, {"log_bytes": 1}])
def test_progress_doubles_the_limit(done):
    course = Course()
    assert not course.over_at(10.0, **done)
    assert course.limit.limit_s == 20.0
    assert not course.over_at(19.9, **done)
    assert course.over_at(20.0, **done)


def test_what_goes_on_goes_on():
    course = Course()
    limits = []
    for now_s in (10.0, 20.0, 40.0, 80.0):
        assert not course.over_at(now_s, cpu_s=now_s)
        limits.append(course.limit.limit_s)
    assert limits == [20.0, 40.0, 80.0, 160.0]


def test_what_uses_next_to_no_cpu_makes_no_progress():
    assert Course().over_at(10.0, cpu_s=10 * BUSY_SHARE / 2)


def test_what_uses_just_enough_cpu_makes_progress():
    assert not Course(limit_s=8.0).over_at(8.0, cpu_s=8.0 * BUSY_SHARE)


@pytest.mark.parametrize("done", [{"cpu_s": 5.0}, {"log_bytes": 5}])
def test_what_went_on_and_stands_still_since_is_over(done):
    """Progress counts since the limit was looked at last, not since the start."""
    course = Course()
    assert not course.over_at(10.0, **done)
    assert course.over_at(20.0, **done)


def test_what_works_hard_now_is_not_measured_by_how_long_it_stood_still():
    course = Course()
    assert not course.over_at(10.0, cpu_s=10.0)
    assert not course.over_at(20.0, cpu_s=10.0 + 10.1 * BUSY_SHARE)


def test_before_the_limit_nothing_is_measured():
    course = Course()
    assert not course.over_at(9.0, cpu_s=9.0)
    assert course.limit.limit_s == 10.0
    assert not course.over_at(10.0, cpu_s=9.0)


def test_a_log_that_was_set_aside_is_no_progress():
    course = Course()
    assert not course.over_at(10.0, log_bytes=100)
    assert course.over_at(20.0, log_bytes=1)


def test_what_ended_children_used_is_no_progress_undone():
    course = Course()
    assert not course.over_at(10.0, cpu_s=5.0)
    assert not course.over_at(20.0, cpu_s=1.0)  # a child that had used five seconds is gone


def test_nothing_is_waited_for_for_ever():
    course = Course(longest_s=30.0)
    assert not course.over_at(10.0, cpu_s=10.0)
    assert not course.over_at(20.0, cpu_s=20.0)
    assert course.over_at(40.0, cpu_s=40.0)
    assert Course(30.0, longest_s=30.0).over_at(30.0, cpu_s=30.0)
    assert Course(LONGEST_S).over_at(3_600.0, cpu_s=3_600.0)


def test_the_work_of_a_process_and_of_what_it_started_is_progress(tmp_path):
    log = tmp_path / "log"
    busy = "import os, time\nif os.fork(): os.wait()\nwhile time.process_time() < 0.3: pass"
    process = subprocess.Popen([sys.executable, "-c", busy])
    while (done := work_done_by(process.pid, log)).cpu_s < 0.4:
        assert process.poll() is None, done
    process.wait()
    assert done.log_bytes == 0  # there is none yet
    log.write_text("four")
    assert work_done_by(os.getpid(), log).log_bytes == 4
    assert work_done_by(process.pid, log).cpu_s == 0.0
