"""The package of an Office file (ECMA-376, part 2): parts, and the relationships between them."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname, join, normpath
from typing import Any, NamedTuple

from connectors.readers.archives import Archive
from connectors.readers.guards import UnreadableDocument
from connectors.readers.markup import attribute, local, xml_of

PARTS_MAX = 5_000  # that are read of one file, each as often as it is referred to


class Related(NamedTuple):
    """Another part that a part refers to."""

    kind: str
    """The last word of the type, such as `image`: its beginning differs between editions."""
    part: str


class OfficePackage:
    """Parts of an Office file, read when they are asked for."""

    def __init__(self, content: bytes, what: str) -> None:
        """Open it; raises UnreadableDocument."""
        self.what = what
        self._archive = Archive(content, what)
        self._parts_left = PARTS_MAX

    def main(self) -> str:
        """Name the part that the document begins in; raises UnreadableDocument."""
        for related in self.related("").values():
            if related.kind == "officeDocument" and related.part in self._archive.names:
                return related.part
        raise UnreadableDocument(f"this is no {self.what}: submit it with its own media type")

    def title(self) -> str:
        """Return the title among the document's properties."""
        for related in self.related("").values():
            if related.kind == "core-properties" and (root := self.find(related.part)) is not None:
                return next((one.text or "" for one in root if local(one) == "title"), "")
        return ""

    def related(self, part: str) -> dict[str, Related]:
        """Return what a part refers to within the file, by the id that its text uses."""
        folder, _, name = part.rpartition("/")
        rels = self.find(join(folder, "_rels", f"{name}.rels"))
        if rels is None:
            return {}
        return {
            attribute(one, "Id"): Related(
                attribute(one, "Type").rpartition("/")[2], _target(part, attribute(one, "Target"))
            )
            for one in rels
            if local(one) == "Relationship" and attribute(one, "TargetMode") != "External"
        }

    def find(self, part: str) -> Any | None:
        """Parse a part; None where there is none."""
        if part not in self._archive.names:
            return None
        self._parts_left -= 1
        if self._parts_left < 0:
            raise UnreadableDocument(
                f"this {self.what} has more than {PARTS_MAX} parts that refer to each other: "
                "split it, or convert it to plain text, and submit that"
            )
        return xml_of(self._archive.read(part), self.what)

    def bytes_of(self, part: str) -> bytes:
        """Inflate a part; nothing where there is none."""
        return self._archive.read(part) if part in self._archive.names else b""

    def check_inflated(self) -> None:
        """Hold the sizes of parts against what is said of them, as `Archive` does."""
        self._archive.check_inflated()

    def of_kind(self, part: str, kind: str) -> Iterator[Any]:
        """Parse the parts of a kind that a part refers to."""
        for related in self.related(part).values():
            if related.kind == kind and (root := self.find(related.part)) is not None:
                yield root

    def count(self, prefix: str) -> int:
        """Count the entries whose names begin so."""
        return sum(name.startswith(prefix) for name in self._archive.names)


def _target(part: str, target: str) -> str:
    return normpath(join("/", dirname(part), target)).lstrip("/")
