"""Read books (EPUB): the chapters in the order of the spine, each as the page of HTML that it is.

Left out: pictures, sounds, scripts, and what the spine does not name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote

from connectors.readers.archives import Archive, protected
from connectors.readers.charsets import declared_in, decode
from connectors.readers.damage import damaged
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument
from connectors.readers.html import READER as HTML
from connectors.readers.html import read_html
from connectors.readers.markup import attribute, local, xml_of
from schemas import Block

EPUB_VERSION = 1
"""Of the rules for this format: raise it when the same bytes give other blocks."""
WHAT = "EPUB book"
CHAPTERS_MAX = 10_000  # that a spine names, each once
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_COUNT = re.compile(r": \d+\Z")  # at the end of what is told of a page
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(document: DocumentBytes) -> DocumentReading:
    """Read a book."""
    reading = DocumentReading()
    reading.blocks = _blocks(document.content, reading)
    return reading


def _blocks(content: bytes, reading: DocumentReading) -> Iterator[Block]:
    with damaged(WHAT):
        archive = Archive(content, WHAT)
        if _CONTAINER not in archive.names:
            raise UnreadableDocument("this is no EPUB book: submit it with its own media type")
        place = _package(xml_of(archive.read(_CONTAINER), WHAT))
        package = xml_of(archive.read(place), WHAT)
        reading.title = next((one.text or "" for one in package.iter("{*}title")), "")
        chapters = list(dict.fromkeys(_chapters(package, place)))
        if set(chapters) & _encrypted(archive):
            raise UnreadableDocument(protected(WHAT))
        missing = 0
        told: Counter[str] = Counter()
        for chapter in chapters[:CHAPTERS_MAX]:
            if chapter not in archive.names:
                missing += 1
                continue
            data = archive.read(chapter)
            notes: list[str] = []
            yield from read_html(decode(data, declared_in("text/html", data)), notes)[1]
            told.update({_COUNT.sub("", note) for note in notes})
        reading.notes += (f"{note}, in {count} chapters" for note, count in sorted(told.items()))
        if missing:
            reading.notes.append(f"{missing} chapters that the book names are not in it")
        if len(chapters) > CHAPTERS_MAX:
            reading.notes.append(f"chapters after the first {CHAPTERS_MAX} were left out")


def _package(container: Any) -> str:
    for one in container.iter("{*}rootfile"):
        return attribute(one, "full-path")
    raise UnreadableDocument("this EPUB book names no content: save it anew and submit that")


def _chapters(package: Any, place: str) -> Iterator[str]:
    """Name the pages in reading order."""
    items = {
        attribute(one, "id"): one
        for one in package.iter("{*}item")
        if attribute(one, "media-type") in _PAGES
    }
    for one in package.iter("{*}itemref"):
        item = items.get(attribute(one, "idref"))
        if item is not None:
            href = unquote(attribute(item, "href").partition("#")[0])
            yield normpath(join(dirname(place), href))


def _encrypted(archive: Archive) -> set[str]:
    """Name what is encrypted: of a book that may be read, at most its fonts."""
    if _ENCRYPTION not in archive.names:
        return set()
    root = xml_of(archive.read(_ENCRYPTION), WHAT)
    return {
        unquote(attribute(one, "URI")) for one in root.iter() if local(one) == "CipherReference"
    }


READER = DocumentReader("epub", f"{HTML.name}-{HTML.version}.{EPUB_VERSION}", read_epub)
