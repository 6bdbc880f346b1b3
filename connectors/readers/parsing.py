"""Read a document by its media type, or answer why it can't be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from connectors.readers.blocks import flat, normalise
from connectors.readers.guards import UnreadableDocument
from connectors.readers.reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.registry import READERS, reader_of
from schemas import Block, Parsed

NOTES_MAX = 32  # of a document: the manifest travels in one record
RULES = 1
"""By which documents are read today; 0 are those of 0.1.0 (`before/`)."""


def parse(media_type: str, content: bytes, rules: int = RULES) -> Parsed:
    """Read a document into blocks by its media type, such as `text/html; charset=utf-8`."""
    *blocks, rest = read_on(media_type, content, rules)
    assert isinstance(rest, Parsed)
    if rest.error:  # it turned out to be unreadable, however far reading came
        return rest
    return replace(rest, blocks=tuple(one for one in blocks if isinstance(one, Block)))


def read_on(media_type: str, content: bytes, rules: int = RULES) -> Iterator[Block | Parsed]:
    """Yield the blocks of a document as they are read, then all else that was read."""
    kind, _, parameters = media_type.partition(";")
    kind = kind.strip().lower()
    readable, reader = _readers(kind, rules)
    if reader is None:
        yield _unread(
            "this media type can't be read: submit "
            + ", ".join(sorted(readable))
            + ", or convert the document to one of them"
        )
        return
    try:
        document = DocumentBytes(content, kind, parameters)
        reading = reader.read(document)
        empty = True
        for block in reading.blocks:
            empty = False
            yield block
        if empty:
            raise UnreadableDocument("the document holds no text: submit one that does")
    except UnreadableDocument as error:
        yield _unread(str(error), reader)
        return
    yield _read(document, reading, reader)


def _readers(kind: str, rules: int) -> tuple[Collection[str], DocumentReader | None]:
    """Return which media types can be read by some rules, and who reads this one."""
    if rules >= RULES:
        return READERS, reader_of(kind)
    from connectors.readers.before.readers_before import READERS_BEFORE

    return READERS_BEFORE, READERS_BEFORE.get(kind)


def _unread(error: str, reader: DocumentReader | None = None) -> Parsed:
    if reader is None:
        return Parsed(blocks=(), parser="", parser_version="", error=error)
    return Parsed(blocks=(), parser=reader.name, parser_version=reader.version, error=error)


def _read(document: DocumentBytes, reading: DocumentReading, reader: DocumentReader) -> Parsed:
    helpers = dict.fromkeys([*document.helpers, reading.helpers])
    notes = dict.fromkeys([*document.notes, *reading.notes])
    return Parsed(
        title=flat(normalise(reading.title)),
        blocks=(),
        parser=reader.name,
        parser_version=", ".join(filter(None, (reader.version, *helpers))),
        notes=tuple(notes)[:NOTES_MAX],
    )
