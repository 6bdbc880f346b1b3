"""Types that msgspec reads into are built while one thread loads modules: half built, they end the process."""

import ast
import subprocess
import sys

import pytest

from tests.house import PACKAGES, ROOT, product_files

READERS = {"json", "msgpack"}
PLAIN = {
    "bench/replays/verified_once.py": "one thread reads what its own child told",
    "schemas/record.py": "records are prepared as the package is loaded",
    "streams/setting_sources.py": "settings are plain values",
}
"""Files that need not prepare what they convert to, and why."""
RACE = """
import sys, threading, msgspec
from schemas.prepared_types import prepared
sys.setswitchinterval(1e-6)
for number in range(2_000):
    class Inner(msgspec.Struct):
        a: int
    class Outer(msgspec.Struct):
        inner: Inner
        others: list[Inner] = []
    PREPARE
    together = threading.Barrier(4)
    def read():
        together.wait()
        msgspec.json.decode(b'{"inner": {"a": 1}, "others": [{"a": 2}]}', type=Outer)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def reads_into_a_type(call):
    """Say whether a call has msgspec build what it knows of a type as it runs."""
    match call:
        case ast.Call(func=ast.Attribute(attr="convert", value=ast.Name(id="msgspec"))):
            return True
        case ast.Call(func=ast.Attribute(attr="decode", value=ast.Attribute(attr=kind))):
            return kind in READERS and any(one.arg == "type" for one in call.keywords)
    return False


def prepares(tree):
    """Say whether a module prepares types as it is loaded."""
    return any(
        isinstance(one, ast.Expr)
        and isinstance(one.value, ast.Call)
        and getattr(one.value.func, "id", "") == "prepared"
        for one in tree.body
    )


def unprepared(source):
    tree = ast.parse(source)
    return any(map(reads_into_a_type, ast.walk(tree))) and not prepares(tree)


def test_whoever_reads_into_a_type_prepares_it_as_the_module_is_loaded():
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in product_files(package)
        if unprepared(path.read_text())
    }
    assert found == set(PLAIN)


@pytest.mark.parametrize(
    ("source", "is_unprepared"),
    [
        ("msgspec.json.decode(data, type=Note)", True),
        ("def read():\n    return msgspec.msgpack.decode(data, type=Note)", True),
        ("msgspec.convert(values, TYPES[step])", True),
        ("def read():\n    prepared(Note)\n    return msgspec.convert(values, Note)", True),
        ("prepared(Note)\nmsgspec.convert(values, Note)", False),
        ("msgspec.json.decode(data)", False),
        ("_NOTES.decode(data)", False),
    ],
)
def test_reading_into_a_type_that_is_built_then_is_found(source, is_unprepared):
    assert unprepared(source) is is_unprepared


def test_prepared_types_are_read_by_many_threads_at_once():
    """Without it the first of these reads ends the process by a signal."""
    ran = subprocess.run(
        [sys.executable, "-c", RACE.replace("PREPARE", "prepared(Outer)")],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
