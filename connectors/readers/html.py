"""Read HTML: the text that a reader can see, without navigation."""

from __future__ import annotations

import html
import re
from importlib.metadata import version
from typing import Any

import lxml.html
from lxml import etree

from connectors.readers.blocks import block
from connectors.readers.document_reader import (
    READER_VERSION,
    DocumentBytes,
    DocumentReader,
    DocumentReading,
)
from connectors.readers.html_page import Page
from connectors.readers.html_views import seen_of
from connectors.readers.plain import read_plain
from schemas import Block

_NEVER_TEXT = ("script", "style", "template", "noscript")
_STRUCK = ("del", "s", "strike")
_PARAGRAPHS = frozenset(("p", "li", "dt", "dd", "div", "h1", "h2", "h3", "h4", "h5", "h6"))
STRIKE = "~~"
"""Stands around text that is struck out, as in Markdown: it is there, and no longer valid."""
_NUMBER = re.compile(r"[-+\u2212]?\d+")
TAGS_MAX = 400_000  # a tree of more would take more memory than any page is worth
_LINE = "\u2028"  # stands for <br> until `normalise`, while newlines of the source are spaces
TOO_DEEP = "the page nests too deep or has too many tags: its text was read without its structure"


def read_html(text: str, notes: list[str] | None = None) -> tuple[str, list[Block]]:
    """Read HTML: the text that a reader can see, without navigation; `notes` gains what was not."""
    notes = [] if notes is None else notes
    root = _parsed(text)
    if root is None:
        blocks = read_plain(strip_tags(text))[1]
        notes += [TOO_DEEP] if blocks else []  # else it is nothing but markup, such as one end tag
        return "", blocks
    _spell_marks(root)
    title = root.findtext(".//head/title") or root.findtext(".//title") or ""
    seen = seen_of(root)
    for page in (Page(seen, boilerplate=False), Page(seen, boilerplate=True)):
        page.read(root)
        if page.blocks:
            break
    notes.extend(page.notes())
    if not title:
        title = next((one.text for one in page.blocks if one.level == 1), "")
    return title, page.blocks or list(block("heading", title, 1))


def _parsed(text: str) -> Any:
    """Parse a page; None for one that is beyond the library."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    root = None
    if text.strip() and text.count("<") <= TAGS_MAX:
        try:
            data = text.encode("utf-8", errors="replace")
            root = lxml.html.document_fromstring(data, parser=parser)
        except (etree.ParserError, etree.XMLSyntaxError, ValueError):
            root = None  # nothing but markup, or markup beyond repair
    return None if _cut_short(parser) else root


def _spell_marks(root: Any) -> None:
    """Spell what is no text and says something all the same; drop what is never text."""
    etree.strip_elements(root, *_NEVER_TEXT, with_tail=False)
    for line_break in root.iter("br"):
        line_break.tail = _LINE + (line_break.tail or "")
    for struck in root.iter(*_STRUCK):
        inner = [child for child in struck if child.tag in _PARAGRAPHS]
        for one in inner or [struck]:
            _strike(one)
    for raised in root.iter("sup"):  # 10<sup>6</sup> is not 106
        if not len(raised) and _NUMBER.fullmatch((raised.text or "").strip()[:20]):
            raised.text = f"^{(raised.text or '').strip()}"
    for drawing in _outermost(root, "svg"):
        said = " ".join(" ".join(text.itertext()) for text in drawing.iter("text"))
        _replace(drawing, f" {said} " if said else "")
    for formula in _outermost(root, "math"):
        _replace(formula, _formula(formula))


def _strike(element: Any) -> None:
    """Put marks around what an element holds."""
    element.text = STRIKE + (element.text or "").lstrip()
    if len(element):
        element[-1].tail = (element[-1].tail or "") + STRIKE
    else:
        element.text += STRIKE


def _outermost(root: Any, tag: str) -> list[Any]:
    """List the elements of a kind that stand in none of their kind."""
    return [one for one in root.iter(tag) if next(one.iterancestors(tag), None) is None]


def _replace(element: Any, text: str) -> None:
    """Put a text in the place of all that an element holds."""
    tail = element.tail
    element.clear()
    element.tag, element.text, element.tail = "span", text, tail


def _formula(math: Any) -> str:
    """Spell a formula as TeX where the page does, else by its signs."""
    for note in math.iter("annotation"):
        if "tex" in (note.get("encoding") or "").lower() and note.text:
            return str(note.text)
    return str(math.get("alttext") or "") or " ".join(text.strip() for text in math.itertext())


def _cut_short(parser: etree.HTMLParser) -> bool:
    """Tell whether the page nests too deep for the library, so that the rest of it is missing.

    Raises MemoryError where it is missing because memory ran out: that says nothing of the page.
    """
    fatal = [entry for entry in parser.error_log if entry.level_name == "FATAL"]
    if any(entry.type_name == "ERR_NO_MEMORY" for entry in fatal):
        raise MemoryError
    return bool(fatal)


_TAG = re.compile(r"<(?:(?P<silent>script|style)\b|/?[a-z]|[!?])", re.IGNORECASE)
_BREAKING_TAG = re.compile(r"</?(?:p|div|br|li|tr|h[1-6])\b", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}


def strip_tags(text: str) -> str:
    """Take out tags, comments, scripts and styles in one pass, whatever their nesting."""
    parts: list[str] = []
    at = 0
    while tag := _TAG.search(text, at):
        start = tag.start()
        closer = "-->" if text.startswith("<!--", start) else ">"
        end = text.find(closer, start)
        if end < 0:
            break
        parts += (text[at:start], "\n" if _BREAKING_TAG.match(text, start) else " ")
        at = end + len(closer)
        if silent := tag.group("silent"):
            close = _CLOSING[silent.lower()].search(text, at)
            at = close.start() if close else len(text)
    parts.append(text[at:])
    return unescape("".join(parts))


_LONG_NUMBER = re.compile(r"&#([0-9]{1000,})")


def unescape(text: str) -> str:
    """Turn character references into characters, however many digits one has.

    Python refuses to read a number of more than 4,300 digits, and takes quadratic time over it.
    """
    return html.unescape(_LONG_NUMBER.sub(_shortened, text))


def _shortened(number: re.Match[str]) -> str:
    """Spell a number without the zeros before it, and by eight digits: no character has as many."""
    return "&#" + (number.group(1).lstrip("0")[:8] or "0")


def _read(document: DocumentBytes) -> DocumentReading:
    reading = DocumentReading()
    reading.title, reading.blocks = read_html(document.text(), reading.notes)
    return reading


READER = DocumentReader(
    "lxml",
    f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}.{READER_VERSION}",
    _read,
)
