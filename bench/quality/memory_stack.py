"""The stack in memory: all steps over documents and questions, without broker, index or Triton.

It is the steps' own code with the configuration as it is shipped. Readers, detector and keys are
the connectors' own, too; the index is `memory_index.py`, and what a worker would read from tables
stands in dictionaries. No question has a deadline, so that nothing is left out on a slow machine.
What is measured so is worth what a stack's answers are. It takes minutes of one core, most of them
for the documents' vectors.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.child import MeasurementFailed
from bench.quality.conversations import MachineDocument
from bench.quality.memory_index import MemoryIndex
from bench.quality.served_models import (
    ServedModels,
    embedder_folder,
    installed_triton,
    started,
)
from bench.step_runs import StepRuns
from bench.synthetic.answers import Tables
from connectors.documents import Documents
from connectors.keyring import Keyring
from connectors.presidio.connector import Presidio
from connectors.tools import Tools
from edge.requests.building import RequestBuilder
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    Ask,
    ChunksIndexed,
    ChunksRetrieved,
    Event,
    Passage,
    QueryRewritten,
    QuestionRedacted,
)
from schemas.registry import FixedIds
from streams.log.configuration import load
from streams.log.subjects import subjects
from streams.running.world import Connector
from streams.settings import Settings
from streams.topics import step

INGESTING = ("redact", "embed", "index")
ANSWERING = ("redact", "rewrite", "retrieve", "generate", "moderate")
USER = "asker"
CALL_S = 3_600.0  # nobody waits: a batch of vectors takes minutes on a busy machine


@dataclass(frozen=True)
class AnswerTrace:
    """An answer, and what each step made of its question."""

    redacted: QuestionRedacted
    rewritten: QueryRewritten
    retrieved: ChunksRetrieved
    released: AnswerReleased | None
    """None where moderation took it back."""

    @property
    def text(self) -> str:
        """What its reader sees."""
        return self.released.text if self.released else ""

    @property
    def finish_reason(self) -> str:
        """How it ended."""
        return self.released.answer.finish_reason if self.released else "retracted"

    @property
    def quotes(self) -> tuple[str, ...]:
        """What it cites."""
        return tuple(one.quote for one in self.released.answer.citations) if self.released else ()


class MemoryStack:
    """Takes documents in, and answers questions over them."""

    def __init__(
        self, settings: Settings, connectors: Sequence[Connector], keyring: Keyring
    ) -> None:
        """Take what answers the steps but for their tables and the index."""
        self._tables, self._index = Tables(), MemoryIndex()
        self._requests = RequestBuilder(settings, keyring, edge="bench")
        ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self._steps = StepRuns(
            (*connectors, keyring, self._tables, self._index),
            keyring,
            ids,
            CALL_S,
            configurations=load(),
        )
        self._offset = 0

    async def close(self) -> None:
        """Close the connectors."""
        await self._steps.close()

    def passages(self, tenant: str) -> list[Passage]:
        """List everything that a tenant's questions can find."""
        return self._index.passages(tenant)

    async def take_in(self, tenant: str, documents: Iterable[MachineDocument]) -> None:
        """Ingest documents; raises MeasurementFailed for one that can't be."""
        for one in documents:
            events: list[Event] = [
                self._requests.document(
                    tenant,
                    uri=f"machine:{one.name}",
                    media_type=one.media_type,
                    content=one.text.encode(),
                    title=one.name,
                )
            ]
            for name in ("ingest", *INGESTING):
                events = [one for event in events for one in await self._run(name, event)]
            last = events[-1]
            if not isinstance(last, ChunksIndexed) or last.outcome != "indexed":
                reason = getattr(last, "reason", "")
                raise MeasurementFailed(f"{one.name} could not be ingested: {reason}")

    async def answer(self, tenant: str, session: str, text: str) -> AnswerTrace:
        """Answer a question; the conversation goes on with what was answered."""
        event: Event = self._requests.question(
            tenant, user=USER, text=text, session=session, ask=Ask()
        )
        made: dict[type[Event], Event] = {}
        events = [event]
        for name in ANSWERING:
            events = [one for event in events for one in await self._run(name, event)]
            made |= {type(event): event for event in events}
        last = made.get(AnswerReleased)
        released = last if isinstance(last, AnswerReleased) else None
        if released is not None:
            self._tables.remember(released)
        elif AnswerRetracted not in made:
            raise MeasurementFailed("a question was not answered")
        redacted, rewritten, retrieved = (
            made[kind] for kind in (QuestionRedacted, QueryRewritten, ChunksRetrieved)
        )
        assert isinstance(redacted, QuestionRedacted)
        assert isinstance(rewritten, QueryRewritten)
        assert isinstance(retrieved, ChunksRetrieved)
        return AnswerTrace(redacted, rewritten, retrieved, released)

    async def _run(self, name: str, event: Event) -> list[Event]:
        outcomes: list[Event] = []
        self._offset += 1
        await self._steps.run(step(name), event, self._offset, outcomes.append)
        return outcomes


@asynccontextmanager
async def memory_stack() -> AsyncIterator[MemoryStack]:
    """Make one with the models of the installed part; raises MeasurementFailed without them."""
    part = installed_triton()
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        tokenizer = str(embedder_folder(part) / "tokenizer.json")
        settings = Settings(run=Path(folder), tokenizer=tokenizer)
        keyring = Keyring(settings)
        models = ServedModels(started(part))
        connectors = (Documents(settings), Presidio(settings), Tools(settings), models)
        stack = MemoryStack(settings, connectors, keyring)
        try:
            yield stack
        finally:
            await asyncio.shield(stack.close())
