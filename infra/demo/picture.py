"""The picture of the demo for the README: what the terminal showed, as SVG.

`playhead demo --picture docs/demo.svg` makes it from a real run. Its numbers are of that run; its
structure, the parts and the questions in their order, is compared with the code by a test.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from rich.console import Console

from infra.demo.samples import TENANTS

PARTS = (
    "Documents",
    *(f"A conversation with {tenant.name}" for tenant in TENANTS),
    "One answer, step by step",
    "Personal data",
    "The log, recomputed",
    "A receipt to keep",
)
PICTURED = (*PARTS[: 1 + len(TENANTS)], PARTS[-2])
"""What the picture shows: a page of documentation has less room than a terminal."""
ELSEWHERE = re.compile(r"@font-face\s*\{[^}]*\}|<!--.*?-->", re.DOTALL)
TEXT = re.compile(r'<text class="[^"]*" x="[^"]*" y="([^"]*)"[^>]*>(.*?)</text>', re.DOTALL)


def save(console: Console, path: Path) -> None:
    """Write what a recording console showed.

    No font and no address from elsewhere: a page of documentation asks no one for anything.
    """
    console.record = True  # or it gives nothing away
    svg = console.export_svg(title="make demo")
    path.write_text(ELSEWHERE.sub("", svg), encoding="utf-8")


def words_of(svg: str) -> str:
    """Return the words of a picture, in their order, with single spaces."""
    words = [unescape(text) for _, text in TEXT.findall(svg)]
    return " ".join(" ".join(words).split())


def structure() -> tuple[str, ...]:
    """List what a picture must show, in this order: parts, and the questions of each tenant."""
    questions = {
        title: [question.text for question in tenant.questions]
        for title, tenant in zip(PARTS[1:], TENANTS, strict=False)
    }
    return tuple(line for title in PICTURED for line in (title, *questions.get(title, ())))
