"""Layout: the blocks of a passage, told apart by their look.

A chunk is text: what its reader knew of headings, lists, tables and code is gone, but their
spelling is ours (connectors/readers) and stays. Blank lines part blocks; a list's entries begin
with a mark, a table's cells are parted by " | ", code has code's signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from agents.language import STOP_WORDS

Kind = Literal["heading", "prose", "list", "table", "code", "option"]

HEADING_CHARS_MAX = 120  # what is longer is a paragraph without an end
PATH = " > "  # parts the headings above a chunk

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_ITEM = re.compile(r"[^\S\n]*(?:[-*+•‣–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[^\S\n]+\S")
_NUMERAL = re.compile(r"[^\S\n]*\(?(?:\d{1,3}|[a-z])[.)][^\S\n]")
_CODED = re.compile(r"[^\S\n]*\d{1,5}[^\S\n]+[a-z]")
"""What a number means, as manuals tell of exit statuses: "2  if it was not found"."""
_RULE = re.compile(r"[=\-~+|: ]{3,}")
"""A line that is drawn, as those of tables in reStructuredText."""
_DIRECTIVE = re.compile(r"(?:\.\. |:\w+:).*|::")
_END = re.compile(r"[.!?…。！？][\"'”’»)\]*_`]*\Z")
_LEADS = re.compile(r"[:：][\"'”’»)\]*_`]*\Z")
_SHELL = re.compile(
    r"\s*(?://|@\w|(?:sudo|pip3?|uv|npm|npx|git|cd|curl|wget|docker|export|import|from|def"
    r"|class|return|for|with|apt|apt-get|brew|make|python3?|conda|mamba|cargo|go|rm|mkdir|cp|mv|kubectl"
    r"|helm|tar|chmod|echo|set|let|const|var|select|insert|print)\s+\S)"
)
_PROMPT = re.compile(r"\s*(?:[$%] \S|>>>|\.\.\.(?: |\Z))")
_SIGNS = re.compile(r"[=<>{}\[\];|\\$]|\w\(|(?:^|\s)--?\w|\w/\w|\A\s*[)}\]]+,?\Z")
_OPTION = re.compile(r"\s*--?\w[\w-]*")
_OPTION_LINE = re.compile(
    r"\s*--?\w[\w-]*(?:(?:[ =]|\[=)[A-Z][A-Z\]]*|, --?[\w=\[\]-]+)*\s+[a-z]+\s+\S"
)
_CAPITALS = re.compile(r"[^\S\n]*[A-ZÀ-Þ][A-ZÀ-Þ &/-]{2,40}")
"""A heading of a manual or a contract, right above what it heads."""
_CAPITAL_WORD = re.compile(r"\s*[A-Z][a-z']*[ ,]")
PROSE_WORDS = 5  # a line of as many that begins with a capital is a sentence, not code


@dataclass(frozen=True)
class LayoutBlock:
    """A part of a passage between two blank lines, or one that differs from what is beside it."""

    kind: Kind
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it is spelt."""
        return "\n".join(self.lines)


def blocks_of(title: str, text: str) -> tuple[tuple[str, ...], list[LayoutBlock]]:
    """Read a passage; return the headings above it, and its blocks.

    The chunk's own prefix (title, headings) is taken off.
    """
    above, body = _prefix(title, text)
    parts = [part for part in _BLANK_LINES.split(body) if part.strip()]
    grown: list[tuple[Kind, list[str]]] = []
    for number, part in enumerate(parts):
        lines = tuple(line.rstrip() for line in part.split("\n") if line.strip())
        goes_on = bool(grown) and (grown[-1][0] == "list" or leads(grown[-1][1][-1]))
        for block in _blocks(lines, last=number == len(parts) - 1, goes_on=goes_on):
            if grown and block.kind == grown[-1][0] and block.kind in ("code", "list"):
                grown[-1][1].extend(("", *block.lines) if block.kind == "code" else block.lines)
            else:
                grown.append((block.kind, list(block.lines)))
    return above, [LayoutBlock(kind, tuple(lines)) for kind, lines in grown]


def _prefix(title: str, text: str) -> tuple[tuple[str, ...], str]:
    head, parted, body = text.partition("\n\n")
    lines = head.split("\n")
    if not parted or len(lines) > 2:
        return (), text
    if title and lines[0] == title:
        path = lines[1:]
    elif len(lines) == 1 and PATH in head and not _END.search(head):
        path = lines
    else:
        return (), text
    return tuple(heading for line in path for heading in line.split(PATH)), body


