"""Read a document by its media type, or answer why it can't be read."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from lxml import etree

from connectors.readers.blocks import flat, normalise
from connectors.readers.charsets import declared_charset, declared_in, decode
from connectors.readers.guards import UnreadableDocument
from connectors.readers.html import read_html
from connectors.readers.markdown import read_markdown
from connectors.readers.plain import read_plain
from schemas import Block, Parsed

READER_VERSION = 2
"""Of the rules of this package: raise it when the same bytes give other blocks."""

_LXML = f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}.{READER_VERSION}"
READERS: dict[str, tuple[Callable[[str], tuple[str, list[Block]]], str, str]] = {
    "text/plain": (read_plain, "plain", f"{READER_VERSION}"),
    "text/markdown": (
        read_markdown,
        "markdown-it-py",
        f"{version('markdown-it-py')}+lxml-{_LXML}",
    ),
    "text/html": (read_html, "lxml", _LXML),
}
"""Who reads which of MEDIA_TYPES, its name and version, as the manifest tells them."""


def parse(media_type: str, content: bytes) -> Parsed:
    """Read a document into blocks by its media type, such as `text/html; charset=utf-8`."""
    kind, _, parameters = media_type.partition(";")
    kind = kind.strip().lower()
    reader, parser, parser_version = READERS.get(kind, (None, "", ""))
    try:
        if reader is None:
            raise UnreadableDocument(
                "this media type can't be read: submit "
                + ", ".join(sorted(READERS))
                + ", or convert the document to one of them"
            )
        text = decode(content, declared_charset(parameters) or declared_in(kind, content))
        title, blocks = reader(text)
        if not blocks:
            raise UnreadableDocument("the document holds no text: submit one that does")
    except UnreadableDocument as error:
        return Parsed(blocks=(), parser=parser, parser_version=parser_version, error=str(error))
    return Parsed(
        title=flat(normalise(title)),
        blocks=tuple(blocks),
        parser=parser,
        parser_version=parser_version,
    )
