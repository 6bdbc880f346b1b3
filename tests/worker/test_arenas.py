"""Threads take memory from few places."""

import subprocess
import sys

from worker.arenas import ARENAS

PROGRAM = """
import ctypes, os, sys, tempfile, threading
from worker.arenas import share_arenas

if sys.argv[1] == "few":
    share_arenas()
library = ctypes.CDLL(None)
library.malloc.restype = library.fdopen.restype = ctypes.c_void_p
all_there = threading.Barrier(12)

def take():
    library.malloc(50_000)
    all_there.wait()

threads = [threading.Thread(target=take) for _ in range(12)]
for one in threads:
    one.start()
for one in threads:
    one.join()
with tempfile.NamedTemporaryFile() as told:
    file = ctypes.c_void_p(library.fdopen(os.dup(told.fileno()), b"w"))
    library.malloc_info(0, file)
    library.fclose(file)
    print(open(told.name).read().count("<heap nr="))
"""


def arenas(how):
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(told.stdout)


def test_many_threads_take_memory_from_few_places():
    assert arenas("few") <= ARENAS < arenas("usual")
