"""Read Word files (DOCX, ECMA-376 and ISO 29500 strict): what somebody sees who opens them.

Comments stand at the end, under a heading of their own, headers and footers too, each once. Left
out: deletions under track changes, hidden text, pictures, embedded files and the targets of links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.readers.blocks import block
from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.docx_numbering import ListNumbers
from connectors.readers.docx_story import Story
from connectors.readers.docx_styles import Styles
from connectors.readers.drawing import drawn
from connectors.readers.libraries import lxml_version
from connectors.readers.markup import attribute, local
from connectors.readers.notes import counted_notes
from connectors.readers.ooxml import OfficePackage
from schemas import Block

DOCX_VERSION = 1
"""Of the rules for this format: raise it when the same bytes give other blocks."""
WHAT = "Word file"
_SAID = {
    "deleted": "{} deletions under track changes were left out",
    "hidden": "{} stretches of hidden text were left out",
    "nested": "{} tables stood in cells of others and are told in one line",
    "pictures": "{} pictures were not read",
    "embedded": "{} embedded files were not read",
    "comments": "{} comments stand at the end",
    "headers": "{} headers and footers stand at the end, each once",
}


def read_docx(document: DocumentBytes) -> DocumentReading:
    """Read a Word file."""
    reading = DocumentReading()
    reading.blocks = _blocks(document.content, reading)
    return reading


def _blocks(content: bytes, reading: DocumentReading) -> Iterator[Block]:
    with damaged(WHAT):
        package = OfficePackage(content, WHAT)
        main = package.main()
        root = package.find(main)
        assert root is not None  # it is among the names
        related = package.related(main)
        story = Story(
            Styles.read(next(package.of_kind(main, "styles"), None)),
            ListNumbers.read(next(package.of_kind(main, "numbering"), None)),
            lambda drawing: drawn(package, related, drawing),
        )
        story.footnotes = dict(_footnotes(package, main))
        first = ""
        for one in story.read(root):
            first = first or (one.text if one.level == 1 else "")
            yield one
        reading.title = package.title() or next(iter(story.titles), "") or first
        story.counts["pictures"] = package.count("word/media/")
        story.counts["embedded"] = package.count("word/embeddings/")
        yield from _at_the_end(package, main, story)
        reading.notes += counted_notes(_SAID, story.counts)


def _footnotes(package: OfficePackage, main: str) -> Iterator[tuple[tuple[str, str], str]]:
    for kind in ("footnote", "endnote"):
        for root in package.of_kind(main, f"{kind}s"):
            for one in root:
                if attribute(one, "type", "normal") == "normal":
                    yield (f"{kind}Reference", attribute(one, "id")), _plain(one)


def _at_the_end(package: OfficePackage, main: str, story: Story) -> Iterator[Block]:
    comments = [
        ": ".join(filter(None, (attribute(one, "author"), text)))
        for root in package.of_kind(main, "comments")
        for one in root
        if local(one) == "comment" and (text := _plain(one))
    ]
    lines = dict.fromkeys(
        text
        for kind in ("header", "footer")
        for root in package.of_kind(main, kind)
        if (text := _plain(root))
    )
    story.counts["comments"], story.counts["headers"] = len(comments), len(lines)
    for line in lines:
        yield from block("paragraph", line)
    if comments:
        yield from block("heading", "Comments", 2)
        yield from block("list", "\n".join(comments))


def _plain(element: Any) -> str:
    """Join the text of a note, a comment or a header onto a line."""
    story = Story(Styles(), ListNumbers(), _nothing)
    return " ".join(" ".join(one.text.split()) for one in story.read(element))


def _nothing(_: Any) -> Iterable[Block]:
    return ()


READER = DocumentReader("docx", f"lxml-{lxml_version()}.{READER_VERSION}.{DOCX_VERSION}", read_docx)
