"""The picture of the demo shows what the demo does today; its numbers are of one run."""

import io
from pathlib import Path

from rich.console import Console

from infra.demo.checks import Checks
from infra.demo.picture import PARTS, PICTURED, save, structure, words_of
from infra.demo.samples import TENANTS

PICTURE = Path(__file__).parents[3] / "docs" / "demo.svg"


def test_the_picture_of_the_readme_has_the_parts_and_questions_of_the_demo():
    words = words_of(PICTURE.read_text())
    at = 0
    for line in structure():
        assert line in words[at:], f"{line!r} is not there: playhead demo --picture docs/demo.svg"
        at = words.index(line, at) + len(line)
    asked = sum(len(tenant.questions) for tenant in TENANTS)
    assert words.count("›") == asked, "it shows a question that the demo no longer asks"


def test_all_that_it_shows_held_and_it_holds_no_key():
    text = PICTURE.read_text()
    assert "✓" in words_of(text)
    assert "✗" not in text
    assert "ph_" not in text


def addresses(svg):
    return svg.replace('xmlns="http://www.w3.org/2000/svg"', "").count("http")


def test_the_picture_of_the_readme_asks_no_one_for_anything():
    assert addresses(PICTURE.read_text()) == 0


def test_a_picture_holds_what_the_terminal_showed(tmp_path):
    console = Console(file=io.StringIO(), width=80)
    checks = Checks(console, PICTURED)
    for number, part in enumerate(PARTS):
        checks.part(part)
        checks.holds(f"a < b & [{number}]", held=True)
    save(console, tmp_path / "one.svg")
    svg = (tmp_path / "one.svg").read_text()
    assert addresses(svg) == 0
    words = words_of(svg)
    for number, part in enumerate(PARTS):
        assert (part in words) == (part in PICTURED)
        assert (f"✓ a < b & [{number}]" in words) == (part in PICTURED)
