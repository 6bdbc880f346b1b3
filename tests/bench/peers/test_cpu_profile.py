"""Where CPU goes: threads by what they are, samples by the package of the code that runs."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from bench.child import ROOT
from bench.peers.cpu_profile import (
    CpuShares,
    by_package,
    kind_of_thread,
    largest,
    package_of,
    sampled,
    show,
    thread_seconds,
)
from tests.bench.shown import shown


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rdk:broker1", "rdk:broker"),
        ("data-plane-kaf", "data-plane-kaf"),
        ("asyncio_0", "asyncio"),
        ("C2 CompilerThre", "C"),
        ("grpc_global_tim", "grpc_global_tim"),
        ("7", "7"),
    ],
)
def test_threads_of_a_pool_are_one(name, kind):
    assert kind_of_thread(name) == kind


@pytest.mark.parametrize(
    ("frame", "package"),
    [
        (f"run ({ROOT}/streams/delivery/runner.py:12)", "streams/delivery"),
        (f"redact ({ROOT}/agents/redact.py:12)", "agents/redact"),
        ("run (agents/redact.py:12)", "agents/redact"),
        ("send (/x/.venv/lib/python3.11/site-packages/aiokafka/client.py:3)", "aiokafka"),
        ("split (/x/.venv/lib/python3.11/site-packages/six.py:3)", "six"),
        ("run (/usr/lib/python3.11/asyncio/base_events.py:640)", "python: asyncio"),
        ("loads (/usr/lib/python3.11/json/decoder.py:640)", "python: json"),
        ("copy (/usr/lib/python3.11/copy.py:640)", "python: copy"),
        ("run (<frozen runpy>:88)", "python: built in"),
    ],
)
def test_a_frame_is_its_packages(frame, package):
    assert package_of(frame) == package


def test_samples_count_for_the_innermost_frame():
    lines = [
        "main (agents/redact.py:1);run (streams/log/codec.py:3) 5\n",
        "run (streams/log/ids.py:3) 2\n",
        "\n",
    ]
    assert by_package(lines) == {"streams/log": 7}


def test_the_largest_stand_first_and_the_others_are_one():
    assert largest({"a": 1.0, "b": 3.0, "c": 2.0, "d": 0.5}, 2) == [
        ("b", 3.0),
        ("c", 2.0),
        ("others", 1.5),
    ]
    assert largest({"a": 1.0}, 2) == [("a", 1.0)]


def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_a_threads_time_is_counted_by_its_name():
    before = thread_seconds([os.getpid()])
    burnt, end = threading.Event(), threading.Event()

    def work():
        burn(0.2)
        burnt.set()
        end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    burnt.wait()
    after = thread_seconds([os.getpid()])
    end.set()
    thread.join()
    assert sum(after.values()) - sum(before.values()) >= 0.15


def test_tables_show_cpu_by_thread_and_samples_by_package():
    shares = [
        CpuShares("worker", 16, 30.0, {"asyncio": 20.0}, Counter({"grpc": 3, "agents/redact": 1}))
    ]
    said = shown(show, shares)
    for words in ("worker, 16 users", "thread asyncio", "20.0", "grpc", "75.0"):
        assert words in said


@pytest.mark.slow
def test_a_process_is_sampled(tmp_path):
    pytest.importorskip("weaviate")
    if shutil.which("py-spy", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("py-spy is of the dependency group peers: make bench ONLY=peers installs it")
    program = tmp_path / "program.py"
    program.write_text("import json\nwhile True: json.dumps(list(range(50)), indent=1)")
    process = subprocess.Popen([sys.executable, str(program)])
    try:
        with sampled(process.pid, tmp_path / "out"):
            time.sleep(2)
    finally:
        process.kill()
        process.wait()
    found = by_package((tmp_path / "out").read_text().splitlines())
    assert found.most_common(1)[0][0] == "python: json"
