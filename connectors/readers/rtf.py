"""Read RTF: its paragraphs and the rows of its tables. Its headings are told by no word of it.

Left out: pictures, embedded files, footnotes, comments, text boxes, headers and footers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby

from striprtf.striprtf import rtf_to_text

from connectors.readers.blocks import block, normalise
from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.guards import UnreadableDocument
from connectors.readers.table_blocks import table
from schemas import Block

RTF_VERSION = 1
"""Of the rules for this format: raise it when the same bytes give other blocks."""
WHAT = "RTF file"
NESTING_MAX = 1_000  # groups within groups
_BRACES = re.compile(rb"\\[{}\\]|([{}])")
_LEFT_OUT = {
    "{} pictures were not read": re.compile(rb"(?<!\\)\\pict\b"),
    "{} footnotes were not read": re.compile(rb"(?<!\\)\\footnote\b"),
    "{} comments were not read": re.compile(rb"(?<!\\)\\annotation\b"),
    "{} text boxes were not read": re.compile(rb"(?<!\\)\\shptxt\b"),
    "{} headers and footers were not read": re.compile(rb"(?<!\\)\\(?:header|footer)[lrf]?\b"),
}
_PICTURE_GROUP = re.compile(rb"\{\\pict\b(?:[^{}]|\{[^{}]*+\})*+\}")
_FIELD = re.compile(rb"\{\\field")
_LINK = re.compile(rb"(\\fldinst[^}]{0,200}?)HYPERLINK")  # its target is left out, as of HTML
_FONTS = re.compile(rb"\{\\fonttbl")
_FONT = re.compile(rb"\\f(\d{1,5})(?:(?!\\f\d)[^;]){0,200}?\\fcharset(\d{1,3})")
FONTS_BYTES_MAX = 262_144  # of a table of fonts: some thousands
_CELL = "|"  # what the library puts behind each cell


def read_rtf(document: DocumentBytes) -> DocumentReading:
    """Read an RTF file."""
    content = document.content
    if not content.lstrip().startswith(b"{\\rtf"):
        raise UnreadableDocument("this is no RTF file: submit it with its own media type")
    depth = deepest = 0
    for brace in _BRACES.finditer(content):
        depth += {b"{": 1, b"}": -1}.get(brace.group(1) or b"", 0)
        deepest = max(deepest, depth)
    if deepest > NESTING_MAX:
        raise UnreadableDocument(
            f"this {WHAT} nests {deepest} groups, more than any real one: convert it to plain text"
        )
    with damaged(WHAT):
        # bytes beyond ASCII are not of the format, but written: by programs of Windows
        plain = tamed(content).decode("cp1252", errors="replace")
        text = rtf_to_text(plain, errors="replace")
    counts = {words: len(sign.findall(content)) for words, sign in _LEFT_OUT.items()}
    notes = [words.format(count) for words, count in counts.items() if count]
    return DocumentReading(_blocks(normalise(text)), notes=notes)


def tamed(content: bytes) -> bytes:
    """Take out what the library takes quadratic time over, and what says nothing.

    Its patterns look from each font to the end of the table of fonts, and from each field to the
    end of the line. So the table is spelt anew, and each field has a line of its own.
    """
    content = _PICTURE_GROUP.sub(b"", content)
    content = _FIELD.sub(rb"\n{\\field", content)
    content = _LINK.sub(rb"\1", content)
    table = _FONTS.search(content)
    if table is None:
        return content
    end = _group_end(content, table.start())
    fonts = dict(_FONT.findall(content[table.start() : end][:FONTS_BYTES_MAX]))
    spelt = b"".join(b"{\\f%b\\fcharset%b A;}" % font for font in fonts.items())
    return content[: table.start()] + b"{\\fonttbl" + spelt + b"}" + content[end:]


def _group_end(content: bytes, start: int) -> int:
    """Find where a group ends that begins at a place."""
    depth = 0
    for brace in _BRACES.finditer(content, start):
        depth += {b"{": 1, b"}": -1}.get(brace.group(1) or b"", 0)
        if depth == 0:
            return brace.end()
    return len(content)


def _blocks(text: str) -> Iterator[Block]:
    for in_table, lines in groupby(text.split("\n"), key=_is_row):
        if in_table:
            yield from table(line.rstrip().removesuffix(_CELL).split(_CELL) for line in lines)
        else:
            for line in lines:
                yield from block("paragraph", line)


def _is_row(line: str) -> bool:
    return line.rstrip().endswith(_CELL)


READER = DocumentReader(
    "striprtf", f"{version('striprtf')}.{READER_VERSION}.{RTF_VERSION}", read_rtf
)
