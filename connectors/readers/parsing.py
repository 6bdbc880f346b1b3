"""Read a document by its media type, or answer why it can't be read."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from connectors.readers.blocks import flat, normalise
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument, refuse_misnamed
from connectors.readers.reader_registry import READERS, reader_of
from schemas import Block, Parsed

NOTES_MAX = 20  # that a manifest tells; a reader has some ten kinds of them
FIRST_FORMATS = ("text/html", "text/markdown", "text/plain")
FORMATS = 1
"""All that is read here."""


def parse(media_type: str, content: bytes, formats: int = FORMATS) -> Parsed:
    """Read a document into blocks by its media type, such as `text/html; charset=utf-8`."""
    *blocks, rest = read_on(media_type, content, formats)
    assert isinstance(rest, Parsed)
    if rest.error:  # it turned out to be unreadable, however far reading came
        return rest
    return replace(rest, blocks=tuple(one for one in blocks if isinstance(one, Block)))


def read_on(media_type: str, content: bytes, formats: int) -> Iterator[Block | Parsed]:
    """Yield the blocks of a document as they are read, then all else that was read.

    `formats` is as in `Parse`: 0 for those of 0.1.0 alone, as logs of its time hold it.
    """
    kind, _, parameters = media_type.partition(";")
    kind = kind.strip().lower()
    reader = reader_of(kind) if formats or kind in FIRST_FORMATS else None
    if reader is None:
        known = READERS if formats else FIRST_FORMATS
        yield Parsed(blocks=(), parser="", parser_version="", error=_unknown(sorted(known)))
        return
    reading = DocumentReading()
    try:
        if formats and kind in FIRST_FORMATS:
            refuse_misnamed(content)
        reading = reader.read(DocumentBytes(content, kind, parameters))
        empty = True
        for block in reading.blocks:
            empty = False
            yield block
        if empty:
            raise UnreadableDocument(_empty(reading))
    except UnreadableDocument as error:
        yield _told(reading, reader, error=str(error))
        return
    yield _told(reading, reader)


def _unknown(known: list[str]) -> str:
    return (
        f"this media type can't be read: submit {', '.join(known)}, or convert the document to one "
        "of them"
    )


def _empty(reading: DocumentReading) -> str:
    """Say that a document holds no text, and what it holds instead."""
    held = f": {'; '.join(reading.notes)}" if reading.notes else ""
    return f"the document holds no text{held}: submit one that does"


def _told(reading: DocumentReading, reader: DocumentReader, error: str = "") -> Parsed:
    return Parsed(
        title="" if error else flat(normalise(reading.title)),
        blocks=(),
        parser=reader.name,
        parser_version=", ".join(filter(None, (reader.version, reading.helpers))),
        notes=() if error else tuple(reading.notes[:NOTES_MAX]),
        error=error,
    )
