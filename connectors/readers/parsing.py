"""Read a document by its media type, or answer why it can't be read."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from connectors.readers.blocks import flat, normalise
from connectors.readers.guards import UnreadableDocument
from connectors.readers.reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.registry import READERS, reader_of
from schemas import Block, Parsed


def parse(media_type: str, content: bytes) -> Parsed:
    """Read a document into blocks by its media type, such as `text/html; charset=utf-8`."""
    *blocks, rest = read_on(media_type, content)
    assert isinstance(rest, Parsed)
    if rest.error:  # it turned out to be unreadable, however far reading came
        return rest
    return replace(rest, blocks=tuple(one for one in blocks if isinstance(one, Block)))


def read_on(media_type: str, content: bytes) -> Iterator[Block | Parsed]:
    """Yield the blocks of a document as they are read, then all else that was read."""
    kind, _, parameters = media_type.partition(";")
    kind = kind.strip().lower()
    reader = reader_of(kind)
    if reader is None:
        yield _unread(
            "this media type can't be read: submit "
            + ", ".join(sorted(READERS))
            + ", or convert the document to one of them"
        )
        return
    try:
        reading = reader.read(DocumentBytes(content, kind, parameters))
        empty = True
        for block in reading.blocks:
            empty = False
            yield block
        if empty:
            raise UnreadableDocument("the document holds no text: submit one that does")
    except UnreadableDocument as error:
        yield _unread(str(error), reader)
        return
    yield _read(reading, reader)


def _unread(error: str, reader: DocumentReader | None = None) -> Parsed:
    if reader is None:
        return Parsed(blocks=(), parser="", parser_version="", error=error)
    return Parsed(blocks=(), parser=reader.name, parser_version=reader.version, error=error)


def _read(reading: DocumentReading, reader: DocumentReader) -> Parsed:
    return Parsed(
        title=flat(normalise(reading.title)),
        blocks=(),
        parser=reader.name,
        parser_version=", ".join(filter(None, (reader.version, reading.helpers))),
    )
