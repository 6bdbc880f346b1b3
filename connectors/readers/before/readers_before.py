"""Who read what by the rules of 0.1.0: text, Markdown and HTML, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from lxml import etree

from connectors.readers.before.html_as_shown import read_html
from connectors.readers.before.markdown_without_targets import read_markdown
from connectors.readers.before.plain_as_wrapped import read_plain
from connectors.readers.charsets import declared_charset, declared_in, decode
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from schemas import Block

RULES_BEFORE = 2
"""Their version, as 0.1.0 and the first development versions of 0.2.0 recorded it."""
_LXML = f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}.{RULES_BEFORE}"


def _of_text(
    read: Callable[[str], tuple[str, list[Block]]],
) -> Callable[[DocumentBytes], DocumentReading]:
    def reading(document: DocumentBytes) -> DocumentReading:
        declared = declared_charset(document.parameters)
        declared = declared or declared_in(document.kind, document.content)
        title, blocks = read(decode(document.content, declared))
        return DocumentReading(blocks, title)

    return reading


READERS_BEFORE = {
    "text/plain": DocumentReader("plain", f"{RULES_BEFORE}", _of_text(read_plain)),
    "text/markdown": DocumentReader(
        "markdown-it-py", f"{version('markdown-it-py')}+lxml-{_LXML}", _of_text(read_markdown)
    ),
    "text/html": DocumentReader("lxml", _LXML, _of_text(read_html)),
}
"""Media type -> reader, with its name and version as the manifest told them."""
