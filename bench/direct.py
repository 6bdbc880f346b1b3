"""The baseline of an answer: the same steps and connectors in one process, without log or broker.

What the log costs is the difference: publishing, acknowledgements, consuming, the gateway.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import Transient
from schemas import (
    Ask,
    Begun,
    Event,
    Meta,
    Placeholders,
    QuestionAsked,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    Record,
    ReleaseState,
    Request,
    StepVersion,
    StreamRequest,
    TokensReleased,
    Turns,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from schemas.registry import SchemaIds
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.running.live import LiveRun
from streams.running.run import Emit, Input
from streams.running.world import Call, Connector, Handler, StreamHandler, World
from streams.settings import Settings
from streams.topics import step, topic_of
from streams.version import CODE
from worker.wiring import connect, known_schemas

ANSWERING = ("redact", "rewrite", "retrieve", "generate", "moderate")


class MemoryTables:
    """Session state of the baseline: a dictionary, as a program without a log would keep it."""

    def __init__(self) -> None:
        self._placeholders: dict[str, Placeholders] = {}
        self._releases: dict[str, ReleaseState] = {}

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer what the answering steps ask of their tables."""
        return {
            ReadPlaceholders: self._read_placeholders,
            WritePlaceholders: self._write_placeholders,
            ReadTurns: self._read_turns,
            ReadRelease: self._read_release,
            WriteRelease: self._write_release,
        }

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer nothing in parts."""
        return {}

    async def close(self) -> None:
        """Hold nothing open."""

    async def _read_placeholders(self, request: ReadPlaceholders, _: Call) -> Record:
        return self._placeholders.get(request.scope, Placeholders())

    async def _write_placeholders(self, request: WritePlaceholders, _: Call) -> Record:
        self._placeholders[request.scope] = request.state
        return Written()

    async def _read_turns(self, _request: ReadTurns, _: Call) -> Record:
        return Turns()

    async def _read_release(self, _request: ReadRelease, call: Call) -> Record:
        return self._releases.get(call.request, ReleaseState())

    async def _write_release(self, request: WriteRelease, call: Call) -> Record:
        self._releases[call.request] = request.state
        return Written()


@dataclass(frozen=True)
class Answered:
    """Times of one answer, in milliseconds from the asking."""

    first_ms: float
    whole_ms: float


class Direct:
    """Answers questions in this process."""

    def __init__(
        self, connectors: Sequence[Connector], keyring: Any, ids: SchemaIds, timeout_s: float
    ) -> None:
        """Take what answers the steps but for their tables; the keyring seals the questions."""
        self._keyring = keyring
        self._codec = Codec(ids)
        self._world = World((*connectors, MemoryTables()), timeout_s)
        self._configurations = load()

    @classmethod
    def on(cls, settings: Settings) -> Direct:
        """Connect one to the components of a running stack."""
        connectors, keyring = connect(settings, [step(name) for name in ANSWERING])
        return cls(connectors, keyring, known_schemas(settings), settings.call_timeout_s)

    async def close(self) -> None:
        """Close the connectors."""
        await self._world.close()

    async def ask(self, tenant: str, text: str) -> Answered:
        """Answer one question of a new session; raises Transient where no text came."""
        began = time.perf_counter()
        event: Event = self._asked(tenant, text)
        for name in ANSWERING[:3]:
            outcomes: list[Event] = []
            await self._run(name, event, outcomes.append)
            event = outcomes[-1]
        first_ms = 0.0
        async for released in self._moderated(event):
            if isinstance(released, TokensReleased) and released.text and not first_ms:
                first_ms = (time.perf_counter() - began) * 1000
        if not first_ms:
            raise Transient(f"no text came for a question of {len(text)} characters")
        return Answered(first_ms, (time.perf_counter() - began) * 1000)

    async def _moderated(self, retrieved: Event) -> AsyncIterator[Event]:
        batches: asyncio.Queue[Event | None] = asyncio.Queue()

        async def generate() -> None:
            try:
                await self._run("generate", retrieved, batches.put_nowait)
            finally:
                batches.put_nowait(None)

        generating = asyncio.create_task(generate())
        while (batch := await batches.get()) is not None:
            outcomes: list[Event] = []
            await self._run("moderate", batch, outcomes.append)
            for event in outcomes:
                yield event
        await generating

    async def _run(self, name: str, event: Event, emit: Emit) -> None:
        configuration = self._configurations[name]
        begun = Begun(
            at=now_us(), attempt=1, code=CODE, configuration=configuration.digest, trace=""
        )
        run = LiveRun(
            step(name),
            Input(event, topic_of(event), event.meta.lane, 0),
            emit,
            world=self._world,
            codec=self._codec,
            digest_key=self._keyring.digest_key(event.meta.tenant),
            begun=begun,
            configuration={configuration.digest: configuration.values},
        )
        await run.execute()

    def _asked(self, tenant: str, text: str) -> QuestionAsked:
        request = str(uuid.uuid4())
        sealed = self._keyring.seal(tenant, "user/bench", request, "text", text.encode())
        meta = Meta(
            id=request,
            tenant=tenant,
            lane=0,
            request=request,
            session=str(uuid.uuid4()),
            at=now_us(),
            step=StepVersion(name="bench", code=CODE, configuration=""),
        )
        return QuestionAsked(meta=meta, subject="bench", text=sealed, ask=Ask())
