"""Where verbs print."""

import io

import pytest
from rich.table import Table

from streams.operations.printing import console

LONG = "x" * 300


def printed(columns=None, monkeypatch=None, **options):
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    file = io.StringIO()
    table = Table(box=None)
    table.add_column("name", overflow="fold")
    table.add_row(LONG)
    screen = console(file=file, **options)
    screen.print(table)
    screen.print(f"{LONG} {LONG}")
    return file.getvalue()


def test_no_line_is_broken_on_its_way_into_a_pipe(monkeypatch):
    lines = printed(monkeypatch=monkeypatch).splitlines()
    assert [line.strip() for line in lines] == ["name", LONG, f"{LONG} {LONG}"]


@pytest.mark.parametrize(
    "given",
    [{"columns": "80"}, {"force_terminal": True, "width": 80, "color_system": None}],
    ids=["asked", "terminal"],
)
def test_a_terminal_or_one_who_asks_gets_lines_that_fit(monkeypatch, given):
    lines = printed(monkeypatch=monkeypatch, **given).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > 6
