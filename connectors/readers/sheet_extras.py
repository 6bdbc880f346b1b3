"""What stands beside the cells of an XLSX file: comments, charts and text boxes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from connectors.readers.blocks import block
from connectors.readers.drawing import chart, paragraphs
from connectors.readers.guards import UnreadableDocument
from connectors.readers.markup import attribute, local
from connectors.readers.ooxml import OfficePackage
from schemas import Block

_PLACE = re.compile(
    rb"<(?:[\w.-]{1,40}:)?(row|c)(?=[\s/>])|[\s\"']r\s*=\s*[\"']\s*([A-Za-z]{0,9})([0-9]{1,10})"
)
"""Where a row or cell begins, and where one says that it stands; however its attributes do."""


class SheetExtras:
    """Reads what the library for cells does not."""

    def __init__(self, content: bytes, what: str) -> None:
        """Open the file; raises UnreadableDocument."""
        self._package = OfficePackage(content, what)
        self._package.check_inflated()
        main = self._package.main()
        related = self._package.related(main)
        root = self._package.find(main)
        self._parts: dict[str, str] = {}
        """Name of a sheet -> its part."""
        for one in () if root is None else root.iter("{*}sheet"):
            key = next((value for name, value in one.attrib.items() if name.endswith("}id")), "")
            if key in related:
                self._parts[attribute(one, "name")] = related[key].part

    def title(self) -> str:
        """Return the title among the document's properties."""
        return self._package.title()

    def check_area(self, cells_max: int) -> None:
        """Raise UnreadableDocument for a sheet whose cells lie so far apart that memory runs out.

        The library keeps all cells between the first and the last.
        """
        for part in self._parts.values():
            rows, columns = _area(self._package.bytes_of(part))
            if rows * columns > cells_max:
                raise UnreadableDocument(
                    f"a sheet spans {rows} rows by {columns} columns, more than {cells_max} cells: "
                    "delete what stands far out, or split it, and submit that"
                )

    def of_sheet(self, name: str, counts: Counter[str]) -> Iterator[Block]:
        """Read what stands beside the cells of a sheet."""
        part = self._parts.get(name, "")
        names = _names(self._package, part)
        for kind, there in self._package.related(part).values():
            if kind in ("comments", "threadedComment"):
                yield from self._comments(there, names, counts)
            elif kind == "drawing":
                yield from self._drawing(there, counts)

    def _comments(self, part: str, names: dict[str, str], counts: Counter[str]) -> Iterator[Block]:
        root = self._package.find(part)
        if root is None:
            return
        authors = [one.text or "" for one in root.iter("{*}author")]
        for one in (*root.iter("{*}comment"), *root.iter("{*}threadedComment")):
            author = names.get(attribute(one, "personId"), _author(one, authors))
            text = " ".join("".join(part.text or "" for part in _said(one)).split())
            if author.startswith("tc="):  # a copy of a threaded comment, for old programs
                continue
            counts["comments"] += 1
            said = ": ".join(filter(None, (author, text)))
            yield from block("paragraph", f"Comment on {attribute(one, 'ref')}: {said}")

    def _drawing(self, part: str, counts: Counter[str]) -> Iterator[Block]:
        for kind, there in self._package.related(part).values():
            if kind == "chart" and (root := self._package.find(there)) is not None:
                counts["charts"] += 1
                yield from chart(root)
            counts["pictures"] += kind == "image"
        root = self._package.find(part)
        for body in () if root is None else root.iter("{*}txBody"):
            yield from block("paragraph", "\n".join(paragraphs(body)))


def _area(sheet: bytes) -> tuple[int, int]:
    """Return how many rows and columns a sheet spans; what says no place follows what is before."""
    rows = columns = unplaced_rows = unplaced = most_unplaced = 0
    begun = b""
    for tag, letters, digits in (place.groups() for place in _PLACE.finditer(sheet)):
        if tag:
            begun = tag
            most_unplaced = max(most_unplaced, unplaced)
            unplaced = unplaced + 1 if tag == b"c" else 0
            unplaced_rows += tag == b"row"
            continue
        rows, columns = max(rows, int(digits)), max(columns, _column(letters))
        unplaced -= begun == b"c"
        unplaced_rows -= begun == b"row"
        begun = b""
    return rows + unplaced_rows, columns + max(most_unplaced, unplaced)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _author(comment: Any, authors: list[str]) -> str:
    number = attribute(comment, "authorId", "x")
    known = number.isascii() and number.isdigit() and len(number) < 6 and int(number) < len(authors)
    return authors[int(number)] if known else ""


def _said(comment: Any) -> Iterator[Any]:
    """Yield what holds a comment's text, without the reading aid of other scripts."""
    for one in comment.iter("{*}t", "{*}text"):
        if local(one) == "t" or not len(one):
            yield one


def _names(package: OfficePackage, part: str) -> dict[str, str]:
    """Return the names of those who comment in threads, by the ids that stand in these."""
    if not part:
        return {}
    return {
        attribute(one, "id"): attribute(one, "displayName")
        for root in package.of_kind(package.main(), "person")
        for one in root
    }
