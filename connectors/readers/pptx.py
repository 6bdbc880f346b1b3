"""Read presentations (PPTX): slide by slide, each under its title.

A slide's speaker notes and comments follow it, and say what they are. Left out: hidden slides,
pictures, embedded files, and what stands on masters and layouts, since it is on every slide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from connectors.readers.blocks import block, under
from connectors.readers.damage import damaged
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.drawing import drawn, paragraphs, table_rows
from connectors.readers.libraries import lxml_version
from connectors.readers.markup import attribute, events, local
from connectors.readers.notes import counted_notes
from connectors.readers.ooxml import OfficePackage, Related
from connectors.readers.table_blocks import table
from schemas import Block

PPTX_VERSION = 1
"""Of the rules for this format: raise it when the same bytes give other blocks."""
WHAT = "presentation"
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")  # placeholders: date, footer, number, header
_LEFT_OUT = frozenset(("Fallback", "tbl", "txBody", "nvSpPr"))
_SAID = {
    "hidden": "{} hidden slides were left out",
    "noted": "the speaker notes of {} slides follow them, as such",
    "comments": "{} comments follow their slides, as such",
    "pictures": "{} pictures, sounds and films were not read",
    "embedded": "{} embedded files were not read",
}


def read_pptx(document: DocumentBytes) -> DocumentReading:
    """Read a presentation."""
    reading = DocumentReading()
    reading.blocks = _blocks(document.content, reading)
    return reading


def _blocks(content: bytes, reading: DocumentReading) -> Iterator[Block]:
    with damaged(WHAT):
        package = OfficePackage(content, WHAT)
        reading.title = package.title()
        counts: Counter[str] = Counter()
        for number, slide in enumerate(dict.fromkeys(_slides(package)), start=1):
            yield from _slide(package, slide, number, counts)
        counts["pictures"] = package.count("ppt/media/")
        counts["embedded"] = package.count("ppt/embeddings/")
        reading.notes += counted_notes(_SAID, counts)


def _slides(package: OfficePackage) -> Iterator[str]:
    """Name the slides in the order in which they are shown."""
    main = package.main()
    related = package.related(main)
    root = package.find(main)
    listed = [] if root is None else [one for one in root if local(one) == "sldIdLst"]
    for one in (slide for slides in listed for slide in slides):
        relation = next((v for k, v in one.attrib.items() if k.endswith("}id")), "")
        if relation in related:
            yield related[relation].part


def _slide(package: OfficePackage, part: str, number: int, counts: Counter[str]) -> Iterator[Block]:
    root = package.find(part)
    if root is None:
        return
    if attribute(root, "show") in ("0", "false"):
        counts["hidden"] += 1
        return
    related = package.related(part)
    shapes = list(_shapes(root))
    title = " ".join(text for kind, one in shapes if kind in _TITLES for text in paragraphs(one))
    body = _body(package, related, [one for kind, one in shapes if kind not in _TITLES], counts)
    if title:
        yield from block("heading", title, 1)
        yield from body
    else:
        yield from under(f"Slide {number}", body)


def _body(
    package: OfficePackage, related: dict[str, Related], shapes: list[Any], counts: Counter[str]
) -> Iterator[Block]:
    for one in shapes:
        yield from _shape(package, related, one)
    for there in related.values():
        if there.kind == "notesSlide":
            yield from _speaker_notes(package.find(there.part), counts)
        elif there.kind == "comments":
            yield from _comments(package.find(there.part), counts)


def _shapes(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield what holds text on a slide, with the kind of its placeholder; groups are opened."""
    kind = ""
    for begins, name, one in events(root, _LEFT_OUT):
        if not begins:
            continue
        if name in ("sp", "graphicFrame", "cxnSp", "pic"):
            kind = _placeholder(one)
        elif name in ("txBody", "tbl", "chart", "relIds") and kind not in _FURNITURE:
            yield kind, one


def _placeholder(shape: Any) -> str:
    place = next(iter(shape.iterfind("./{*}nvSpPr/{*}nvPr/{*}ph")), None)
    return "" if place is None else attribute(place, "type", "body")


def _shape(package: OfficePackage, related: dict[str, Related], one: Any) -> Iterator[Block]:
    if local(one) == "tbl":
        yield from table(table_rows(one))
    elif local(one) == "txBody":
        lines = list(paragraphs(one))
        yield from block("list" if len(lines) > 1 else "paragraph", "\n".join(lines))
    else:
        yield from drawn(package, related, one)


def _speaker_notes(root: Any | None, counts: Counter[str]) -> Iterator[Block]:
    shapes = () if root is None else _shapes(root)
    text = "\n".join(line for _, one in shapes for line in paragraphs(one))
    counts["noted"] += bool(text)
    if text:
        yield from block("paragraph", f"Speaker notes: {text}")


def _comments(root: Any | None, counts: Counter[str]) -> Iterator[Block]:
    for one in () if root is None else root:
        if local(one) not in ("cm", "comment"):
            continue
        texts = [text.text or "" for text in one.iter("{*}text")] or list(paragraphs(one))
        said = " ".join(filter(None, texts))
        counts["comments"] += bool(said)
        if said:
            yield from block("paragraph", f"Comment: {said}")


READER = DocumentReader("pptx", f"lxml-{lxml_version()}.{READER_VERSION}.{PPTX_VERSION}", read_pptx)
