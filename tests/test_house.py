"""The figures of the house, held: what is measured and how stands in tests/house.py.

Where a goal is not reached yet, TODAY says how far it is. Such a number may only come nearer to its goal, and goes when
the goal is reached.
"""

from fnmatch import fnmatch
from functools import cache

import pytest

from tests.house import (
    GENERATED,
    PACKAGES,
    ROOT,
    TESTS,
    files_of_tests,
    functions,
    lines_of,
    modules_twice,
    number_of_tests,
    percentile,
    product_files,
    replaced_in,
    type_names,
    types_twice,
)

ALL = "all"
NOTHING_REPLACED = ("agents", "schemas", "replay")
GOALS = {
    ("file lines p90", ALL): 300,
    ("function lines p90", ALL): 23,
    ("replaced a test", ALL): 0.05,
    **{("replaced a test", package): 0 for package in NOTHING_REPLACED},
    **{("function lines max", package): 60 for package in PACKAGES},
    **{("test lines a code line", package): 1.0 for package in PACKAGES},
}
"""Figure and package -> what it should be at most; of test lines, at least."""

TODAY: dict[tuple[str, str], float] = {
    ("test lines a code line", "agents"): 0.9,
    ("test lines a code line", "bench"): 0.77,
    ("test lines a code line", "connectors"): 0.89,
    ("test lines a code line", "edge"): 0.92,
    ("test lines a code line", "evals"): 0.72,
    ("test lines a code line", "replay"): 0.86,
}
"""Where a goal is not reached: what the figure is."""


MODULES_MAY_REPEAT = {
    "__main__": ("*/__main__.py", "Python runs a package by this name"),
    "canonical": (
        "schemas/*canonical.py",
        "schemas/generate/canonical.py writes schemas/canonical.py",
    ),
    "cli": ("*/cli.py", "a package's own command, wherever there is one"),
    "connector": ("connectors/*/connector.py", "what answers requests, in each room of connectors"),
    "failures": ("connectors/*/failures.py", "which errors of a service pass, for each service"),
    "records": ("schemas/*records.py", "schemas/generate/records.py writes schemas/records.py"),
    "wire": ("schemas/*wire.py", "schemas/generate/wire.py writes schemas/wire.py"),
}
"""Names that several modules have on purpose: which modules may, and why. Of types there is none."""

TYPES_TWICE_TODAY: dict[str, set[str]] = {}
MODULES_TWICE_TODAY: dict[str, set[str]] = {}
"""Names that still stand for two things; nothing may come to them, and what is mended goes."""


def file_lines_p90(packages):
    return percentile((lines_of(f) for name in packages for f in product_files(name)), 0.9)


def function_lengths(packages):
    files = [file for name in packages for file in product_files(name)]
    return [lines for file in files for lines in lengths_in(file)]


@cache
def lengths_in(file):
    return [lines for _, lines in functions(file.read_text())]


@cache
def replaced_and_tests_in(file):
    source = file.read_text()
    return len(replaced_in(source)), number_of_tests(source)


def ratio_of_test_lines(packages):
    tests = sum(lines_of(file) for name in packages for file in files_of_tests(name))
    code = sum(lines_of(file) for name in packages for file in product_files(name))
    return round(tests / code, 2)


def replaced_a_test(files):
    replaced, tests = map(sum, zip(*map(replaced_and_tests_in, files), strict=True))
    return round(replaced / tests, 3)


def measured(figure, package):
    """Return a figure of a package, or of all."""
    packages = PACKAGES if package == ALL else (package,)
    tests = sorted(TESTS.rglob("*.py")) if package == ALL else files_of_tests(package)
    return {
        "file lines p90": lambda: file_lines_p90(packages),
        "function lines p90": lambda: percentile(function_lengths(packages), 0.9),
        "function lines max": lambda: max(function_lengths(packages)),
        "test lines a code line": lambda: ratio_of_test_lines(packages),
        "replaced a test": lambda: replaced_a_test(tests),
    }[figure]()


def as_good_as(figure, value, wanted):
    return value >= wanted if figure.startswith("test lines") else value <= wanted


@pytest.mark.parametrize(("figure", "package"), GOALS)
def test_a_figure_is_at_its_goal_or_no_further_from_it_than_it_was(figure, package):
    value, wanted = measured(figure, package), GOALS[figure, package]
    today = TODAY.get((figure, package), wanted)
    assert as_good_as(figure, value, today), f"{figure}, {package}: {value}; it may be {today}"


def needless(exceptions):
    """Return the exceptions that are at their goal already, or have none."""
    return [
        place
        for place, value in exceptions.items()
        if place not in GOALS or as_good_as(place[0], value, GOALS[place])
    ]


def test_an_exception_is_further_from_the_goal_than_the_goal():
    assert needless(TODAY) == []


@pytest.mark.parametrize(
    ("figure", "package", "value", "is_needless"),
    [
        ("test lines a code line", "bench", 0.99, False),
        ("test lines a code line", "bench", 1.0, True),
        ("file lines p90", ALL, 301, False),
        ("file lines p90", ALL, 300, True),
        ("file lines p90", "bench", 999, True),
    ],
)
def test_an_exception_that_is_not_needed_is_found(figure, package, value, is_needless):
    assert bool(needless({(figure, package): value})) == is_needless


