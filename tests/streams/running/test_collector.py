"""The garbage collector leaves what was loaded alone, and looks less often."""

import gc
import subprocess
import sys
from contextlib import suppress

import pytest

from streams.running.collector import GC_OBJECTS, SELDOM, while_loading

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


def test_while_modules_are_loaded_it_looks_seldom_and_then_as_before():
    before = gc.get_threshold()
    with suppress(ImportError), while_loading():
        assert gc.get_threshold() == (GC_OBJECTS, *SELDOM)
        raise ImportError
    assert gc.get_threshold() == before


LOOK = """
import gc
from streams.running.collector import CONNECTIONS, CONNECTIONS_OBJECTS, spare_the_collector
looks = []
spare_the_collector(CONNECTIONS, CONNECTIONS_OBJECTS)
gc.callbacks.append(lambda phase, info: looks.append(
    (info["generation"], len(gc.get_objects(generation=info["generation"])))
) if phase == "start" else None)
held = [[] for _ in range(20 * CONNECTIONS_OBJECTS)]  # as of many connections that come at once
print(max(seen for generation, seen in looks if generation == 1) // CONNECTIONS_OBJECTS)
"""


def test_where_connections_are_held_no_look_at_what_is_young_takes_them_all():
    told = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert 4 <= int(told.stdout) <= 7  # of twenty


LEFT_BEHIND = """
import gc, weakref
from streams.running.collector import CONNECTIONS, GC_OBJECTS, SELDOM, spare_the_collector

class Connection:
    def __init__(self):
        self.itself = self

spare_the_collector({looks})
connection = Connection()
kept = [[] for _ in range(2 * GC_OBJECTS)]  # a look at what is new: it is open then
left = weakref.ref(connection)
del connection
kept += [[] for _ in range(10 * GC_OBJECTS)]
print(left() is None)
"""


@pytest.mark.parametrize(("looks", "is_gone"), [("CONNECTIONS", True), ("SELDOM", False)])
def test_what_a_connection_leaves_that_was_open_at_a_look_is_gone_a_few_looks_later(looks, is_gone):
    """By count of what is made meanwhile; in a process of its own, as above."""
    program = [sys.executable, "-c", LEFT_BEHIND.format(looks=looks)]
    told = subprocess.run(program, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(is_gone)
