"""Canned answers have the sizes of real ones, are the same every time, and keep tenants apart."""

import re

import pytest

from bench.synthetic.answers import DIMENSIONS, CannedModels
from bench.synthetic.request_maker import PEOPLE, TENANTS
from schemas import (
    Classify,
    Detect,
    DocumentRef,
    Embed,
    EmbeddedChunk,
    Fetch,
    Generate,
    IndexChunks,
    PublishVersion,
    Rerank,
    Search,
)
from streams.running.world import Call


def call(tenant="acme", session="s", offset=0):
    return Call(tenant, 0, "r", session, "e", "t", offset)


@pytest.fixture
def models():
    models = CannedModels()
    for number in range(len(TENANTS) * 2):
        models.index_guide(number)
    return models


async def ask(models, request, **where):
    return await models.handlers()[type(request)](request, call(**where))


@pytest.mark.parametrize("kind", ["query", "passage"])
async def test_every_text_has_a_vector_and_packed_token_vectors(models, kind):
    made = await ask(models, Embed(texts=("a" * 40, "b"), kind=kind))
    assert [len(vector) for vector in made.vectors] == [4 * DIMENSIONS] * 2
    assert len(made.token_vectors) == len(made.counts) == 2
    assert all(
        len(vectors) % count == 0
        for vectors, count in zip(made.token_vectors, made.counts, strict=True)
    )


async def test_the_same_things_are_answered_every_time():
    requests = [Embed(texts=("a",), kind="query"), Embed(texts=("b",), kind="query")]
    first, second = CannedModels(), CannedModels()
    assert [await ask(first, r) for r in requests] == [await ask(second, r) for r in requests]


async def test_the_people_of_the_made_up_texts_are_detected_where_they_stand(models):
    texts = tuple(f"My name is {person}." for person in PEOPLE)
    made = await ask(models, Detect(texts=(*texts, "nobody")))
    assert [
        texts[place][span.start : span.end]
        for place, spans in enumerate(made.texts)
        for span in spans.spans
    ] == list(PEOPLE)


async def test_what_names_the_number_asked_for_is_best(models):
    text = "What does a yearly ticket for the ferry of Aldermoor number 0 cost?"
    found = await ask(models, Search(text=text, vector=b"", filters={}, limit=5))
    assert len(found.candidates) == 5
    fetched = await ask(models, Fetch(chunks=tuple(one.chunk for one in found.candidates)))
    assert "number 0 " in fetched.passages[0].text
    scores = [one.score for one in found.candidates]
    assert scores == sorted(scores, reverse=True)


async def test_a_tenant_finds_its_own_passages_alone(models):
    asked = Search(text="x", vector=b"", filters={}, limit=200)
    chunks = {
        tenant: {one.chunk for one in (await ask(models, asked, tenant=tenant)).candidates}
        for tenant in TENANTS
    }
    assert all(chunks.values())
    assert len(set().union(*chunks.values())) == sum(map(len, chunks.values()))
    assert (await ask(models, asked, tenant="nobody")).candidates == ()
    stolen = Fetch(chunks=tuple(chunks["birch"]))
    assert (await ask(models, stolen, tenant="acme")).passages == ()


async def test_every_passage_is_scored_and_compared_with_every_other(models):
    made = await ask(models, Rerank(query=b"", model="m", chunks=("a", "b", "c")))
    assert len(made.scores) == 3
    assert len(made.similarities) == 4 * 3 * 3


async def test_an_answer_begins_with_the_sentence_that_names_what_was_asked_for(models):
    prompt = (
        "A ticket for the mill of Dunmere number 3 costs 29 euros. "
        "A ticket for the ferry of Dunmere number 31 costs 113 euros. "
        "What does number 31 cost?"
    )
    stream = models.stream_handlers()[Generate]
    parts = [part async for part in stream(Generate(prompt=prompt, max_tokens=99), call())]
    text = "".join(token.text for part in parts for token in part.tokens)
    assert text == (
        "A ticket for the ferry of Dunmere number 31 costs 113 euros. "
        "A ticket for the mill of Dunmere number 3 costs 29 euros."
    )
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].usage.completion_tokens == sum(len(part.tokens) for part in parts)


