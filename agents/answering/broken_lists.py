"""Broken lists: steps that go on behind the code, or the explanation, that stands between them.

"1. Install it:", a command, "2. Start it:", another one. Each step is a block of its own to who
reads by blank lines; together they are the list that its lead announces, and a how-to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents.answering.layout import LayoutBlock, entries_of, joined, leads
from agents.language import sentences

ENTRIES_MIN = 3  # two may as well be two headings that are numbered
CODE_LINES_MAX = 4  # of what stands below a step
LINES_MAX = 24
_NUMBER = re.compile(r"\(?(\d{1,2})[.)]\s")


@dataclass
class BrokenList:
    """A list that other blocks divide."""

    lead: str = ""
    """What announces it."""
    blocks: list[int] = field(default_factory=list)
    """Those that its entries stand in."""
    lines: list[str] = field(default_factory=list)
    entries: int = 0

    @property
    def text(self) -> str:
        """As it is shown and quoted."""
        return "\n".join([*filter(None, [self.lead]), *self.lines[:LINES_MAX]])

    @property
    def is_one(self) -> bool:
        """Whether it has several entries, in more than one block."""
        return self.entries >= ENTRIES_MIN and len(set(self.blocks)) > 1


def broken_lists(blocks: Sequence[LayoutBlock]) -> Iterator[BrokenList]:
    """Yield the lists that go on behind other blocks, each once, by their entries' numbers."""
    found = BrokenList()
    for number, block in enumerate(blocks):
        if block.kind == "heading":
            yield from _closed(found)
            found = BrokenList()
        elif block.kind == "code" and found.entries:
            found.lines += [line for line in block.lines if line.strip()][:CODE_LINES_MAX]
        elif block.kind in ("list", "prose"):
            entries = entries_of(block) if block.kind == "list" else joined(block.lines)
            for entry in entries:
                match = _NUMBER.match(entry)
                if match is not None and int(match[1]) == 1:
                    yield from _closed(found)
                    found = BrokenList(lead=_lead(blocks, number))
                if match is not None and int(match[1]) == found.entries + 1:
                    found.entries += 1
                    found.blocks.append(number)
                    found.lines.append(entry)
    yield from _closed(found)


def _closed(found: BrokenList) -> Iterator[BrokenList]:
    if found.is_one:
        yield found


def _lead(blocks: Sequence[LayoutBlock], number: int) -> str:
    """Return the line that announces a list, where one stands right before it."""
    before = blocks[number - 1] if number else None
    if before is None or before.kind != "prose":
        return ""
    last = sentences(list(joined(before.lines))[-1])[-1]
    return last if leads(last) else ""
