"""Refuse what is no text, by how it begins or by its control characters."""

from __future__ import annotations

_CONTROLS = bytes((*range(9), *range(14, 27), *range(28, 32), 127))  # that text has no use for
_NOT_TEXT = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an RTF file"),
)


class UnreadableDocument(Exception):
    """A document that can't be read; the message says why and what to do, and quotes nothing."""


def refuse_other_formats(content: bytes) -> None:
    """Raise UnreadableDocument for a file of a format that is known and no text."""
    for magic, what in _NOT_TEXT:
        if content.startswith(magic):
            raise UnreadableDocument(f"this is {what}, not text: extract its text and submit that")


_MEDIA_TYPES = (
    (b"%PDF-", "a PDF file", "application/pdf"),
    (b"PK\x03\x04", "a ZIP or Office file", "the media type of its format"),
    (b"\x89PNG", "a PNG image", "image/png"),
    (b"\xff\xd8\xff", "a JPEG image", "image/jpeg"),
    (b"GIF8", "a GIF image", "image/gif"),
    (b"{\\rtf", "an RTF file", "application/rtf"),
)


def refuse_misnamed(content: bytes) -> None:
    """Raise UnreadableDocument for a file that is no text, but of a format that is read too."""
    for magic, what, media_type in _MEDIA_TYPES:
        if content.startswith(magic):
            raise UnreadableDocument(f"this is {what}, not text: submit it with {media_type}")


def refuse_binary(content: bytes) -> None:
    """Raise UnreadableDocument for bytes with more control characters than noise explains."""
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if controls > 16 + len(content) // 20:
        raise UnreadableDocument("this is binary data, not text: extract its text and submit that")
