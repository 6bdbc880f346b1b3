"""Read HTML: the text a reader would see, without navigation."""

from __future__ import annotations

import html
import re
from importlib.metadata import version

import lxml.html
from lxml import etree

from connectors.readers.blocks import block
from connectors.readers.document_reader import READER_VERSION, DocumentReader, of_text
from connectors.readers.html_page import Page
from connectors.readers.plain import read_plain
from schemas import Block

_NEVER_TEXT = ("script", "style", "template", "noscript")
TAGS_MAX = 400_000  # a tree of more would take more memory than any page is worth
_LINE = "\u2028"  # stands for <br> until `normalise`, while newlines of the source are spaces


def read_html(text: str) -> tuple[str, list[Block]]:
    """Read HTML: the text a reader would see, without navigation."""
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
    if _cut_short(parser) or root is None:
        return "", read_plain(strip_tags(text))[1]
    etree.strip_elements(root, *_NEVER_TEXT, with_tail=False)
    for line_break in root.iter("br"):
        line_break.tail = _LINE + (line_break.tail or "")
    title = root.findtext(".//title") or ""
    for page in (Page(boilerplate=False), Page(boilerplate=True)):
        page.read(root)
        if page.blocks:
            break
    if not title:
        title = next((one.text for one in page.blocks if one.level == 1), "")
    return title, page.blocks or list(block("heading", title, 1))


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


READER = DocumentReader(
    "lxml",
    f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}.{READER_VERSION}",
    of_text(read_html),
)