def a_chunk(number, text):
    return EmbeddedChunk(id=f"c-{number}", number=number, text=text, tokens=4, vector=b"")


REF = DocumentRef(document="d", version=2, uri="guide/1")


async def test_chunks_that_are_indexed_are_found_as_they_were_cut():
    models = CannedModels()
    chunks = tuple(a_chunk(number, f"The mill number {number} costs 5.") for number in range(3))
    written = await ask(models, IndexChunks(document=REF, title="T", model="m", chunks=chunks))
    assert written.count == 3
    [best, *_] = (
        await ask(models, Search(text="What costs number 1?", vector=b"", filters={}, limit=3))
    ).candidates
    [passage] = (await ask(models, Fetch(chunks=(best.chunk,)))).passages
    assert (passage.chunk, passage.text, passage.number) == ("c-1", "The mill number 1 costs 5.", 1)
    assert (passage.document, passage.version, passage.uri, passage.title) == (
        "d",
        2,
        "guide/1",
        "T",
    )


async def test_the_index_moves_on_with_the_inputs_of_what_is_written():
    models = CannedModels()
    for offset, request in enumerate(
        (
            IndexChunks(document=REF, title="T", model="m", chunks=(a_chunk(0, "a"),)),
            PublishVersion(document=REF),
            IndexChunks(document=REF, title="T", model="m", chunks=()),
        ),
        start=7,
    ):
        assert (await ask(models, request, offset=offset)).position == offset
        search = Search(text="x", vector=b"", filters={}, limit=1)
        assert (await ask(models, search)).position == offset


async def test_passages_are_fetched_in_the_order_in_which_they_are_asked_for(models):
    every = Search(text="x", vector=b"", filters={}, limit=9)
    chunks = [one.chunk for one in (await ask(models, every)).candidates]
    for wanted in (chunks, chunks[::-1], chunks[3:5]):
        fetched = await ask(models, Fetch(chunks=tuple(wanted)))
        assert [passage.chunk for passage in fetched.passages] == wanted


@pytest.mark.parametrize("limit", [1, 2, 30, 500])
async def test_no_more_is_found_than_is_asked_for_and_nothing_twice(models, limit):
    search = Search(text="number 0 and number 3", vector=b"", filters={}, limit=limit)
    chunks = [one.chunk for one in (await ask(models, search)).candidates]
    assert len(chunks) == len(set(chunks)) <= limit


async def test_a_number_is_not_found_in_a_longer_one():
    models = CannedModels()
    texts = ("mill number 31", "mill number 3")
    chunks = tuple(a_chunk(number, text) for number, text in enumerate(texts))
    await ask(models, IndexChunks(document=REF, title="T", model="m", chunks=chunks))
    found = await ask(models, Search(text="number 3?", vector=b"", filters={}, limit=1))
    assert [one.chunk for one in found.candidates] == ["c-1"]


@pytest.mark.parametrize("prompt", ["Nothing is asked here. At all.", "What does number 7 cost?"])
async def test_where_nothing_fits_the_prompts_first_sentence_is_said(models, prompt):
    stream = models.stream_handlers()[Generate]
    parts = [part async for part in stream(Generate(prompt=prompt, max_tokens=99), call())]
    text = "".join(token.text for part in parts for token in part.tokens)
    assert text == re.split(r"(?<=[.?]) ", prompt)[0]
    times = [token.at_us for part in parts for token in part.tokens]
    assert times == sorted(set(times))


async def test_no_text_is_found_bad(models):
    answer = await ask(models, Classify(texts=("a", "b"), heads=("harm", "injection")))
    assert [[one.score for one in scores.scores] for scores in answer.texts] == [[0.1, 0.1]] * 2
