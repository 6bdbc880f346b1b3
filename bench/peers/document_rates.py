"""How many documents a second become searchable, through the platform and through Haystack."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import aiohttp

from bench.child import ROOT, MeasurementFailed
from bench.peers.askers import PeerAddress, all_of, connected
from edge.client.gateway_client import BUSY

DATA = ROOT.parent / "shared" / "evaldata"
SETS = {
    "squad": ("qa/squad2_dev/passages.jsonl.gz", "text/plain", 80),
    "awsdocs": ("retrieval/awsdocs_dev/corpus.jsonl.gz", "text/markdown", 20),
}
"""Sets of documents: file, media type, documents of a visit."""
POSTERS = 4  # documents that are on their way at once
POLL_S = 0.05


@dataclass(frozen=True)
class PeerDocuments:
    """Some documents of a set."""

    media_type: str
    texts: tuple[str, ...]


def documents_of(name: str, data: Path = DATA, count: int | None = None) -> PeerDocuments | None:
    """Read documents of a set, spread over all of it; None where there is no such file."""
    file, media_type, usual = SETS[name]
    if not (data / file).exists():
        return None
    with gzip.open(data / file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    texts = [text for text in texts if text.strip()]
    wanted = min(count or usual, len(texts))
    return PeerDocuments(media_type, tuple(islice(texts[:: len(texts) // wanted], wanted)))


class HaystackShelf:
    """Takes documents as the Haystack peer does: when it has answered they are searchable."""

    def __init__(self, http: aiohttp.ClientSession, at: PeerAddress) -> None:
        self._http = http
        self._at = at

    async def put(self, uri: str, media_type: str, text: str) -> None:
        """Hand one in, and wait until it is searchable."""
        del media_type
        await posted(self._http, self._at, {"uri": uri, "content": text})


class PlatformShelf:
    """Takes documents as the gateway does: it is asked until they are searchable."""

    def __init__(self, http: aiohttp.ClientSession, at: PeerAddress) -> None:
        self._http = http
        self._at = at

    async def put(self, uri: str, media_type: str, text: str) -> None:
        """Hand one in, and wait until it is searchable."""
        body = {"uri": uri, "media_type": media_type, "content": text}
        document = (await posted(self._http, self._at, body))["document_id"]
        while True:
            url = f"{self._at.url}/v1/documents/{document}"
            async with self._http.get(url, headers=self._at.headers) as response:
                state = await response.json()
            if state["status"] == "indexed":
                return
            if state["status"] == "failed":
                raise MeasurementFailed(f"{uri} failed: {state.get('reason')}")
            await asyncio.sleep(POLL_S)


Shelf = HaystackShelf | PlatformShelf


async def posted(
    http: aiohttp.ClientSession, at: PeerAddress, body: dict[str, str]
) -> dict[str, str]:
    """Post a document, again when told to; raises MeasurementFailed where it is not taken."""
    while True:
        async with http.post(f"{at.url}/v1/documents", json=body, headers=at.headers) as response:
            if response.status in BUSY:
                wait_s = float(response.headers.get("retry-after", "1"))
            elif response.status >= 400:
                raise MeasurementFailed(f"{at.url}: {response.status}: {await response.text()}")
            else:
                taken: dict[str, str] = await response.json()
                return taken
        await asyncio.sleep(wait_s)


async def put_all(
    shelf: Shelf, documents: Iterable[tuple[str, str, str]], at_once: int = POSTERS
) -> None:
    """Hand in documents (uri, media type, text), so many at once; all are searchable then."""
    left = iter(documents)

    async def one() -> None:
        for uri, media_type, text in left:
            await shelf.put(uri, media_type, text)

    await all_of([one() for _ in range(at_once)])


def fill(kind: type[Shelf], at: PeerAddress, documents: Sequence[tuple[str, str, str]]) -> float:
    """Hand in documents through a shelf of that kind; returns documents a second."""

    async def putting() -> None:
        async with connected() as http:
            await put_all(kind(http, at), documents)

    began = time.perf_counter()
    asyncio.run(putting())
    return len(documents) / (time.perf_counter() - began)
