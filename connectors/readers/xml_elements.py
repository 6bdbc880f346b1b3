"""Read XML of any vocabulary: its text in order, titles as headings, records as lines.

No entity is expanded but those of XML itself, no definition of a document is loaded, nothing is
fetched. What is broken or nests too deep for the library is read without its structure.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from lxml import etree

from connectors.readers.blocks import block, flat
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument
from connectors.readers.html import strip_tags
from connectors.readers.named_rows import refuse_too_many_cells
from connectors.readers.plain import read_plain
from schemas import Block

BROKEN = (
    "the document is no well-formed XML, or nests too deep: its text was read without structure"
)
ENTITIES = "entities of its own were not expanded"
RECORD_CHARS_MAX = 600  # of a record on one line
# fmt: off
_TITLES = frozenset((
    "title", "article-title", "subtitle", "head", "heading", "caption", "bridgehead", "titleabbrev",
))
_PROSE = frozenset((
    "p", "para", "simpara", "formalpara", "paragraph", "text", "body", "abstract", "note", "li",
    "listitem", "item", "entry", "td", "th", "line", "l", "s", "seg", "quote", "blockquote",
))
_NO_VALUES = frozenset((
    "p", "para", "simpara", "article-title", "programlisting", "screen", "codeblock", "preformat",
))
_CODE = frozenset(("programlisting", "screen", "code", "codeblock", "preformat", "pre"))
# fmt: on
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")


@dataclass
class XmlPage:
    """Reads elements into blocks in one walk, without recursion."""

    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    _level: int = 0
    """How many elements with a title are around."""
    _lines: list[str] = field(default_factory=list)

    def read(self, root: Any) -> None:
        """Walk the elements in reading order."""
        stack: list[tuple[Any, str]] = [(root, "enter")]
        while stack:
            element, what = stack.pop()
            if what == "leave":
                self._level -= 1
            elif not isinstance(element.tag, str):
                continue  # comments, instructions
            elif _is_prose(element) or not len(element):
                self._say(element)
            elif line := _record(element):
                self._lines.append(line)
            else:
                titled = self._open(element)
                if titled:
                    stack.append((element, "leave"))
                stack.extend((child, "enter") for child in reversed(element))
        self._flush()

    def _open(self, element: Any) -> bool:
        """Enter what holds elements; True where it has a title, which counts as a level."""
        if attributes := _attributes(element):
            self._lines.append(f"{_name(element)}: {attributes}")
        titled = any(_name(child) in _TITLES for child in element[:5])
        self._level += titled
        return titled

    def _say(self, element: Any) -> None:
        name, text = _name(element), _text_of(element)
        if name in _CODE and "\n" in text.strip():
            self._flush()
            self.blocks.extend(block("code", text))
            return
        text = flat(text)
        if name in _TITLES and text:
            self._flush()
            self.title = self.title or text
            self.blocks.extend(block("heading", text, min(6, max(1, self._level))))
            return
        said = "; ".join(filter(None, (_attributes(element), text)))
        if not said:
            return
        if name in _PROSE:
            self._flush()
            self.blocks.extend(block("paragraph", said))
        else:
            self._lines.append(f"{name}: {said}")

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        self.blocks.extend(block("list", "\n".join(lines)))


def _text_of(element: Any) -> str:
    """Read all text in an element, with a space where one part ends and the next begins at once."""
    parts: list[str] = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            if inner is not element and parts and parts[-1] == "":
                parts.append(" ")
            parts.append(inner.text or "")
        elif inner is not element:
            parts.append(inner.tail or "")
    return "".join(parts)


def _is_prose(element: Any) -> bool:
    """Whether text stands between the elements in it: then all of it is one paragraph."""
    if element.text and not element.text.isspace():
        return True
    return any(child.tail and not child.tail.isspace() for child in element)


def _record(element: Any) -> str:
    """Spell an element of small values on one line; nothing for any other."""
    if any(not isinstance(child.tag, str) or len(child) for child in element):
        return ""
    names = Counter(map(_name, element))
    if len(names) < 2 or names.keys() & _NO_VALUES:
        return ""
    parts = [_attributes(element)]
    chars = 0
    for child in element:
        said = "; ".join(filter(None, (_attributes(child), flat(child.text or ""))))
        chars += len(said)
        if chars > RECORD_CHARS_MAX:
            return ""
        parts.append(f"{_name(child)}: {said}" if said else "")
    line = "; ".join(filter(None, parts))
    return f"{_name(element)}: {line}" if line else ""


def _attributes(element: Any) -> str:
    return "; ".join(
        f"{name.rpartition('}')[2]}: {flat(value)}"
        for name, value in element.items()
        if value.strip()
    )


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def read_xml(text: str, notes: list[str]) -> tuple[str, list[Block]]:
    """Read title and blocks."""
    refuse_too_many_cells(text.count("<") + text.count("="))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        remove_comments=True, remove_pis=True, huge_tree=False, encoding="utf-8",
    )  # fmt: skip
    try:
        data = _DECLARATION.sub("", text, count=1).encode("utf-8", errors="replace")
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:  # type: ignore[attr-defined]
            raise MemoryError from error
        notes.append(BROKEN)
        return "", read_plain(strip_tags(text), notes)[1]
    if next(root.iter(etree.Entity), None) is not None:
        notes.append(ENTITIES)
    page = XmlPage()
    page.read(root)
    return page.title, page.blocks


def _read(document: DocumentBytes) -> DocumentReading:
    reading = DocumentReading()
    text = document.text()
    if not text.strip():
        raise UnreadableDocument("the document holds no text: submit one that does")
    reading.title, reading.blocks = read_xml(text, reading.notes)
    return reading


READER = DocumentReader(
    "xml", f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}.1", _read
)