def _blocks(lines: Sequence[str], *, last: bool, goes_on: bool) -> Iterator[LayoutBlock]:
    """Tell the blocks of lines between two blank ones apart."""
    if all(_DIRECTIVE.fullmatch(line.strip()) for line in lines):
        return
    if len(lines) > 1 and _CAPITALS.fullmatch(lines[0]):
        yield LayoutBlock("heading", (lines[0].strip(),))
        yield from _blocks(lines[1:], last=True, goes_on=False)
        return
    if len(lines) > 1 and _is_table(lines):
        yield LayoutBlock("table", tuple(lines))
        return
    if _OPTION_LINE.match(lines[0]) or (
        len(lines) > 1 and _OPTION.match(lines[0]) and states(lines[-1])
    ):
        yield LayoutBlock("option", tuple(lines))
        return
    if _is_code(lines):
        yield LayoutBlock("code", tuple(lines))
        return
    led = int(len(lines) > 1 and leads(lines[0]))
    if all(map(_CODED.match, lines[led:])):
        if led:
            yield LayoutBlock("prose", (lines[0],))
        yield LayoutBlock("list", tuple(lines[led:]))
        return
    if len(lines) == 1 and not last and _is_heading(lines[0]):
        yield LayoutBlock("heading", (lines[0].strip(),))
        return
    yield from _prose_and_lists(lines, goes_on=goes_on)


def _prose_and_lists(lines: Sequence[str], *, goes_on: bool) -> Iterator[LayoutBlock]:
    run: list[str] = []
    listed = False
    for line, entry in zip(lines, _entries(lines, goes_on=goes_on), strict=True):
        if entry and not listed and run:
            yield LayoutBlock("prose", tuple(run))
            run = []
        listed = listed or entry
        run.append(line)
    if run:
        yield LayoutBlock("list" if listed else "prose", tuple(run))


def _entries(lines: Sequence[str], *, goes_on: bool) -> list[bool]:
    """Tell of each line whether a list's entry begins there.

    A single line that begins with a numeral or a letter is prose, unless a list stands before it
    or it is all there is.
    """
    found = [bool(_ITEM.match(line)) for line in lines]
    alone = sum(found) == 1 and not lines[found.index(True)].lstrip().startswith(tuple("-*+•‣–"))
    if (
        alone
        and not (found[0] and goes_on)
        and not (found[0] and len(lines[0]) < HEADING_CHARS_MAX)
    ):
        return [False] * len(lines)
    return found


def entries_of(block: LayoutBlock) -> tuple[str, ...]:
    """List a list's entries, each with the lines that belong to it."""
    entries: list[list[str]] = []
    for line in block.lines:
        if _ITEM.match(line) or _CODED.match(line) or not entries:
            entries.append([])
        entries[-1].append(line.strip())
    return tuple(" ".join(lines) for lines in entries)


def rows_of(block: LayoutBlock) -> tuple[str, tuple[str, ...]]:
    """Return a table's header and its rows."""
    rows = [line.strip() for line in block.lines if not _RULE.fullmatch(line.strip())]
    return (rows[0], tuple(rows[1:])) if rows else ("", ())


def is_numbered(entry: str) -> bool:
    """Tell whether an entry begins with its number."""
    return bool(_NUMERAL.match(entry) or _CODED.match(entry))


def leads(text: str) -> bool:
    """Tell whether a sentence announces what follows it."""
    return bool(_LEADS.search(text))


def states(text: str) -> bool:
    """Tell whether a sentence is brought to an end."""
    return bool(_END.search(text))


def _is_heading(line: str) -> bool:
    line = line.strip()
    return (
        len(line) <= HEADING_CHARS_MAX
        and not (states(line) and not line.endswith("?"))
        and not leads(line)
        and not _ITEM.match(line)
        and not line.endswith((",", ";"))
    )


def _is_table(lines: Sequence[str]) -> bool:
    parted = sum(" | " in line for line in lines)
    if parted == len(lines):
        return True
    ruled = [bool(_RULE.fullmatch(line.strip())) and "==" in line for line in lines]
    return sum(ruled) >= 2 and ruled[0]


def _is_code(lines: Sequence[str]) -> bool:
    """Tell whether most lines look like code, and the first one does."""
    signs = [_looks_like_code(line) for line in lines]
    return signs[0] and 2 * sum(signs) >= len(signs)


def _looks_like_code(line: str) -> bool:
    if _ITEM.match(line) and not line.lstrip().startswith(">>>"):
        return False
    if _PROMPT.match(line):
        return True
    stated = states(line) and not line.rstrip().endswith(("...", ")"))
    if _SHELL.match(line):
        return not (stated and line.count(" ") > 3)
    if stated or leads(line):
        return False
    words = line.split()
    if len(words) >= PROSE_WORDS and _CAPITAL_WORD.match(line):
        return False
    signs = len(_SIGNS.findall(line))
    return signs > 0 and 4 * signs >= len(words)


def joined(lines: Sequence[str]) -> Iterator[str]:
    """Join the lines of a paragraph that a sentence runs over.

    It does where the next line begins small, or a line ends with a word that ends no sentence.
    """
    run = [lines[0].strip()] if lines else []
    for before, line in pairwise(lines):
        follows = line.strip()
        goes_on = follows[:1].islower() or before.rsplit(None, 1)[-1] in STOP_WORDS
        if states(before) or leads(before) or not goes_on:
            yield " ".join(run)
            run = []
        run.append(follows)
    if run:
        yield " ".join(run)
