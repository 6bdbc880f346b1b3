"""Read XML that may be hostile: no entities, no network, no depth beyond libxml2's bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from lxml import etree

from connectors.readers.damage import damaged
from connectors.readers.guards import UnreadableDocument

_DECLARATIONS_BYTES = 65_536
"""Of the beginning: a document type stands before the first element."""


def xml_of(data: bytes, what: str) -> Any:
    """Parse XML into its root element; raises UnreadableDocument.

    No format that is read here declares entities, and what declares them is refused: they are how
    a kilobyte of XML becomes a gigabyte of text, or another file of this machine.
    """
    if b"<!ENTITY" in data[:_DECLARATIONS_BYTES]:
        raise UnreadableDocument(
            f"this {what} declares entities, which none needs: save it anew in the program it is "
            "from and submit that"
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    with damaged(what):
        root = etree.fromstring(data, parser)
        if root is None:
            raise ValueError(what)
        return root


def local(element: Any) -> str:
    """Return an element's name without its namespace: formats have two, of one meaning each."""
    tag: str = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str, default: str = "") -> str:
    """Return an attribute by its name without namespace, where it has one with or without."""
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, one in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(one)
    return default


def events(root: Any, skipped: Collection[str] = ()) -> Iterator[tuple[bool, str, Any]]:
    """Walk a tree once, by no recursion; yield whether an element begins, its name, and it.

    What is skipped begins and ends, but nothing in it does.
    """
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = local(element)
        begins = event == "start"
        yield begins, name, element
        if begins and (name in skipped):
            walk.skip_subtree()
