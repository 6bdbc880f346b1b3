"""Whose request the index is asked next: a crowd and documents leave room for another's question."""

import asyncio
import uuid

import pytest

from connectors.weaviate import Weaviate
from connectors.weaviate.connector import AT_ONCE, RESERVED
from schemas import (
    DocumentRef,
    Fetch,
    IndexChunks,
    PublishVersion,
    Rerank,
    Search,
    WithdrawVersions,
)
from streams.running.world import Call
from streams.settings import Settings

SOON = 2**62
DOCUMENT = DocumentRef(document="d", version=1, uri="u")
WRITES = [
    IndexChunks(document=DOCUMENT, title="", model="m", chunks=()),
    PublishVersion(document=DOCUMENT, retired=()),
    WithdrawVersions(document=DOCUMENT),
]
READS = [
    Search(text="x", vector=b"", limit=1),
    Rerank(query=b"", chunks=(), model="m"),
    Fetch(chunks=()),
]


class HeldWeaviate(Weaviate):
    """Notes who asks, and answers nobody until it is let go."""

    def __init__(self):
        super().__init__(Settings())
        self.asking, self.go_on = [], asyncio.Event()

    async def writable(self):
        """Nobody holds writes back, and one generation is all there is."""
        return 1

    number = writable

    async def _hold(self, request, call):
        self.asking.append((type(request), call.tenant))
        await self.go_on.wait()

    search = rerank = fetch = index = publish = withdraw = _hold


async def ask(connector, request, tenant, deadline=0):
    handler = connector.handlers()[type(request)]
    call = Call(tenant, 0, str(uuid.uuid4()), "s", "e", "t", 0, deadline)
    task = asyncio.create_task(handler(request, call))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("request_", [*READS, *WRITES], ids=lambda one: type(one).__name__)
async def test_a_crowd_leaves_room_for_another_tenants_one_question(request_):
    connector = HeldWeaviate()
    deadline = SOON if request_ in READS else 0
    crowd = [await ask(connector, request_, "crowd", deadline) for _ in range(AT_ONCE + 5)]
    assert len(connector.asking) == AT_ONCE - RESERVED
    others = [await ask(connector, READS[0], f"other {n}", SOON) for n in range(RESERVED)]
    assert connector.asking[AT_ONCE - RESERVED :] == [
        (Search, f"other {n}") for n in range(RESERVED)
    ]
    connector.go_on.set()
    await asyncio.gather(*crowd, *others)
    assert len(connector.asking) == AT_ONCE + 5 + RESERVED
