"""Read pictures (PNG, JPEG, TIFF, WebP, GIF, BMP): what Tesseract recognises of them.

Sizes are looked at before anything is unpacked: a file of a kilobyte can hold a gigapixel.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.metadata import version

from PIL import Image

from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.guards import UnreadableDocument
from connectors.readers.plain import read_plain
from connectors.readers.recognition import Recognition
from schemas import Block

IMAGES_VERSION = 1
"""Of the rules for these formats: raise it when the same bytes give other blocks."""
WHAT = "picture"
PIXELS_MAX = 50_000_000  # of each page: A3 at 400 dots per inch has 31 million
PAGES_MAX = 200  # of a fax in TIFF
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")


def read_image(document: DocumentBytes) -> DocumentReading:
    """Read a picture."""
    recognition = Recognition()
    reading = DocumentReading(helpers=recognition.version)
    reading.blocks = _blocks(document.content, recognition, reading)
    return reading


def _blocks(content: bytes, recognition: Recognition, reading: DocumentReading) -> Iterator[Block]:
    _check_sizes(content)
    if not recognition.is_installed:
        raise UnreadableDocument(
            f"the document is a picture: {recognition.advice}, or submit its text"
        )
    reading.notes.append(f"the text was recognised by {recognition.version}, which may err")
    yield from read_plain(recognition.read(content))[1]


def _check_sizes(content: bytes) -> None:
    """Raise UnreadableDocument for what is no picture, or would be too large when unpacked."""
    Image.MAX_IMAGE_PIXELS = None  # checked here, for each page
    with damaged(WHAT), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        pages = getattr(image, "n_frames", 1)
        if pages > PAGES_MAX:
            raise UnreadableDocument(
                f"the picture has {pages} pages, more than {PAGES_MAX}: submit them in parts"
            )
        for page in range(pages):
            image.seek(page)
            width, height = image.size
            if width * height > PIXELS_MAX:
                raise UnreadableDocument(
                    f"the picture has {width} by {height} pixels, more than {PIXELS_MAX}: submit a "
                    "smaller one"
                )


READER = DocumentReader(
    "tesseract", f"pillow-{version('pillow')}.{READER_VERSION}.{IMAGES_VERSION}", read_image
)
