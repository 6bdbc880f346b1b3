"""The index in memory: what is found, scored again, fetched, and stands beside it."""

import numpy as np
import pytest

from bench.quality.memory_index import MemoryIndex
from connectors.token_vectors import NO_SCORE
from schemas import (
    DocumentRef,
    EmbeddedChunk,
    Fetch,
    FetchAdjacent,
    IndexChunks,
    PublishVersion,
    Rerank,
    Search,
)
from streams.running.world import Call

CALL = Call("acme", 0, "r", "s", "e", "playhead.query.rewritten", 7)
DOCUMENT = DocumentRef(document="d", version=1, uri="machine:d")
TEXTS = {"a": "The pump is red.", "b": "The tank holds the pump's water.", "c": "A green hill."}


def vector(*numbers):
    row = np.zeros(384, "<f4")
    row[: len(numbers)] = numbers
    return row.tobytes()


VECTORS = {"a": vector(1.0), "b": vector(0.6, 0.8), "c": vector(0.0, 1.0)}


@pytest.fixture
async def ask():
    index = MemoryIndex()

    async def asked(request, call=CALL):
        return await index.handlers()[type(request)](request, call)

    chunks = tuple(
        EmbeddedChunk(
            id=name, number=number, text=text, tokens=5, vector=VECTORS[name], token_vectors=b""
        )
        for number, (name, text) in enumerate(TEXTS.items())
    )
    written = await asked(IndexChunks(document=DOCUMENT, title="Plant", model="m", chunks=chunks))
    assert (written.count, written.position) == (3, 7)
    await asked(PublishVersion(document=DOCUMENT, chunks=("b", "a", "c")))
    asked.passages = index.passages
    return asked


async def test_words_and_vectors_name_candidates(ask):
    found = await ask(Search(text="red pumps", vector=VECTORS["c"], limit=3))
    by_chunk = {one.chunk: one for one in found.candidates}
    assert by_chunk["a"].lexical > by_chunk["b"].lexical > by_chunk["c"].lexical == 0.0
    assert [by_chunk[name].dense for name in "abc"] == [0.0, 0.8, 1.0]
    assert len((await ask(Search(text="red pumps", vector=b"", limit=1))).candidates) == 1


async def test_words_alone_find_where_nothing_was_embedded(ask):
    found = await ask(Search(text="the hill", vector=b"", limit=9))
    assert [one.chunk for one in found.candidates] == ["c"]


async def test_a_rare_word_counts_more_and_a_long_text_less(ask):
    found = await ask(Search(text="pump red water", vector=b"", limit=9))
    scores = {one.chunk: one.lexical for one in found.candidates}
    assert scores["a"] > scores["b"]  # as many of the words, in a shorter text


async def test_another_tenant_finds_nothing(ask):
    other = Call("other", 0, "r", "s", "e", "playhead.query.rewritten", 7)
    assert (await ask(Search(text="pump", vector=VECTORS["a"], limit=9), other)).candidates == ()
    assert [one.title for one in ask.passages("acme")] == ["Plant"] * 3
    assert ask.passages("other") == []


async def test_chunks_are_compared_with_each_other(ask):
    answer = await ask(Rerank(query=b"", model="m", chunks=("a", "b")))
    assert answer.scores == (NO_SCORE, NO_SCORE)
    assert np.frombuffer(answer.similarities, "<f4") == pytest.approx([1.0, 0.6, 0.6, 1.0])


async def test_passages_are_fetched_in_the_order_asked(ask):
    fetched = await ask(Fetch(chunks=("c", "a")))
    assert [one.text for one in fetched.passages] == [TEXTS["c"], TEXTS["a"]]


@pytest.mark.parametrize(
    ("chunks", "beside"), [("a", "bc"), ("b", "a"), ("c", "a"), ("ba", "c"), ("bac", "")]
)
async def test_what_stands_beside_is_told_by_the_versions_order(ask, chunks, beside):
    fetched = await ask(FetchAdjacent(chunks=tuple(chunks)))
    assert [one.chunk for one in fetched.passages] == [*beside]
