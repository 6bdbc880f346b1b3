"""How a check is said."""

import io

import pytest
from rich.console import Console

from infra.demo.checks import Check, Checks, line


@pytest.fixture
def checks():
    return Checks(Console(file=io.StringIO(), width=200))


def test_a_check_is_said_at_once_and_what_failed_is_kept(checks):
    checks.holds("a", held=True, otherwise="unseen")
    checks.holds("b", held=False, otherwise="seen")
    assert checks.console.file.getvalue() == "  ✓ a\n  ✗ b: seen\n"
    assert checks.failed == [Check("b", held=False, why="seen")]
    assert [check.why for check in checks.made] == ["", "seen"]


def test_what_looks_like_markup_is_text(checks):
    checks.holds("[red]playhead.query[3]@6[/red]", held=False, otherwise="[bold]x")
    assert "[red]playhead.query[3]@6[/red]: [bold]x" in checks.console.file.getvalue()


def test_a_part_begins_with_its_title(checks):
    checks.part("Documents")
    empty, title = checks.console.file.getvalue().splitlines()
    assert empty == ""
    assert title.startswith("Documents ──")


@pytest.mark.parametrize(("held", "mark"), [(True, "✓"), (False, "✗")])
def test_the_mark_says_it_without_colour(held, mark):
    assert mark in line(Check("a", held))
