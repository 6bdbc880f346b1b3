"""Read what is written in lines: source code, configurations, logs. No line is joined or moved.

Code is parted at the definitions of its top level: at a line that begins at the margin behind a
blank one, unless it closes what stands above it. That holds for the languages that are indented, so
no grammar of any is needed; tree-sitter would take a wheel for each, 0.3 to 3 MB, and says of
chunks what the margin says. Sections in brackets are headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.readers.blocks import block, normalise
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from schemas import Block

LINES_MIN = 4  # of a block: what is shorter goes with what follows
_SECTION = re.compile(r"\[{1,2}[^\[\]\n]{1,200}\]{1,2}\s*(?:[#;].*)?")
_CLOSING = re.compile(r"\s|[)}\]]|end\b|else\b|elif\b|except\b|finally\b|catch\b|#endif|#else")
_OPENS_VALUE = re.compile(r"[A-Za-z0-9_\"'.-]+\s*:(?:\s|$)")


def read_lines(text: str, *, sections: bool = False, mapping: bool = False) -> Iterator[Block]:
    """Read lines into blocks of code; `sections` are headings, names of a `mapping` begin one."""
    held: list[str] = []
    blank = False
    for line in normalise(text).split("\n"):
        if sections and _SECTION.fullmatch(line):
            yield from block("code", "\n".join(held))
            yield from block("heading", line, 2)
            held, blank = [], False
            continue
        begins = blank if not mapping else _OPENS_VALUE.match(line) is not None
        if line and begins and len(held) >= LINES_MIN and not _CLOSING.match(line):
            yield from block("code", "\n".join(held))
            held = []
        held.append(line)
        blank = not line.strip()
    yield from block("code", "\n".join(held))


def _read(document: DocumentBytes) -> DocumentReading:
    return DocumentReading(
        read_lines(
            document.text(),
            sections=document.kind in ("application/toml", "text/x-ini"),
            mapping=document.kind == "application/yaml",
        )
    )


READER = DocumentReader("lines", "1", _read)
