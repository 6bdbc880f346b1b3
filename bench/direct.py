"""The baseline of an answer: the same steps and connectors in one process, without log or broker.

What the log costs is the difference: publishing, acknowledgements, consuming, the gateway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.child import MeasurementFailed
from bench.step_runs import StepRuns
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from schemas import (
    Event,
    Placeholders,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    Record,
    ReleaseState,
    Request,
    StreamRequest,
    TokensReleased,
    Turns,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from schemas.registry import SchemaIds
from streams.running.run import Emit
from streams.running.world import Call, Connector, Handler, StreamHandler
from streams.settings import Settings
from streams.topics import step
from worker.wiring import connect, known_schemas

ANSWERING = ("redact", "rewrite", "retrieve", "generate", "moderate")


class MemoryTables:
    """Session state of the baseline: a dictionary, as a program without a log would keep it."""

    def __init__(self) -> None:
        self._placeholders: dict[tuple[str, str, str], Placeholders] = {}
        self._releases: dict[tuple[str, str], ReleaseState] = {}

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

    async def _read_placeholders(self, request: ReadPlaceholders, call: Call) -> Record:
        return self._placeholders.get(_scope_of(request, call), Placeholders())

    async def _write_placeholders(self, request: WritePlaceholders, call: Call) -> Record:
        self._placeholders[_scope_of(request, call)] = request.state
        return Written()

    async def _read_turns(self, _request: ReadTurns, _: Call) -> Record:
        return Turns()

    async def _read_release(self, _request: ReadRelease, call: Call) -> Record:
        return self._releases.get((call.tenant, call.request), ReleaseState())

    async def _write_release(self, request: WriteRelease, call: Call) -> Record:
        self._releases[call.tenant, call.request] = request.state
        return Written()


def _scope_of(request: ReadPlaceholders | WritePlaceholders, call: Call) -> tuple[str, str, str]:
    return call.tenant, call.subject, request.scope


@dataclass(frozen=True)
class Answered:
    """Times of one answer, in milliseconds from the asking."""

    first_ms: float
    whole_ms: float


class Direct:
    """Answers questions in this process."""

    def __init__(
        self, settings: Settings, connectors: Sequence[Connector], keyring: Keyring, ids: SchemaIds
    ) -> None:
        """Take what answers the steps but for their tables; the keyring seals the questions."""
        tables = MemoryTables()
        self._requests = RequestBuilder(settings, keyring, edge="bench")
        self._steps = StepRuns((*connectors, tables), keyring, ids, settings.call_timeout_s)

    @classmethod
    def on(cls, settings: Settings) -> Direct:
        """Connect one to the components of a running stack."""
        connectors, keyring = connect(settings, [step(name) for name in ANSWERING])
        return cls(settings, connectors, keyring, known_schemas(settings))

    async def close(self) -> None:
        """Close the connectors."""
        await self._steps.close()

    async def ask(self, tenant: str, text: str) -> Answered:
        """Answer one question of a new session; raises MeasurementFailed where no text came."""
        began = time.perf_counter()
        event: Event = self._requests.question(tenant, user="bench", text=text)
        for name in ANSWERING[:3]:
            outcomes: list[Event] = []
            await self._run(name, event, outcomes.append)
            event = outcomes[-1]
        first_ms = 0.0
        async for released in self._moderated(event):
            if isinstance(released, TokensReleased) and released.text and not first_ms:
                first_ms = (time.perf_counter() - began) * 1000
        if not first_ms:
            raise MeasurementFailed(f"no text came for a question of {len(text)} characters")
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
        await self._steps.run(step(name), event, 0, emit)
