"""Programs under measurement: their CPU time is read, their end is noticed, and they end with the measurement."""

import contextlib
import time

import psutil
import pytest

from bench.child import ROOT, MeasurementFailed, running

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
