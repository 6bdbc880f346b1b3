"""What a reader is: who makes blocks of a document's bytes, and by which rules and libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connectors.readers.charsets import declared_charset, declared_in, decode
from schemas import Block

READER_VERSION = 2
"""Of `blocks.py` and the readers of plain text, Markdown and HTML: raise it when the same bytes
give other blocks. Every other reader counts its own rules beside it."""


@dataclass(frozen=True)
class DocumentBytes:
    """A document's bytes, and what was said of them."""

    content: bytes
    kind: str
    """Its media type, in lower case and without parameters."""
    parameters: str = ""
    """Those of the media type, as submitted, such as `charset=utf-8`."""

    def text(self) -> str:
        """Turn the bytes into characters; raises UnreadableDocument for what is not text."""
        declared = declared_charset(self.parameters) or declared_in(self.kind, self.content)
        return decode(self.content, declared)


@dataclass
class DocumentReading:
    """A document as it is read: nothing but `blocks` may be looked at before these are used up."""

    blocks: Iterable[Block] = ()
    """In reading order; an iterator that reads on when it is asked, so that a large document never
    stands in memory as a whole. It raises UnreadableDocument, however far it came."""
    title: str = ""
    notes: list[str] = field(default_factory=list)
    """What was left out or joined, as sentences; they quote nothing."""
    helpers: str = ""
    """Programs that helped to read it, and their versions, where the reader can't tell ahead."""


@dataclass(frozen=True)
class DocumentReader:
    """Reads documents of a format. Raises UnreadableDocument for what it can't read."""

    name: str
    """As the manifest tells it."""
    version: str
    """Of its libraries and its rules: a record is held against those alone that read it."""
    read: Callable[[DocumentBytes], DocumentReading]


def of_text(
    read: Callable[[str], tuple[str, list[Block]]],
) -> Callable[[DocumentBytes], DocumentReading]:
    """Have a function read bytes that reads characters into a title and blocks."""

    def reading(document: DocumentBytes) -> DocumentReading:
        title, blocks = read(document.text())
        return DocumentReading(blocks, title)

    return reading
