import pytest

from agents.errors import Permanent, Transient
from schemas import (
    Batch,
    ChunksRedacted,
    DocumentRef,
    Embed,
    Embedded,
    Manifest,
    MapEntry,
    RedactedChunk,
    Sealed,
)
from tests.fakes import a_codec, a_meta, outcomes

REF = DocumentRef(document="d-1", version=2, uri="file:manual.md", groups=("staff",))


def redacted(count, **fields):
    chunks = tuple(
        RedactedChunk(id=f"c-{n}", number=n, text=f"text {n}", tokens=3) for n in range(count)
    )
    values = {"outcome": "redacted", "title": "Manual", "chunks": chunks, **fields}
    return ChunksRedacted(meta=a_meta(), document=REF, batch=Batch(number=1, last=False), **values)


def vectors(request, model="bge@1"):
    """A vector of two numbers that says which text it is of."""
    numbers = [int(text.split()[1]) for text in request.texts]
    return Embedded(
        vectors=tuple(bytes([number] * 8) for number in numbers),
        token_vectors=tuple(b"tokens of %d" % number for number in numbers),
        counts=tuple(10 + number for number in numbers),
        model=model,
        dimensions=2,
    )


async def embed(event, answer=vectors, texts_max=2):
    return await outcomes("embed", event, {Embed: answer}, {"texts_max": texts_max})


async def test_each_chunk_gets_its_own_vectors_whatever_the_size_of_a_call():
    calls = []
    [outcome] = await embed(redacted(5), lambda request: calls.append(request) or vectors(request))
    assert [call.texts for call in calls] == [
        ("text 0", "text 1"),
        ("text 2", "text 3"),
        ("text 4",),
    ]
    assert {(call.kind, call.token_vectors) for call in calls} == {("passage", True)}
    assert [(c.id, c.vector[0], c.token_vectors, c.tokens) for c in outcome.chunks] == [
        (f"c-{n}", n, b"tokens of %d" % n, 10 + n) for n in range(5)
    ]
    assert (outcome.outcome, outcome.model, outcome.dimensions) == ("embedded", "bge@1", 2)


async def test_what_is_known_of_document_and_chunk_is_passed_on():
    entry = MapEntry(
        placeholder="<PERSON_1>",
        kind="PERSON",
        digest="d",
        value=Sealed(key="k", event="e", field="f", ciphertext=b"x"),
    )
    chunk = RedactedChunk(id="c", number=7, text="text 0", tokens=3, entries=(entry,))
    manifest = Manifest(checksum="c", parser="p", parser_version="1", policy="faq", chunks=("c",))
    event = redacted(0, chunks=(chunk,), manifest=manifest)
    [outcome] = await embed(event)
    assert (outcome.document, outcome.batch, outcome.title, outcome.manifest) == (
        REF,
        event.batch,
        "Manual",
        manifest,
    )
    [embedded] = outcome.chunks
    assert (embedded.number, embedded.text, embedded.entries) == (7, "text 0", (entry,))


@pytest.mark.parametrize("how", ["unchanged", "withdrawn", "failed"])
async def test_what_holds_no_chunks_passes_without_the_model(how):
    [outcome] = await outcomes(
        "embed", redacted(0, outcome=how, reason="why"), {}, {"texts_max": 2}
    )
    assert (outcome.outcome, outcome.reason, outcome.chunks, outcome.model) == (how, "why", (), "")
    assert outcome.meta.last


@pytest.mark.parametrize(
    "wrong",
    [
        {"vectors": (b"\0" * 8,)},
        {"token_vectors": ()},
        {"vectors": (b"\0" * 8,) * 3, "token_vectors": (b"",) * 3},
        {"dimensions": 3},
        {"dimensions": 1},
        {"vectors": (b"\0" * 8, b"\0" * 12)},
        {"vectors": (b"\0" * 8, b"\0" * 4)},
    ],
)
async def test_an_answer_out_of_shape_is_refused(wrong):
    def answer(request):
        right = vectors(request)
        fields = {
            name: getattr(right, name)
            for name in ("vectors", "token_vectors", "model", "dimensions")
        }
        return Embedded(**{**fields, **wrong})

    with pytest.raises(Permanent, match="bge@1"):
        await embed(redacted(2), answer)


async def test_two_models_in_one_batch_are_worth_another_try():
    models = iter(["bge@1", "bge@2"])
    with pytest.raises(Transient, match="changed"):
        await embed(redacted(4), lambda request: vectors(request, next(models)))


async def test_the_models_of_a_batch_are_named_in_an_order_of_their_own():
    names = [f"bge@{number}" for number in (5, 2, 9, 1, 7, 3, 8, 4, 6)]
    models = iter(names)
    with pytest.raises(Transient) as raised:
        await embed(redacted(18), lambda request: vectors(request, next(models)))
    assert str([(name, 2) for name in sorted(names)]) in str(raised.value)


async def test_one_model_that_changes_its_dimensions_is_two():
    sizes = iter([2, 3])

    def answer(request):
        size = next(sizes)
        vector = (bytes(4 * size),) * len(request.texts)
        return Embedded(vectors=vector, token_vectors=vector, model="bge@1", dimensions=size)

    with pytest.raises(Transient, match=r"\('bge@1', 2\), \('bge@1', 3\)"):
        await embed(redacted(4), answer)


async def test_without_counts_a_chunk_keeps_the_tokens_it_had():
    def answer(request):
        vector = (bytes(8),) * len(request.texts)
        return Embedded(vectors=vector, token_vectors=vector, model="bge@1", dimensions=2)

    [outcome] = await embed(redacted(2), answer)
    assert [chunk.tokens for chunk in outcome.chunks] == [3, 3]


async def test_a_full_batch_fits_the_broker():
    chunks = tuple(
        RedactedChunk(id="c" * 36, number=n, text="x" * 3_600, tokens=448) for n in range(16)
    )

    def answer(request):
        count = len(request.texts)
        return Embedded(
            vectors=(bytes(4 * 384),) * count,
            token_vectors=(bytes(16_000),) * count,
            counts=(448,) * count,
            model="bge@1",
            dimensions=384,
        )

    [outcome] = await embed(redacted(0, chunks=chunks), answer, texts_max=32)
    assert len(a_codec().encode(outcome)) < 900_000
