"""Clean the text of blocks: one Unicode form, one kind of line end, nothing that can't be seen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain

import regex

from schemas import Block, BlockKind

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls
    "\u00ad\u200b\ufeff\u2060-\u2064"  # soft hyphen, spaces without width
    "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"  # direction marks: text reads as stored
    "\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffb"  # surrogates, noncharacters, annotation marks
    "\U000e0000-\U000e007f]"  # tags: can spell hidden instructions
)
_SPACES = re.compile(r"[^\S\n]+")
_SPACES_AT_ENDS = re.compile(r"(?m)^ | $")
_LONG_SPACES = re.compile(r"[^\S\n]{17,}")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)+")


_NORMAL = re.compile(r"[\n\t -~]*+")  # most of what is read twice
_MARKS_BEYOND_REASON = regex.compile(r"(\p{M}{30})\p{M}++")
"""More than Unicode's stream-safe format (UAX 15) allows; NFC takes quadratic time over them."""


def normalise(text: str) -> str:
    """Bring text to NFC, with newlines as the only line ends and nothing that can't be seen."""
    if _NORMAL.fullmatch(text):
        return text
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _MARKS_BEYOND_REASON.sub(r"\1", text)
    return unicodedata.normalize("NFC", text)


def prose(text: str) -> str:
    """Normalise the spaces of running text: one between words, none at the ends of lines."""
    text = _SPACES_AT_ENDS.sub("", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n", text).strip()


def flat(text: str) -> str:
    """Bring text onto one line."""
    return " ".join(text.split())


def literal(text: str) -> str:
    """Normalise the spaces of code: kept, but for the ends of lines and absurd runs."""
    lines = (line.rstrip() for line in _LONG_SPACES.sub(" " * 16, text).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def block(kind: BlockKind, text: str, level: int = 0) -> Iterator[Block]:
    """Yield a block, unless it would say nothing."""
    cleaned = normalise(text)
    if kind == "heading":
        cleaned = flat(cleaned)
    elif kind == "code":
        cleaned = literal(cleaned)
    else:
        cleaned = prose(cleaned)
    if cleaned.strip():
        yield Block(kind=kind, level=level, text=cleaned)


def under(heading: str, blocks: Iterable[Block], level: int = 1) -> Iterator[Block]:
    """Put a heading that nobody wrote as one over blocks, unless there are none."""
    rest = iter(blocks)
    for first in rest:
        yield from block("heading", heading, level)
        yield from chain((first,), rest)
