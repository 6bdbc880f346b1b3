"""Pieces: the least that moves when a document is cut into chunks.

Blocks are taken apart into headings, sentences, whole tables and whole listings. One that is too
long for a chunk is divided, at lines, else at spaces, else between characters. Pieces and what
separates them, one after the other, are the document.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from schemas import Block

HEADING_CHARS_MAX = 200  # what is longer is a paragraph that somebody marked up as a heading
CHARS_PER_TOKEN_MAX = 8
"""English has 4 to 5. Without it, what the tokenizer gives up on (a word of more than
100 characters is one unknown token) would make chunks without an end."""
QUESTION_LEVEL = 7  # a question stands below every heading

# What ends a sentence: with a space after it, or, in scripts that write none, at once.
_ENDS = re.compile(
    r"""
    (?<![。！？｡︒﹗﹖]) [。！？｡︒﹗﹖]++ [」』）】〕》〉”’"')\]]*+ \s*+   # Chinese, Japanese
    | (?<![.!?…]) [.!?…؟۔।॥։።។။‼⁇⁈⁉]++ [»”’"')\]]*+ \s++         # the others
    | \n\s*+
    """,
    re.VERBOSE,
)
_NO_END = re.compile(r"""[^。！？｡︒﹗﹖.!?…؟۔।॥։።။။‼⁇⁈⁉」』）】〕》〉”’"'»)\]\s]""")
"""What stands in nothing that _ENDS matches: there a text may be parted without any change."""
STRETCH = 512
"""Characters that are looked through before anything else may be done: some microseconds."""
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:[A-Za-z]|[A-Za-z]\.[A-Za-z]"
    r"|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Inc|Ltd|Co|Corp|No|Nos|Nr|Fig|Figs|Eq|Sec|Ch|Vol|pp|ed|eds|al|cf"
    r"|vs|etc|approx|ca|bzw|Abs|Art|Hr|Fr|usw|Sra|Srta|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct"
    r"|Nov|Dec)\.$",
)
_DIGITS = re.compile(r"\d*")
_SPEAKER = re.compile(
    r"(?:[\[(]?\d{1,4}[-:./]\d{1,2}(?:[-:./ T]\d{1,4}){0,4}(?: ?[AaPp][Mm])?[\])]?,? {0,2}(?:- )?)?"
    r"(?:<[^<>\n]{1,40}>|\*{0,2}[^\W\d_][\w.'’-]{0,20}(?: [\w.'’()-]{1,20}){0,3} ?\*{0,2}:\*{0,2})"
    r"(?:\s|$)"
)
"""A time or none, then `Name:` or `<Name>`: how chats, interviews and minutes begin a turn."""
_QUESTION = re.compile(
    r"^(?:Q|Question|Frage|Pregunta|Domanda)\s*\d*\s*[:.)]|[?？؟]$", re.IGNORECASE
)


@dataclass(frozen=True)
class Piece:
    """The least that moves: a heading, a sentence, a table or row, a listing or line."""

    text: str
    before: str
    """What separates it from the piece before."""
    kind: str
    """heading, sentence, code or table."""
    level: int = 0
    """Of a heading, from 1."""
    tokens: int = -1
    """Length in the embedder's tokens; -1 while unknown."""

    @cached_property
    def weight(self) -> int:
        """Length as chunks are measured: in tokens, but never less than its characters suggest."""
        return max(self.tokens, -(-len(self.text) // CHARS_PER_TOKEN_MAX), 1)


def asks(text: str) -> bool:
    """Tell whether a paragraph or heading asks something, as those of an FAQ do."""
    return len(text) <= HEADING_CHARS_MAX and _QUESTION.search(text) is not None


def speaks(text: str) -> bool:
    """Tell whether a text begins with the name of who speaks."""
    return _SPEAKER.match(text) is not None


def pieces_of(blocks: Sequence[Block], *, questions: bool) -> Iterator[Piece | None]:
    """Take the blocks of a document apart; with `questions`, what asks something is a heading.

    None comes in between, where much was looked through in vain.
    """
    for block in blocks:
        text = block.text.strip("\n")
        if not text.strip():
            continue
        if block.kind == "heading" and len(text) <= HEADING_CHARS_MAX:
            yield Piece(text, "\n\n", "heading", block.level)
        elif block.kind in ("code", "table"):
            yield Piece(text, "\n\n", block.kind)
        elif questions and asks(text):
            yield Piece(text, "\n\n", "heading", QUESTION_LEVEL)
        else:
            before = "\n\n"
            for part in separated_sentences(text):
                if part is None:
                    yield None
                    continue
                sentence, separator = part
                yield Piece(sentence, before or separator, "sentence")
                before = ""


def separated_sentences(text: str, stretch: int = STRETCH) -> Iterator[tuple[str, str] | None]:
    """Split a paragraph into sentences, each with what separates it from the one before.

    Sentences and separators one after the other are the text. Rules without a model: they know the
    punctuation of most scripts and some abbreviations, and cut too little rather than too much.
    None comes in between, where much was looked through in vain.
    """
    start, separator = 0, ""
    numbered = _digits_end(text, start)
    for end in _ends(text, stretch):
        if end is None:
            yield None
            continue
        mark = end.group().rstrip()
        stop = end.start() + len(mark)
        if end.end() == len(text):
            break
        follows = text[end.end()]
        if (
            mark == "."
            and (
                follows.islower()
                or start < stop - 1 == numbered  # "3." begins an item
                or _ABBREVIATION.search(text[max(start, stop - 12) : stop])
            )
        ):
            continue
        if stop > start:
            yield text[start:stop], separator
            start, separator = end.end(), text[stop : end.end()]
            numbered = _digits_end(text, start)
    yield text[start:], separator


def _ends(text: str, stretch: int) -> Iterator[re.Match[str] | None]:
    """Find what may end a sentence, and yield None after each stretch of the text."""
    start = 0
    while start < len(text):
        inner = _NO_END.search(text, start + stretch)
        stop = inner.end() if inner else len(text)
        yield from _ENDS.finditer(text, start, stop)
        yield None
        start = stop


def _digits_end(text: str, start: int) -> int:
    """Find where the digits end that begin at a place."""
    digits = _DIGITS.match(text, start)
    assert digits is not None  # there may be none
    return digits.end()


def divide(piece: Piece, limit: int) -> Iterator[Piece]:
    """Cut a piece that is too long: at lines, else at spaces, else between characters.

    What is blank goes into the separators, so that no piece says nothing.
    """
    parts = _lines(piece.text) if "\n" in piece.text else _words(piece, limit)
    kind = "sentence" if piece.kind == "heading" else piece.kind
    before = piece.before
    for part, after in parts:
        if part.strip():
            yield Piece(part, before, kind)
            before = after
        else:
            before += part + after


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        yield line, "\n"


def _words(piece: Piece, limit: int) -> Iterator[tuple[str, str]]:
    text = piece.text
    size = max(1, len(text) * limit // (piece.weight + limit // 4))  # uneven texts: a bit shorter
    start = 0
    while start < len(text):
        stop = min(start + size, len(text))
        space = text.rfind(" ", start + size // 2, stop + 1) if stop < len(text) else -1
        if space > start:
            yield text[start:space], " "
            start = space + 1
        else:
            stop = _untorn(text, start, stop, limit * CHARS_PER_TOKEN_MAX)
            yield text[start:stop], ""
            start = stop


def _untorn(text: str, start: int, stop: int, chars_max: int) -> int:
    """Move a cut behind the marks of a character, unless they alone are too long for a piece.

    Else a text of nothing but marks would be one piece however often it is divided.
    """
    joined = stop
    while joined < len(text) and _joins(text, joined):
        joined += 1
        if joined - stop > chars_max:
            return stop
    return stop if joined - start == len(text) else joined


def _joins(text: str, at: int) -> bool:
    """Whether cutting there would tear a character from its marks."""
    return text[at - 1] == "\u200d" or unicodedata.category(text[at]) in ("Mn", "Mc", "Me", "Cf")
