"""The index: its connection, and the generation of its collections to work on.

Why it is so: a swap must lose no write and show no reader an older state than before. So whoever
swaps holds writes back first (an alias that begins with HOLD is the sign), brings the other
generation up to the log's end, moves the alias, and lets writes go on when every reader has
followed it. What a write asked of the aliases counts for WRITTEN_S, since asking is dear; whoever
holds waits as long before they look where the log ends. So a write that began without knowing of
the hold is of an event that lies before that end (docs/decisions/0107). A hold that nobody takes
away, since whoever held was killed, is passed over by each process HELD_S after it saw it first
(docs/decisions/0074).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from agents.errors import Permanent, Transient
from connectors.shared_rounds import SharedRounds
from connectors.weaviate.connecting import IndexClient, new_client
from connectors.weaviate.failures import translated
from connectors.weaviate.schema import (
    ALIAS,
    BUILD_TENANT,
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
NO_ALIAS = f"Weaviate has no alias {ALIAS}: restart the worker to create it"
HOLD = "PlayheadHold"
"""How the alias begins whose presence holds writes back."""
HELD_S = 20.0  # after which a hold is passed over: longer than any swap holds
WRITTEN_S = 0.25  # how long writes may begin after one asked for the aliases, and saw no hold
HOLD_LOOK_S = 0.1  # between two looks whether a hold is over
ASKED_AGAIN_S = 1.0  # after which it is asked for again, beside the work: then nobody waits for it


class AliasTimes(NamedTuple):
    """How long what the aliases say counts, in seconds."""

    trusted_s: float = GENERATION_S
    asked_again_s: float = ASKED_AGAIN_S
    held_s: float = HELD_S
    look_s: float = HOLD_LOOK_S
    written_s: float = WRITTEN_S


_pinned: ContextVar[int] = ContextVar("pinned generation", default=0)
"""The generation that a request works on from its beginning to its end; 0 for that in force."""


@contextmanager
def pinned(generation: int) -> Iterator[None]:
    """Work on a generation, whatever comes into force meanwhile; 0 for the one in force."""
    before = _pinned.set(generation)
    try:
        yield
    finally:
        _pinned.reset(before)


class Index:
    """Hands out a tenant's collections. Connects, and creates what is missing, when first asked.

    `number` and the collections raise the client's errors, to be translated by whoever asks for
    them; the other methods raise Transient or Permanent.
    """

    creates_missing = True
    """Whether it creates, when it connects, what the index lacks; False for who only reads."""
    times = AliasTimes()

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
        self._written = (0.0, 0)  # until when writes may begin unasked; the generation to write to
        self._asking: asyncio.Task[int] | None = None
        self._alias_rounds: SharedRounds[None, Mapping[str, str]] = SharedRounds(self._aliases_once)
        self._holds: dict[str, float] = {}
        """Holds that stand -> when each was seen first."""

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
        if named := _pinned.get():
            return named
        until, number = self._generation
        left_s = until - asyncio.get_running_loop().time()
        if left_s > self.times.trusted_s - self.times.asked_again_s:
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
            raise Transient(NO_ALIAS)
        number = generation_of(pointed.collection)
        self._generation = (began + self.times.trusted_s, number)
        return number

    async def writable(self) -> int:
        """Return the generation to write to, as the alias said a moment ago; waits for holds."""
        if self._fixed is not None:
            return self._fixed
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            until, number = self._written
            if began < until:
                return number
            pointed = await self._aliases()
            if ALIAS not in pointed:
                raise Transient(NO_ALIAS)
            holds = [name for name in pointed if name.startswith(HOLD)]
            self._holds = {name: self._holds.get(name, began) for name in holds}
            if all(began - seen > self.times.held_s for seen in self._holds.values()):
                number = generation_of(pointed[ALIAS])
                self._generation = (began + self.times.trusted_s, number)
                if not holds:
                    self._written = (began + self.times.written_s, number)
                return number
            await asyncio.sleep(self.times.look_s)

    async def _aliases(self) -> Mapping[str, str]:
        """Return what each alias points to, asked for after this was; many ask at once."""
        return await self._alias_rounds.ask(None)

    async def _aliases_once(self, _asked: Sequence[None]) -> Mapping[str, str]:
        client = await self._connected()
        told: Mapping[str, Any] = await client.alias.list_all()
        return {name: one.collection for name, one in told.items()}

    @translated
    async def hold(self) -> float:
        """Hold writes back, in every process, until `release`; return when, by the loop's clock.

        It counts for HELD_S from then. When this returns, no write begins any more. Waits for the
        end of another hold, as a write does.
        """
        number = await self.writable()
        await self.release()  # of one that ended without it
        client, began = await self._connected(), asyncio.get_running_loop().time()
        await client.alias.create(
            alias_name=f"{HOLD}_{uuid.uuid4().hex}", target_collection=chunks_name(number)
        )
        await asyncio.sleep(self.times.written_s)  # of those who asked just before
        return began

    @translated
    async def release(self) -> None:
        """Let writes go on, whoever held them."""
        client = await self._connected()
        for name in await self._aliases():
            if name.startswith(HOLD):
                await client.alias.delete(alias_name=name)

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
    async def tenants(self) -> tuple[str, ...]:
        """Return the tenants of the generation to work on, as Weaviate calls them, in order."""
        client = await self._connected()
        number = await self.number()
        names = set[str]()
        for name in (chunks_name(number), documents_name(number), vectors_name(number)):
            names |= set(await client.collections.get(name).tenants.get())
        return tuple(sorted(names - {BUILD_TENANT}))

    async def collections_of(self, called: str) -> dict[str, TenantObjects]:
        """Return a tenant's collections, by what they hold; `called` as Weaviate calls it."""
        client, number = await self._connected(), await self.number()
        names = {
            "chunks": chunks_name(number),
            "documents": documents_name(number),
            "vectors": vectors_name(number),
        }
        return {kind: TenantObjects(client, name, called) for kind, name in names.items()}

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
