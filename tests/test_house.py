"""The figures of the house, held: what is measured and how stands in tests/house.py.

Where a goal is not reached yet, TODAY says how far it is. Such a number may only come nearer to its goal, and goes when
the goal is reached.
"""

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
    number_of_tests,
    percentile,
    product_files,
    replaced_in,
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

TODAY: dict[tuple[str, str], float] = {("test lines a code line", "bench"): 0.5}
"""Where a goal is not reached: what the figure is."""


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


@pytest.mark.parametrize(("figure", "package"), TODAY)
def test_an_exception_is_further_from_the_goal_than_the_goal(figure, package):
    assert not as_good_as(figure, TODAY[figure, package], GOALS[figure, package])


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
        "monkeypatch.setattr(FakeClient, 'ROOM', 3)",
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
