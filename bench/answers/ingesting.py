"""How fast documents become searchable, beside the embedder alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import httpx

from bench.answers.figures import Figure, median, quartiles
from bench.child import MeasurementFailed
from bench.facts import TENANT, facts
from connectors.triton import Triton
from replay.log import BrokerLog, Log
from schemas import ChunksEmbedded, Embed
from streams.log.codec import Codec
from streams.running.world import Call, Handler
from streams.settings import Settings
from streams.topics import topic_of

SECTIONS = 480  # about 120 chunks: filling and emptying the pipeline takes half a second of them
ROUNDS = 3  # of an ingest and the embedder alone
POLL_S = 0.05  # between two looks at a document: each costs the machine about 5 ms
DOCUMENTS = 6


def ingest(settings: Settings, client: httpx.Client) -> Figure:
    """Compare chunks a second, request to searchable, with the embedder's own rate."""
    documents = guides(SECTIONS, DOCUMENTS)
    index(client, [documents[0][:4_000].replace("ticket", "pass")], "warm-up")
    rates, alone = [], []
    for number in range(ROUNDS):  # they take turns, so that a change of speed meets both
        name = f"guide-{number}"
        began = time.perf_counter()
        chunks = index(client, documents, name)
        rates.append(chunks / (time.perf_counter() - began))
        alone.append(_embedder_alone(settings, name))
    return Figure(
        "ingest to searchable",
        median(rates),
        "chunks/s",
        median(alone),
        "the embedder alone, same chunks and batches",
        quartiles(rates),
    )


def guides(sections: int, documents: int) -> list[str]:
    """Spread so many sections over so many documents of Markdown."""
    texts = [section for section, _ in facts(sections)]
    return ["# Guide\n\n" + "\n".join(texts[number::documents]) for number in range(documents)]


def index(client: httpx.Client, texts: list[str], name: str) -> int:
    """Submit documents and wait until they are searchable; return how many chunks they have.

    Raises MeasurementFailed for one that failed.
    """
    documents = []
    for number, text in enumerate(texts):
        body = {"uri": f"{name}/{number}", "media_type": "text/markdown", "content": text}
        answer = client.post("/v1/documents", json=body)
        answer.raise_for_status()
        documents.append(answer.json()["document_id"])
    return sum(_chunks_of(client, document, name) for document in documents)


def _chunks_of(client: httpx.Client, document: str, name: str) -> int:
    while True:
        state = client.get(f"/v1/documents/{document}").json()
        if state["status"] == "failed":
            raise MeasurementFailed(f"{name} failed: {state.get('reason')}")
        if state["status"] == "indexed":
            return int(state["chunks"])
        time.sleep(POLL_S)


def embedded_batches(log: Log, name: str) -> list[tuple[str, ...]]:
    """Return the texts of the chunks on the log of documents under a name, batch by batch."""
    codec, topic = Codec(log.ids), topic_of(ChunksEmbedded)
    events = (
        codec.decode(stored.value, ChunksEmbedded)
        for place in sorted(log.extents())
        if place[0] == topic
        for stored in log.records(*place)
    )
    return [
        tuple(chunk.text for chunk in event.chunks)
        for event in events
        if event.chunks and event.document.uri.startswith(f"{name}/")
    ]


def _embedder_alone(settings: Settings, name: str) -> float:
    """Embed the chunks that are on the log again, without the log; chunks a second."""
    log = BrokerLog(settings)
    try:
        batches = embedded_batches(log, name)
    finally:
        log.close()

    async def embed() -> float:
        triton = Triton(settings)
        try:
            return await embedder_rate(batches, triton.handlers()[Embed])
        finally:
            await triton.close()

    return asyncio.run(embed())


async def embedder_rate(batches: Sequence[tuple[str, ...]], embed: Handler) -> float:
    """Have batches embedded as the step does, all at once; chunks a second."""
    call = Call(TENANT, 0, "bench", "bench", "bench", "bench", 0)
    began = time.perf_counter()
    await asyncio.gather(
        *(embed(Embed(texts=b, kind="passage", token_vectors=True), call) for b in batches)
    )
    return sum(map(len, batches)) / (time.perf_counter() - began)
