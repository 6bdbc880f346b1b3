"""Addresses of documents in the Model Context Protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mcp import types

from edge.problems import not_found

SCHEME = "playhead://documents/"
TEMPLATE = f"{SCHEME}{{document_id}}"
PASSAGE_TEMPLATE = f"{SCHEME}{{document_id}}/chunks/{{chunk_id}}"
_ADDRESS = re.compile(rf"{re.escape(SCHEME)}([\w.:-]{{1,64}})(?:/chunks/([\w.:-]{{1,128}}))?")


def address_of(document: str, chunk: str = "") -> str:
    """Spell where a document, or a chunk of it, is read."""
    return f"{SCHEME}{document}/chunks/{chunk}" if chunk else f"{SCHEME}{document}"


def parts_of_address(uri: str) -> tuple[str, str]:
    """Return document and chunk, which may be empty; raises Problem."""
    found = _ADDRESS.fullmatch(uri)
    if found is None:
        raise not_found(f"not an address of a document: they are spelt {TEMPLATE}")
    return found[1], found[2] or ""


def link_to(passage: Mapping[str, Any], quote: str | None = None) -> types.ResourceLink:
    """Link to the chunk that a passage or citation is of."""
    return types.ResourceLink(
        uri=address_of(passage["document_id"], passage["chunk_id"]),
        name=passage["title"] or passage["uri"],
        description=quote,
        mime_type="text/plain",
    )
