"""The index: its connection, and the generation of its collections to work on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agents.errors import Permanent, Transient
from connectors.weaviate.connecting import IndexClient, new_client
from connectors.weaviate.failures import translated
from connectors.weaviate.schema import (
    ALIAS,
    chunks_name,
    create_missing,
    documents_name,
    generation_of,
    tenant_name,
    vectors_name,
)
from connectors.weaviate.tenant_objects import TenantObjects
from streams.settings import Settings

NewClient = Callable[[Settings], IndexClient]

GENERATION_S = 2.0  # how long the alias is trusted: a worker follows a swap within this time
ASKED_AGAIN_S = 1.0  # after which it is asked for again, beside the work: then nobody waits for it


class Index:
    """Hands out a tenant's collections. Connects, and creates what is missing, when first asked.

    `number` and the collections raise the client's errors, to be translated by whoever asks for
    them; the other methods raise Transient or Permanent.
    """

    creates_missing = True
    """Whether it creates, when it connects, what the index lacks; False for who only reads."""

    def __init__(
        self, settings: Settings, generation: int | None = None, client: NewClient = new_client
    ) -> None:
        """Work on the generation in force; or on another one, to rebuild it on the side."""
        self._settings = settings
        self._new_client = client
        self._fixed = generation
        self._client: IndexClient | None = None
        self._connecting = asyncio.Lock()
        self._generation = (0.0, 0)  # until when it is trusted; its number
        self._asking: asyncio.Task[int] | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._asking is not None:
            self._asking.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def number(self) -> int:
        """Return the generation to work on."""
        if self._fixed is not None:
            return self._fixed
        until, number = self._generation
        left_s = until - asyncio.get_running_loop().time()
        if left_s > GENERATION_S - ASKED_AGAIN_S:
            return number
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_number())
            self._asking.add_done_callback(self._asked)
        # many may wait for one answer: whoever leaves does not take it from the others
        return number if left_s > 0 else await asyncio.shield(self._asking)

    async def _ask_number(self) -> int:
        began = asyncio.get_running_loop().time()
        client = await self._connected()
        pointed = await client.alias.get(alias_name=ALIAS)
        if pointed is None:
            raise Transient(f"Weaviate has no alias {ALIAS}: restart the worker to create it")
        number = generation_of(pointed.collection)
        self._generation = (began + GENERATION_S, number)
        return number

    def _asked(self, asking: asyncio.Task[int]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # whoever waits for it is told; where nobody does, the next one asks

    async def chunks_of(self, tenant: str) -> TenantObjects:
        """Return a tenant's collection of chunks, in the generation to work on."""
        return await self._collection(chunks_name, tenant)

    async def documents_of(self, tenant: str) -> TenantObjects:
        """Return a tenant's collection of documents, and of how far lanes have come."""
        return await self._collection(documents_name, tenant)

    async def vectors_of(self, tenant: str) -> TenantObjects:
        """Return a tenant's collection of vectors."""
        return await self._collection(vectors_name, tenant)

    @translated
    async def put_in_force(self) -> None:
        """Point everyone at this generation; the switch is one write, seen within GENERATION_S."""
        if self._fixed is None:
            raise Permanent("only a connector that was given a generation can put it in force")
        client = await self._connected()
        await client.alias.update(alias_name=ALIAS, new_target_collection=chunks_name(self._fixed))

    @translated
    async def generations(self) -> tuple[int, ...]:
        """Return all generations, the one in force first."""
        client = await self._connected()
        names = await client.collections.list_all()
        numbers = {generation_of(name) for name in names if name.startswith(f"{ALIAS}_")}
        pointed = await client.alias.get(alias_name=ALIAS)
        force = generation_of(pointed.collection) if pointed else 0
        return tuple(sorted(numbers, key=lambda number: (number != force, number)))

    @translated
    async def drop(self, generation: int) -> None:
        """Delete a generation that is not in force."""
        if generation == (await self.generations())[0]:
            raise Permanent(f"generation {generation} is in force: put another one in force first")
        client = await self._connected()
        for name in (
            chunks_name(generation),
            documents_name(generation),
            vectors_name(generation),
        ):
            await client.collections.delete(name)

    async def _connected(self) -> IndexClient:
        if self._client is not None:
            return self._client
        async with self._connecting:
            if self._client is not None:
                return self._client
            client = self._new_client(self._settings)
            try:
                await client.connect()
                if self.creates_missing:
                    await create_missing(client, self._fixed)
            except BaseException:
                await client.close()
                raise
            self._client = client
            return client

    async def _collection(self, name: Callable[[int], str], tenant: str) -> TenantObjects:
        client = await self._connected()
        return TenantObjects(client, name(await self.number()), tenant_name(tenant))