# ---------------------------------------------------------------------- one word, one thing


def not_meant_to_repeat(twice):
    """Leave out the modules that share a name on purpose."""
    return {
        name: files
        for name, files in twice.items()
        if name not in MODULES_MAY_REPEAT
        or not all(fnmatch(file, MODULES_MAY_REPEAT[name][0]) for file in files)
    }


def test_a_type_has_a_name_of_its_own():
    assert types_twice() == TYPES_TWICE_TODAY


def test_a_module_has_a_name_of_its_own_unless_there_is_a_reason():
    assert not_meant_to_repeat(modules_twice()) == MODULES_TWICE_TODAY


def test_each_reason_for_repeating_a_module_s_name_is_made_use_of():
    assert set(MODULES_MAY_REPEAT) <= set(modules_twice())


# ---------------------------------------------------------------------- the measures


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.9, 0),
        ([7], 0.9, 7),
        (range(1, 11), 0.9, 9),
        (range(1, 12), 0.9, 10),
        ([1, 1, 1, 9], 0.5, 1),
        ([1, 2], 1.0, 2),
    ],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values, share, expected):
    assert percentile(values, share) == expected


def test_a_function_is_as_long_as_it_stands_there():
    source = """
@decorated
def outer(
    a,
):
    '''Say what.'''

    async def inner():
        pass

    return inner

class C:
    def method(self): ...
"""
    assert dict(functions(source)) == {"outer": 9, "inner": 2, "method": 1}
    assert (
        number_of_tests(
            "def test_a(): ...\nclass TestB:\n    def test_c(self): ...\ndef a_test(): ..."
        )
        == 2
    )


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr("edge.websocket.LIMIT", 3)',
        "from edge import websocket\nmonkeypatch.setattr(websocket, 'LIMIT', 3)",
        "import edge.websocket as module\npatch.setattr(module.Reader, 'LIMIT', 3)",
        "import edge.websocket\nmonkeypatch.setattr(edge.websocket, 'LIMIT', 3)",
        "monkeypatch.setattr(FakeTriton, 'ROOM', 3)",
        "from bench import cli\nmonkeypatch.setitem(cli.PARTS, 'x', 3)",
        "monkeypatch.delattr('streams.log.codec.Codec.decode')",
        "from edge import http\nmonkeypatch.setattr(http.time, 'time', lambda: 0)",
        "with mock.patch('replay.log.Log'): ...",
        "with patch.object(Thing, 'method'): ...",
        "thing = MagicMock()",
    ],
)
def test_code_of_ours_that_is_replaced_is_counted(line):
    assert len(replaced_in(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "setattr(record, 'name', 3)",
        "monkeypatch.setenv('PLAYHEAD_RUN', 'x')",
        "monkeypatch.delenv('PLAYHEAD_RUN')",
        "monkeypatch.chdir(folder)",
        "import sys\nmonkeypatch.setattr(sys, 'argv', [])",
        "import sys\nmonkeypatch.setitem(sys.modules, 'x', y)",
        "monkeypatch.setattr('sys.argv', [])",
        "import os.path as place\nmonkeypatch.setattr(place, 'join', f)",
        "from signal import signal\nmonkeypatch.setattr(signal, 'x', f)",
        "value.patch_me()",
    ],
)
def test_what_is_not_ours_is_not_counted(line):
    assert replaced_in(line) == []


def test_generated_code_is_not_counted():
    names = {file.relative_to(ROOT).as_posix() for file in product_files("schemas")}
    assert not GENERATED & names
    assert "schemas/registry.py" in names
    assert all("models" not in file.parts for file in product_files("bench"))


def test_names_of_types_are_those_of_classes_and_of_aliases():
    source = """
from typing import TypeVar
class Outer:
    class Inner: ...
def f():
    class Local: ...
    Variable = 3
Alias = dict[str, int]
Annotated: TypeAlias = "Outer"
_Private = tuple[int, int]
ItemT = TypeVar("ItemT")
P = typing.ParamSpec("P")
LIMIT = 3
lower = Alias
"""
    names = {"Outer", "Inner", "Local", "Alias", "Annotated", "_Private"}
    assert type_names(source) == names


@pytest.fixture
def two_houses(tmp_path):
    """Write a product in which one class, one alias and one module stand twice."""
    files = {
        "agents/one.py": "class Same: ...",
        "agents/__init__.py": "class OfAPackage: ...",
        "edge/one.py": "class Other: ...\nclass Other: ...",
        "edge/__init__.py": "",
        "schemas/records.py": "class Recorded: ...",
        "streams/two.py": "Same = tuple[int, int]\nRecorded = int",
        "infra/triton/models/chat/1/two.py": "class Same: ...",
    }
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def test_a_name_stands_twice_where_two_modules_define_it(two_houses):
    assert types_twice(two_houses) == {
        "Same": {"agents/one.py", "streams/two.py"},
        "Recorded": {"schemas/records.py", "streams/two.py"},
    }
    assert modules_twice(two_houses) == {"one": {"agents/one.py", "edge/one.py"}}
