"""Read a document by its media type, or answer why it can't be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from connectors.readers.blocks import flat, normalise
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument
from connectors.readers.reader_registry import READERS, reader_of
from schemas import Block, Parsed

NOTES_MAX = 20  # that a manifest tells; a reader has some ten kinds of them
FORMATS = 1
"""All that is read here, by the rules of today; 0 is what 0.1.0 read, by its rules (`before/`)."""


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
    known, reader = _readers(kind, formats)
    if reader is None:
        yield Parsed(blocks=(), parser="", parser_version="", error=_unknown(sorted(known)))
        return
    document, reading = DocumentBytes(content, kind, parameters), DocumentReading()
    try:
        reading = reader.read(document)
        empty = True
        for block in reading.blocks:
            empty = False
            yield block
        if empty:
            raise UnreadableDocument(_empty(reading))
    except UnreadableDocument as error:
        yield _told(document, reading, reader, error=str(error))
        return
    yield _told(document, reading, reader)


def _readers(kind: str, formats: int) -> tuple[Collection[str], DocumentReader | None]:
    """Return which media types can be read, and who reads this one."""
    if formats:
        return READERS, reader_of(kind)
    from connectors.readers.before.readers_before import READERS_BEFORE

    return READERS_BEFORE, READERS_BEFORE.get(kind)


def _unknown(known: list[str]) -> str:
    return (
        f"this media type can't be read: submit {', '.join(known)}, or convert the document to one "
        "of them"
    )


def _empty(reading: DocumentReading) -> str:
    """Say that a document holds no text, and what it holds instead."""
    held = f": {'; '.join(reading.notes)}" if reading.notes else ""
    return f"the document holds no text{held}: submit one that does"


def _told(
    document: DocumentBytes, reading: DocumentReading, reader: DocumentReader, error: str = ""
) -> Parsed:
    helpers = dict.fromkeys([*document.helpers, reading.helpers])
    notes = dict.fromkeys([*document.notes, *reading.notes])
    return Parsed(
        title="" if error else flat(normalise(reading.title)),
        blocks=(),
        parser=reader.name,
        parser_version=", ".join(filter(None, (reader.version, *helpers))),
        notes=() if error else tuple(notes)[:NOTES_MAX],
        error=error,
    )
