"""Where verbs print: a terminal has a width, a pipe and a file have none."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console

UNBROKEN = 100_000  # columns: a line that goes to another program is never broken


def console(**options: Any) -> Console:
    """Make a console that breaks lines on a terminal alone, or where COLUMNS asks for it.

    Takes what rich's Console takes.
    """
    made = Console(**options)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = UNBROKEN
    return made


def counted(number: int, noun: str) -> str:
    """Spell a number of things: 1 record, 2,000 records."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
