"""CPU and memory of programs: with what they started, and with what of that has ended."""

import os
import subprocess
import sys

import psutil
import pytest

from bench.peers.usage import Programs, spent, trees

BURN = "import time\nuntil = time.process_time() + {s}\nwhile time.process_time() < until: pass\n"
PARENT = """
import subprocess, sys
burn = {burn!r}
subprocess.run([sys.executable, "-c", burn])
child = subprocess.Popen([sys.executable, "-c", burn + "print('burnt', flush=True)\\nimport sys; sys.stdin.read()"],
                         stdin=subprocess.PIPE)
sys.stdin.read()
child.communicate()
"""


@pytest.fixture
def family():
    """Return a process that waits, with a child that burnt 0.3 s and waits and one that burnt them and ended."""
    program = PARENT.format(burn=BURN.format(s=0.3))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"burnt\n"
    yield process
    process.communicate()


def test_children_count_and_so_do_those_that_ended(family):
    used = Programs({"family": (family.pid,), "me": (os.getpid(),)}).cpu_s()
    assert used["family"] > 0.5  # each counts whole ticks of 10 ms
    assert set(used) == {"family", "me"}


def test_memory_is_that_of_all_of_them(family):
    programs = Programs({"family": (family.pid,), "twice": (family.pid, family.pid)})
    sizes = programs.pss_mb()
    assert len(trees((family.pid,))) == 2
    assert sizes["family"] > 5
    assert sizes["twice"] == pytest.approx(2 * sizes["family"], rel=0.2)


def test_what_was_used_is_the_difference():
    assert spent({"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 2.0}) == {"a": 0.5, "b": 0.0}


def test_of_a_program_alone_what_it_started_counts_for_nothing(family):
    pids = {"alone": (family.pid,), "with its child": (family.pid,)}
    sizes = Programs(pids, alone=frozenset({"alone"})).pss_mb()
    assert 1 < sizes["alone"] < sizes["with its child"]
    [child] = psutil.Process(family.pid).children()
    child_mb = child.memory_full_info().pss / 1_000_000
    whole = sizes["alone"] + child_mb
    assert sizes["with its child"] == pytest.approx(whole, rel=0.2)


def test_of_a_program_alone_the_cpu_of_a_child_that_lives_is_the_childs(family):
    pids = {"alone": (family.pid,), "with its child": (family.pid,)}
    used = Programs(pids, alone=frozenset({"alone"})).cpu_s()
    # the one that ended counts in its parent's times, the one that waits in its own
    assert used["with its child"] - used["alone"] > 0.25


def test_a_program_alone_that_has_ended_is_told():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    programs = Programs({"alone": (ended.pid,)}, alone=frozenset({"alone"}))
    with pytest.raises(psutil.NoSuchProcess):
        programs.cpu_s()
