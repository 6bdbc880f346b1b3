"""Passages and candidates of an index are held against the records of their chunks."""

import pytest
from msgspec.structs import replace

from replay.cross_checks.passages import IndexedChunks
from schemas import (
    Batch,
    Candidate,
    ChunksEmbedded,
    DocumentRef,
    EmbeddedChunk,
    Fetch,
    FetchAdjacent,
    Fetched,
    Found,
    Passage,
)
from tests.fakes import a_meta


def embedded(*texts, title="T", version=1, tenant="acme"):
    """A record of chunks, each called by its text."""
    return ChunksEmbedded(
        meta=a_meta(tenant=tenant),
        document=DocumentRef(document="d", version=version, uri="u"),
        batch=Batch(number=0, last=True),
        outcome="embedded",
        title=title,
        chunks=tuple(
            EmbeddedChunk(id=text, number=at, text=text, tokens=3, vector=b"v")
            for at, text in enumerate(texts)
        ),
    )


def a_passage(text, number=0, **fields):
    values = {
        "chunk": text,
        "document": "d",
        "version": 1,
        "number": number,
        "title": "T",
        "uri": "u",
        "text": text,
        "tokens": 3,
        "score": 0.5,
    }
    return Passage(**{**values, **fields})


def chunks(*events, elsewhere=()):
    indexed = IndexedChunks(lambda: elsewhere)
    for event in events:
        indexed.learn(event)
    return indexed


def told(indexed, *passages, asked=("a", "b")):
    return indexed.against_fetched("acme", Fetch(chunks=asked), Fetched(passages=passages))


def test_what_was_indexed_is_fetched_with_any_score_and_maybe_not_all_of_it():
    indexed = chunks(embedded("a", "b"))
    assert told(indexed, a_passage("a"), a_passage("b", 1)) == ""
    assert told(indexed, a_passage("b", 1)) == ""
    assert told(indexed) == ""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"text": "forged"}, "another text"),
        ({"title": "forged"}, "another text, title"),
        ({"uri": "forged"}, "another text, title or place"),
        ({"number": 4}, "another text, title or place"),
        ({"tokens": 4}, "another text"),
        ({"document": "other"}, "another text"),
        ({"version": 2}, "fetches version 2"),
        ({"version": 0}, "fetches version 0"),
        ({"chunk": "c"}, "in another order than they were asked for, or others"),
    ],
)
def test_what_no_record_of_the_chunk_says_is_told(fields, says):
    assert says in told(chunks(embedded("a", "b")), replace(a_passage("a"), **fields))


def test_a_chunk_that_is_not_on_the_log_is_told():
    assert "no record of chunks holds" in told(chunks(embedded("b")), a_passage("a"))
    assert "no record of chunks holds" in told(chunks(embedded("a", tenant="x")), a_passage("a"))


def test_passages_come_in_the_order_in_which_they_were_asked_for():
    indexed = chunks(embedded("a", "b"))
    assert "in another order" in told(indexed, a_passage("b", 1), a_passage("a"))
    assert "in another order" in told(indexed, a_passage("a"), a_passage("a"))


def test_a_chunk_that_was_written_again_has_both_forms_and_any_version_of_its_document():
    indexed = chunks(embedded("a"), embedded("a", title="New", version=3))
    for title, version in (("T", 3), ("New", 3), ("T", 1)):
        assert told(indexed, a_passage("a", title=title, version=version)) == ""
    assert told(indexed, a_passage("a", version=4))


def test_what_stands_beside_a_chunk_is_of_its_document_and_on_the_log():
    other = replace(embedded("x"), document=DocumentRef(document="e", version=1, uri="u"))
    indexed = chunks(embedded("a", "b"), other)

    def told_beside(*passages):
        request = FetchAdjacent(chunks=("a", "gone"))
        return indexed.against_adjacent("acme", request, Fetched(passages=passages))

    assert told_beside(a_passage("b", 1)) == told_beside() == ""
    assert "beside other chunks" in told_beside(a_passage("x", document="e"))
    assert "another text" in told_beside(replace(a_passage("b", 1), text="forged"))
    assert "no record of chunks" in told_beside(a_passage("c", 1))


def test_other_lanes_are_read_once_and_only_where_a_chunk_is_not_in_this_one():
    reads = []

    def elsewhere():
        reads.append(1)
        return [embedded("b", "a")]

    indexed = IndexedChunks(elsewhere)
    indexed.learn(embedded("x"))
    assert told(indexed, a_passage("x"), asked=("x",)) == ""
    assert reads == []
    assert told(indexed, a_passage("b")) == ""
    assert "no record" in told(indexed, a_passage("c"), asked=("c",))
    assert reads == [1]


def found(chunk, document):
    return Found(
        candidates=(Candidate(chunk=chunk, document=document, dense=0.1, lexical=0.1, score=0.1),),
        index="i",
    )


@pytest.mark.parametrize(
    ("chunk", "document", "says"),
    [("a", "d", ""), ("a", "e", "another document than its own"), ("c", "d", "no record of")],
)
def test_a_candidate_is_a_chunk_of_its_document(chunk, document, says):
    told = chunks(embedded("a")).against_found("acme", found(chunk, document))
    assert says in told
    assert bool(told) is bool(says)
