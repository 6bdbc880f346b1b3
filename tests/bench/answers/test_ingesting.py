"""Ingest: all documents are waited for, one that failed ends the measurement, and only own chunks are embedded again."""

import asyncio
import json

import httpx
import pytest

from agents.errors import Transient
from bench.answers.ingesting import embedded_batches, embedder_rate, guides, index
from bench.child import MeasurementFailed
from bench.synthetic.synthetic_log import SyntheticLog
from schemas import (
    Batch,
    ChunksEmbedded,
    ChunksRedacted,
    DocumentRef,
    Embed,
    Embedded,
    EmbeddedChunk,
    RedactedChunk,
)
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.running.run import stamped
from tests.fakes import FakeEffects, a_meta


class Gateway:
    """Takes documents; each is looked at `looks` times before it has its end."""

    def __init__(self, end, looks=0):
        self.submitted, self.looked = [], 0
        self._end, self._looks = end, looks

    def __call__(self, request):
        if request.method == "POST":
            self.submitted.append(json.loads(request.content))
            return httpx.Response(202, json={"document_id": str(len(self.submitted))})
        self.looked += 1
        if self.looked <= self._looks:
            return httpx.Response(200, json={"status": "received"})
        return httpx.Response(200, json=self._end)


def a_client(gateway):
    return httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(gateway))


def test_documents_are_waited_for_and_their_chunks_counted():
    gateway = Gateway({"status": "indexed", "chunks": 7}, looks=2)
    assert index(a_client(gateway), ["one", "two", "three"], "guide") == 21
    assert [body["uri"] for body in gateway.submitted] == ["guide/0", "guide/1", "guide/2"]
    assert gateway.looked == 3 + 2


def test_a_document_that_failed_is_told_with_its_reason():
    gateway = Gateway({"status": "failed", "reason": "no text"})
    with pytest.raises(MeasurementFailed, match="guide failed: no text"):
        index(a_client(gateway), ["one"], "guide")


def test_a_gateway_that_refuses_ends_the_measurement():
    client = a_client(lambda _: httpx.Response(503))
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        index(client, ["one"], "guide")


@pytest.mark.parametrize(("sections", "documents"), [(1, 1), (6, 6), (10, 4), (480, 6)])
def test_sections_are_spread_over_all_documents(sections, documents):
    texts = guides(sections, documents)
    assert len(texts) == documents
    assert sum(text.count("\n## ") for text in texts) == sections
    assert all(text.startswith("# Guide\n\n## ") for text in texts)


def test_only_the_chunks_of_the_named_documents_are_embedded_again():
    log = SyntheticLog()
    codec = Codec(log.ids)

    def put(uri, lane, *texts):
        chunks = tuple(
            EmbeddedChunk(id=f"{uri}{number}", number=number, text=text, tokens=1, vector=b"")
            for number, text in enumerate(texts)
        )
        event = ChunksEmbedded(
            document=DocumentRef(document=uri, version=1, uri=uri),
            batch=Batch(number=0, last=True),
            outcome="embedded",
            model="m",
            dimensions=1,
            chunks=chunks,
        )
        log.append(codec, stamped(event, a_meta(lane=lane)))

    put("guide-1/0", 0, "a", "b")
    put("guide-10/0", 1, "another")
    put("guide-1/1", 1, "c")
    put("guide-1/2", 0)  # the last batch of a document holds no chunk
    assert embedded_batches(log, "guide-1") == [("a", "b"), ("c",)]


@pytest.mark.parametrize("batches", [[("a", "b"), ("c",)], [("a",)] * 40])
async def test_the_embedder_gets_the_steps_own_batches_all_at_once(batches):
    asked, everyone = [], asyncio.Event()

    async def embed(request, call):
        asked.append(request)
        if len(asked) == len(batches):
            everyone.set()
        await asyncio.wait_for(everyone.wait(), 60)

    assert await embedder_rate(batches, embed) > 0
    assert [request.texts for request in asked] == batches
    assert {(request.kind, request.token_vectors) for request in asked} == {("passage", True)}


async def test_an_embedder_that_fails_has_no_rate():
    async def embed(_request, _call):
        raise Transient("the embedder is away")

    with pytest.raises(Transient):
        await embedder_rate([("a",)], embed)


async def test_the_step_embeds_as_the_embedder_is_measured():
    """What is measured alone is what `embed` asks, or the two rates are of different work."""
    chunk = RedactedChunk(id="c", number=0, text="a", tokens=1)
    event = ChunksRedacted(
        meta=a_meta(),
        document=DocumentRef(document="d", version=1, uri="d"),
        batch=Batch(number=0, last=True),
        outcome="redacted",
        chunks=(chunk,),
    )
    vectors = Embedded(
        vectors=(b"....",), token_vectors=(b"",), counts=(1,), model="m", dimensions=1
    )
    fx = FakeEffects("embed", event, {Embed: lambda _: vectors}, load()["embed"].values)
    await fx.execute()
    [by_step] = fx.asked
    asked = []

    async def embed(request, _call):
        asked.append(request)

    await embedder_rate([("a",)], embed)
    assert asked == [by_step]


def test_no_two_documents_say_the_same():
    texts = guides(60, 6)
    sections = [part for text in texts for part in text.split("\n## ")[1:]]
    assert len(set(sections)) == 60
