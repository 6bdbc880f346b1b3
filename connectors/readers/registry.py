"""Who reads which media type; each module is loaded when the first document of its kind comes."""

from __future__ import annotations

from importlib import import_module

from connectors.readers.reader import DocumentReader

READERS = {
    "text/plain": "plain",
    "text/markdown": "markdown",
    "text/html": "html",
}
"""Media type -> module of this package, whose READER reads it."""


def reader_of(kind: str) -> DocumentReader | None:
    """Load who reads a media type, spelt in lower case and without parameters; None for nobody."""
    if kind not in READERS:
        return None
    reader: DocumentReader = import_module(f"connectors.readers.{READERS[kind]}").READER
    return reader
