"""Descriptions: what the index holds of documents that a policy decides by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connectors.weaviate.objects import group_of_value
from connectors.weaviate.tenant_objects import ReadObject
from connectors.weaviate.visibility import DocumentHistory
from schemas import Candidate, DescribedDocument


def described(
    candidates: Iterable[Candidate],
    histories: Mapping[str, DocumentHistory],
    objects: Sequence[ReadObject],
    as_of: int = -1,
) -> tuple[DescribedDocument, ...]:
    """Describe the documents of candidates, by id, as they are now (-1) or were at a position.

    The index holds a property as `key=value`. A document with two values of one key, which takes a
    key with `=` in it, is left out: nobody can tell them apart, so nobody may decide by them.
    """
    uris = {one.properties["document"]: one.properties["uri"] or "" for one in objects}
    told = []
    for document in sorted({candidate.document for candidate in candidates}):
        readers = histories[document].readers_at(as_of)
        pairs = [entry.partition("=") for entry in readers.metadata]
        metadata = {key: value for key, _, value in pairs}
        if len(metadata) < len(pairs):
            continue
        groups = (group_of_value(value) for value in readers.groups)
        told.append(
            DescribedDocument(
                document=document,
                uri=uris.get(document, ""),
                metadata=dict(sorted(metadata.items())),
                groups=tuple(sorted(group for group in groups if group is not None)),
            )
        )
    return tuple(told)
