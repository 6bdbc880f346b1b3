"""Statements: what of a passage can stand as an answer, each with what it needs to be understood.

A sentence stands alone. A list comes with the sentence that leads to it, and so does code; an entry
of a list with that sentence, a table's row with its header, an option with what it does. Where only
a heading leads to them, they come with that.

Why it is so: a line that was read apart from what leads to it answers nothing ("You can use:"), or
something else. And a numeral, a header or a lead-in is never an answer by itself.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.answering.broken_lists import BrokenList, broken_lists
from agents.answering.layout import (
    LayoutBlock,
    blocks_of,
    entries_of,
    is_numbered,
    joined,
    leads,
    rows_of,
    states,
)
from agents.language import sentences
from schemas import Passage

ExcerptKind = Literal["sentence", "lead", "fragment", "list", "entry", "row", "code", "option"]

ENTRY_WORDS_MIN = 4  # a shorter entry says nothing apart from its list
LINES_MAX = 14  # of code that an answer shows
ENTRIES_MAX = 16  # of a list
HEADINGS_MAX = 3  # that a statement is taken to stand under, the innermost
LEAD_WORDS_MIN = 8  # a shorter sentence that leads to nothing that is seen says nothing
LEAD_CHARS_MAX = 300  # of a sentence that leads to something, as it counts for each entry
HEADER_CHARS_MAX = 300  # of a table, as it stands before each row
_NUMERAL_ALONE = re.compile(r"\(?(?:\w{1,4}|\d{1,3}(?:\.\d{1,3}){1,3})[.)]")
_ABBREVIATED = re.compile(r"(?:\A|\s)(?:v|ver|no|nr|art|sec|ch|pp?)\.\Z", re.IGNORECASE)
ABBREVIATED_MAX = 5  # characters of the longest of them, with the blank before it
_RUN_IN = re.compile(r"\(?\d{1,3}[.)] (?:[\w/&-]+ ){0,4}[\w/&-]+\.")
"""A heading that stands in the line of its paragraph, as those of licences and contracts."""
_MARK = re.compile(r"\A[-*+•‣–]\s+")


@dataclass(frozen=True)
class Excerpt:
    """What can stand as an answer."""

    passage: int
    """Index of the passage."""
    kind: ExcerptKind
    text: str
    """As it is shown and quoted."""
    above: str = ""
    """The headings that it stands under, and of an entry or row what leads to it."""
    under: str = ""
    """The innermost of those headings."""
    block: int = 0
    """Of its passage; statements of one block belong together."""
    tokens: int = 0
    """Estimate, from the length of the passage in tokens."""


def excerpts_of(
    passages: Sequence[Passage], *, closer: bool = True, nearer: bool = True
) -> tuple[Excerpt, ...]:
    """List the statements of all passages, in order.

    `closer` is `agents.changes.CLOSER_ANSWERS`, `nearer` is NEARER_ANSWERS.
    """
    return tuple(
        one
        for index, passage in enumerate(passages)
        for one in _read(_Reading(index, passage, closer), passage, nearer=nearer)
    )


def _read(reading: _Reading, passage: Passage, *, nearer: bool) -> Iterator[Excerpt]:
    above, blocks = blocks_of(passage.title, passage.text)
    reading.headings = [*above]
    reading.broken = {one.blocks[0]: one for one in broken_lists(blocks)} if nearer else {}
    for number, block in enumerate(blocks):
        follows = blocks[number + 1].kind if number + 1 < len(blocks) else ""
        yield from reading.read(number, block, follows)
        if number in reading.broken:
            yield reading.whole(number)


def _whole(parts: Iterable[str]) -> Iterator[str]:
    """Put together what was split at a dot that ends no sentence: "1.2. Grants", "v. 2.0"."""
    begun = ""
    for part in parts:
        if begun and _ends_abbreviated(begun) and not part[:1].isdigit():
            yield begun
            begun = ""
        whole = f"{begun} {part}" if begun else part
        if _ends_abbreviated(whole) or (_NUMERAL_ALONE.fullmatch(part) and not begun):
            begun = whole
            continue
        yield whole
        begun = ""
    if begun:
        yield begun


def _led_on(said: Sequence[str]) -> Iterator[str]:
    """Put what leads to the rest of its own paragraph together with what comes next there."""
    led = ""
    for sentence in said:
        whole = f"{led} {sentence}" if led else sentence
        led = sentence if not led and leads(sentence) and not sentence.endswith("::") else ""
        if not led:
            yield whole
    if led:
        yield led


def _ends_abbreviated(text: str) -> bool:
    """Tell whether a text ends with an abbreviation that ends no sentence."""
    return text.endswith(".") and bool(_ABBREVIATED.search(text, len(text) - ABBREVIATED_MAX))


def _is_explained(line: str) -> bool:
    """Tell whether a comment of some words stands behind what a line of code does."""
    code, mark, comment = line.partition(" #")
    return bool(mark) and any(map(str.isalnum, code)) and len(comment.split()) > 1


def _under(entries: Sequence[str], place: int) -> list[str]:
    """List the entries that an entry leads to: those behind it that say nothing by themselves.

    How deep an entry stands is not to be seen in a chunk.
    """
    if not leads(entries[place]):
        return []
    behind = itertools.islice(entries, place + 1, place + 1 + ENTRIES_MAX)
    return list(itertools.takewhile(lambda entry: len(entry.split()) <= ENTRY_WORDS_MIN, behind))


class _Reading:
    """Reads the blocks of one passage, one after the other."""

    def __init__(self, index: int, passage: Passage, closer: bool) -> None:
        self._index = index
        self._closer = closer
        self._rate = (passage.tokens or len(passage.text) // 4) / max(1, len(passage.text))
        self.headings: list[str] = []
        self.broken: dict[int, BrokenList] = {}
        """Lists that other blocks divide, by the block that they begin in."""
        self._lead = ""
        """The sentence that leads to the next block."""
        self._announced = False
        """Whether it says so, by its colon."""
        self._after_heading = False
        """Whether nothing stands between the last heading and the next block."""

    def read(self, number: int, block: LayoutBlock, follows: str) -> Iterator[Excerpt]:
        """Yield the statements of a block."""
        if block.kind == "heading":
            if not self._after_heading:
                self.headings = []
            self.headings.append(block.text)
            self._lead, self._announced, self._after_heading = "", False, True
            return
        if block.kind == "prose":
            yield from self._prose(number, block, follows)
        else:
            last = entries_of(block)[-1] if block.kind == "list" else ""
            readers = {
                "list": self._list, "table": self._table, "code": self._code,
                "option": self._option,
            }  # fmt: skip
            yield from readers[block.kind](number, block)
            step = leads(last) and follows == "code"  # a step, and how it is done
            self._lead, self._announced = last if step else "", step
        self._after_heading = False

    def _make(self, number: int, kind: ExcerptKind, text: str, above: str = "") -> Excerpt:
        context = " ".join([*self.headings[-HEADINGS_MAX:], above[-LEAD_CHARS_MAX:]]).strip()
        under = self.headings[-1] if self.headings else ""
        tokens = math.ceil(self._rate * len(text))
        return Excerpt(self._index, kind, text, context, under, number, tokens)

    def whole(self, number: int) -> Excerpt:
        """Return the list that begins in a block and that other blocks divide."""
        return self._make(number, "list", self.broken[number].text)

    def _prose(self, number: int, block: LayoutBlock, follows: str) -> Iterator[Excerpt]:
        said = list(_whole(one for line in joined(block.lines) for one in sentences(line)))
        if len(said) > 1 and said[0][:1].isdigit() and _RUN_IN.fullmatch(said[0]):
            self.headings = [said.pop(0)]
        read = said
        if self._closer:
            said = list(_led_on(said))
        held = follows in ("list", "table", "code", "option")
        for place, sentence in enumerate(said):
            last = place == len(said) - 1
            if last and held and leads(sentence):
                self._lead, self._announced = sentence, True
                if sentence.endswith("::"):  # of reStructuredText: what it says stands by itself
                    yield self._make(number, "lead", sentence.rstrip(":"))
                return
            led_on = sentence not in read and len(sentence.split()) >= LEAD_WORDS_MIN
            if states(sentence) or led_on:
                yield self._make(number, "sentence", sentence)
            elif not leads(sentence):
                yield self._make(number, "fragment", sentence)
            elif len(sentence.split()) >= LEAD_WORDS_MIN:  # to a picture, perhaps
                yield self._make(number, "lead", sentence.rstrip(":："))
        self._lead, self._announced = (said[-1] if said and held else ""), False

    def _led(self, text: str, *, always: bool = False) -> str:
        """Put before a text what leads to it: the sentence, or the heading right above it."""
        if self._lead and (self._announced or always):
            return f"{self._lead}\n{text}"
        if self._after_heading and self.headings:
            return f"{self.headings[-1]}\n{text}"
        return text

    def _list(self, number: int, block: LayoutBlock) -> Iterator[Excerpt]:
        entries = entries_of(block)
        led = self._led("\n".join(entries[:ENTRIES_MAX]))
        lead = self._lead if self._announced else ""
        if number not in self.broken and (len(entries) > 1 or lead):
            yield self._make(number, "list", led)
        for place, entry in enumerate(entries):
            if len(entry.split()) > ENTRY_WORDS_MIN:
                bare = entry if is_numbered(entry) else _MARK.sub("", entry)
                yield self._make(number, "entry", "\n".join([bare, *_under(entries, place)]), lead)

    def _table(self, number: int, block: LayoutBlock) -> Iterator[Excerpt]:
        header, rows = rows_of(block)
        lead = self._lead if self._announced else ""
        for row in rows:
            headed = f"{header}\n{row}" if len(header) <= HEADER_CHARS_MAX else row
            yield self._make(number, "row", headed, lead)

    def _code(self, number: int, block: LayoutBlock) -> Iterator[Excerpt]:
        lines = block.lines[:LINES_MAX]
        yield self._make(number, "code", self._led("\n".join(lines).strip("\n"), always=True))
        if len(block.lines) > 1:
            for line in filter(_is_explained, block.lines):
                yield self._make(number, "code", line.strip())

    def _option(self, number: int, block: LayoutBlock) -> Iterator[Excerpt]:
        yield self._make(number, "option", "\n".join(line.strip() for line in block.lines))
