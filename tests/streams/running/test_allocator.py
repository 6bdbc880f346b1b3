"""What the allocator does in a process of its own, by its own counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FREES_LARGE_ONES = """
import ctypes, json, os, threading
from streams.running.allocator import give_back_early

class Counts(ctypes.Structure):  # struct mallinfo2
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.mallinfo2.restype = Counts
told = give_back_early()
libc.free(libc.malloc(8 << 20))  # from then on 8 MiB are not large any more, by default
before = libc.mallinfo2().hblks
held = [libc.malloc(1 << 20) for _ in range(5)]
mapped = libc.mallinfo2().hblks - before
for one in held:
    libc.free(one)

threads, all_there = 12, threading.Barrier(12)
def allocate():
    all_there.wait()
    libc.malloc(1000)
    all_there.wait()
running = [threading.Thread(target=allocate) for _ in range(threads)]
for one in running: one.start()
for one in running: one.join()
read, write = os.pipe()
libc.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fdopen(write, b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
arenas = open(read).read().count("<heap nr=")
print(json.dumps([told, mapped, arenas]))
"""


def counted(**environment):
    """Return whether freed blocks are given back, how many of five are mapped, and the arenas."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", FREES_LARGE_ONES],
        capture_output=True,
        text=True,
        check=True,
        env={**kept, **environment},
    )
    return json.loads(done.stdout)


def test_large_blocks_are_mappings_and_threads_share_arenas():
    told, mapped, arenas = counted()
    assert told
    assert mapped == 5
    assert arenas <= 2


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_what_the_environment_says_stands(name):
    value = "glibc.malloc.arena_max=4" if name == "GLIBC_TUNABLES" else "4"
    told, mapped, _ = counted(**{name: value})
    assert not told
    assert mapped == 0
