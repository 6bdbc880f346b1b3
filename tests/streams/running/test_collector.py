"""The garbage collector leaves what was loaded alone, and looks less often."""

import subprocess
import sys

from streams.running.collector import GC_OBJECTS

PROGRAM = """
import gc, worker.cli
from streams.running.collector import spare_the_collector
loaded = len(gc.get_objects())
spare_the_collector()
print(gc.get_threshold()[0], len(gc.get_objects()) < loaded / 10)
"""


def test_it_walks_over_nothing_that_was_loaded_before():
    """In a process of its own: what is frozen stays so."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [str(GC_OBJECTS), "True"]
