"""Programs under measurement: their CPU time is read, their end is noticed, and they end with the measurement."""

import contextlib
import signal
import time

import psutil
import pytest

from bench.child import LAST_LINES, ROOT, Child, MeasurementFailed, running

PATIENCE_S = 20.0


def until_it_ends(child):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        child.check()
        time.sleep(0.01)
    raise AssertionError("it is still running")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no_such_module",), "ended with 1: .*No module named no_such_module"),
        (("timeit", "-n", "1", "-r", "1", "pass"), "ended with 0: 1 loop"),
        (("timeit", "-n", "1", "import os; os._exit(3)"), "ended with 3: no word"),
        (
            ("timeit", "-n", "1", "import os; print('x' * 999, flush=True); os._exit(4)"),
            "ended with 4: x{200}$",
        ),
    ],
)
def test_a_program_that_ended_is_told_with_its_last_words(arguments, says):
    with running(*arguments) as child, pytest.raises(MeasurementFailed, match=says):
        until_it_ends(child)


def test_a_module_of_the_bench_is_found_wherever_the_bench_is_started(tmp_path):
    assert (ROOT / "bench/child.py").is_file()
    # without an argument it fails, but it is found
    with (
        contextlib.chdir(tmp_path),
        running("bench.transports.bare_confluent") as child,
        pytest.raises(MeasurementFailed, match="IndexError"),
    ):
        until_it_ends(child)


def test_a_program_ends_with_its_measurement():
    before = set(psutil.Process().children())
    with running("timeit", "-n", "1", "import time; time.sleep(60)") as child:
        child.check()
        assert child.cpu_s() >= 0
        [process] = set(psutil.Process().children()) - before
    assert not process.is_running()


STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(60)"
)
GENTLE = (
    "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: os._exit(7));"
    "print('ready', flush=True); time.sleep(60)"
)


@contextlib.contextmanager
def a_child(folder, program):
    """Run a line of Python until it has said that it is ready."""
    output = folder / "output"
    child = Child("timeit", ("-n", "1", "-r", "1", program), output)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not output.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield child
    finally:
        child.stop(0.0)


def test_a_program_may_end_in_its_own_way(tmp_path):
    with a_child(tmp_path, GENTLE) as child:
        child.stop()
        with pytest.raises(MeasurementFailed, match="ended with 7"):
            child.check()


def test_a_program_that_will_not_end_is_killed(tmp_path):
    with a_child(tmp_path, STUBBORN) as child:
        child.stop(0.2)
        with pytest.raises(MeasurementFailed, match=f"ended with -{int(signal.SIGKILL)}"):
            child.check()


def test_a_program_that_is_gone_has_no_cpu_time_but_last_words(tmp_path):
    with a_child(tmp_path, GENTLE) as child:
        child.stop()
        with pytest.raises(MeasurementFailed, match="ended with 7: ready"):
            child.cpu_s()


def test_only_the_last_lines_are_told(tmp_path):
    lines = "; ".join(f"print('line {number}')" for number in range(LAST_LINES + 3))
    program = f"{lines}; import os, sys; sys.stdout.flush(); os._exit(2)"
    with (
        running("timeit", "-n", "1", "-r", "1", program) as child,
        pytest.raises(MeasurementFailed) as error,
    ):
        until_it_ends(child)
    told = str(error.value).partition(": ")[2].split(" | ")
    assert told == [f"line {number}" for number in range(3, LAST_LINES + 3)]


def test_work_takes_cpu_time_and_sleep_does_not(tmp_path):
    busy = "print('on', flush=True); any(False for _ in iter(int, 1))"
    with a_child(tmp_path, busy) as child:
        before = child.cpu_s()
        deadline = time.monotonic() + PATIENCE_S
        while child.cpu_s() == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
