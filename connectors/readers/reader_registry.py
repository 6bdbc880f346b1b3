"""Who reads which media type; each module is loaded when the first document of its kind comes."""

from __future__ import annotations

from importlib import import_module

from connectors.readers.document_reader import DocumentReader

READERS = {
    "text/plain": "plain",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "sheets",
    "application/vnd.ms-excel": "sheets",
    "application/vnd.oasis.opendocument.text": "opendocument",
    "application/vnd.oasis.opendocument.spreadsheet": "sheets",
    "application/vnd.oasis.opendocument.presentation": "opendocument",
    "application/epub+zip": "epub",
    "application/rtf": "rtf",
    "image/png": "images",
    "image/jpeg": "images",
    "image/tiff": "images",
    "image/webp": "images",
    "image/gif": "images",
    "image/bmp": "images",
}
"""Media type -> module of this package, whose READER reads it."""


def reader_of(kind: str) -> DocumentReader | None:
    """Load who reads a media type, spelt in lower case and without parameters; None for nobody."""
    if kind not in READERS:
        return None
    reader: DocumentReader = import_module(f"connectors.readers.{READERS[kind]}").READER
    return reader
