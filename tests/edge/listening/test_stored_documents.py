"""What is stored: which documents count, with how many bytes, for whom."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.listening.entries import Entry
from edge.listening.known_documents import KnownDocuments
from edge.listening.log_index import LogIndex
from edge.listening.stored_documents import StoredAs, StoredByTenant, size_of
from schemas import (
    Batch,
    ChunksIndexed,
    DocumentRef,
    DocumentSubmitted,
    DocumentWithdrawn,
    Manifest,
    Sealed,
)
from tests.fakes import a_meta

SEALED = Sealed(key="k", event="e", field="f", ciphertext=b"x" * 116)
CLAIMED = replace(SEALED, ciphertext=b"", claim="c")
MANIFEST = Manifest(checksum="c", parser="p", parser_version="1", policy="x", chunks=("c",))


def submitted(at, key="key-1", size=10, document="d", content=SEALED, tenant="acme"):
    meta = a_meta(tenant=tenant, session=document, request=f"r-{at}", at=at)
    return DocumentSubmitted(
        meta=meta,
        document=document,
        uri="u",
        media_type="text/plain",
        content=content,
        key=key,
        size=size,
    )


def withdrawn(at, document="d"):
    return DocumentWithdrawn(
        meta=a_meta(session=document, request=f"r-{at}", at=at), document=document
    )


def ended(at, outcome, document="d"):
    is_there = outcome == "indexed"
    return ChunksIndexed(
        meta=a_meta(session=document, request=f"r-{at}", at=at + 1),
        document=DocumentRef(document=document, version=at, uri="u"),
        batch=Batch(number=0, last=True),
        outcome=outcome,
        visible=is_there,
        position=at,
        manifest=MANIFEST if is_there else None,
    )


@pytest.fixture
def documents(tmp_path):
    index = LogIndex(tmp_path)
    yield KnownDocuments(index)
    index.close()


FIRST = [submitted(1), ended(1, "indexed")]


@pytest.mark.parametrize(
    ("events", "all_", "of_key"),
    [
        ([submitted(1)], (1, 10), (1, 10)),
        (FIRST, (1, 10), (1, 10)),
        ([submitted(1), ended(1, "failed")], (0, 0), (0, 0)),
        ([*FIRST, submitted(2, size=30)], (1, 30), (1, 30)),
        ([*FIRST, submitted(2, size=30, key="key-2")], (1, 30), (0, 0)),
        ([*FIRST, submitted(2, size=30), ended(2, "failed")], (1, 30), (1, 30)),
        ([*FIRST, withdrawn(2)], (1, 10), (1, 10)),
        ([*FIRST, withdrawn(2), ended(2, "withdrawn")], (0, 0), (0, 0)),
        (
            [*FIRST, withdrawn(2), ended(2, "withdrawn"), submitted(3), ended(3, "failed")],
            (0, 0),
            (0, 0),
        ),
        ([*FIRST, withdrawn(2), ended(2, "withdrawn"), submitted(3)], (1, 10), (1, 10)),
        ([*FIRST, withdrawn(2), replace(ended(2, "withdrawn"), position=0)], (0, 0), (0, 0)),
        ([*FIRST, *FIRST, *FIRST], (1, 10), (1, 10)),
        ([*FIRST, submitted(4, document="e", size=5)], (2, 15), (2, 15)),
        ([*FIRST, submitted(4, tenant="globex")], (1, 10), (1, 10)),
        ([ended(1, "indexed")], (0, 0), (0, 0)),
        ([submitted(1, key="k" * 10_000)], (1, 10), (0, 0)),
    ],
)
def test_a_document_counts_by_its_newest_version_until_it_is_withdrawn(
    documents, events, all_, of_key
):
    for offset, event in enumerate(events):
        documents.take(Entry(event, 0, offset, offset))
    assert documents.stored("acme") == all_
    assert documents.stored("acme", "key-1") == of_key


def test_what_a_document_counts_as_is_told_to_its_tenant_alone(documents):
    documents.take(Entry(submitted(1), 0, 0, 0))
    assert documents.stored_as("acme", "d") == StoredAs("key-1", 10)
    assert documents.stored_as("globex", "d") is None
    assert documents.stored_as("acme", "e") is None


@pytest.mark.parametrize(
    ("size", "content", "bytes_"),
    [(7, CLAIMED, 7), (0, SEALED, 100), (0, CLAIMED, 0), (-9, SEALED, 0)],
)
def test_of_a_record_of_before_the_ciphertext_tells_the_size(size, content, bytes_):
    assert size_of(submitted(1, size=size, content=content)) == bytes_


def test_who_has_nothing_left_is_not_kept():
    stored = StoredByTenant([("acme", "key-1", 1, 10)])
    stored.change("acme", StoredAs("key-1", 10), None)
    assert not stored._documents
    assert not stored._bytes
