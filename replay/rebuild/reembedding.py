"""Embed recorded chunks again with another model: texts are on the log, redacted."""

from __future__ import annotations

from dataclasses import replace as with_settings

from msgspec.structs import replace

from agents.embed import embedded
from agents.errors import Permanent
from connectors.triton import Triton
from connectors.weaviate.build_states import BuildState
from replay.rebuild.lane_inputs import IndexInput
from schemas import ChunksEmbedded, Embed, Embedded, EmbeddedChunk, RedactedChunk
from streams.running.world import Call
from streams.settings import Settings

TEXTS_MAX = 32  # of one call, as *embed* makes them: questions come between two
PROBE = "probe"


class Reembedding:
    """Gives inputs of *index* the vectors of one embedder; raises Transient or Permanent.

    Its calls have no deadline, so that Triton's connector ranks them behind questions.
    """

    def __init__(self, settings: Settings, state: BuildState, triton: Triton | None = None) -> None:
        """Take the state of a generation, which says which embedder, and once known which model."""
        self._state = state
        self._triton = triton or Triton(
            with_settings(settings, embedder=state.embedder, cache_mb=0)
        )

    async def probe(self) -> None:
        """Ask for the model; raises Permanent where it is not that of the generation."""
        call = Call(tenant="", lane=0, request="", session="", event="rebuild", topic="", offset=0)
        self._hold_to(await self._asked((PROBE,), call))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._triton.close()

    async def changed(self, one: IndexInput) -> IndexInput:
        """Return the input as if this embedder had made it."""
        event = one.event
        chunks = tuple(
            RedactedChunk(
                id=chunk.id,
                number=chunk.number,
                text=chunk.text,
                tokens=chunk.tokens,
                entries=chunk.entries,
            )
            for chunk in event.chunks
        )
        call = Call.over(one.given)
        made: list[EmbeddedChunk] = []
        for at in range(0, len(chunks), TEXTS_MAX):
            some = chunks[at : at + TEXTS_MAX]
            answer = await self._asked(tuple(chunk.text for chunk in some), call)
            self._hold_to(answer)
            made += embedded(some, answer)
        changed: ChunksEmbedded = replace(
            event,
            model=self._state.model,
            dimensions=self._state.dimensions,
            chunks=tuple(made),
        )
        return IndexInput(one.given._replace(event=changed), one.code)

    async def _asked(self, texts: tuple[str, ...], call: Call) -> Embedded:
        request = Embed(
            texts=texts, kind="passage", token_vectors=True, embedder=self._state.embedder
        )
        try:
            return await self._triton.embed(request, call)
        except Permanent as error:
            raise Permanent(
                f"embedder {self._state.embedder} can't be asked: {error}; is it in Triton's "
                "repository under this name?"
            ) from None

    def _hold_to(self, answer: Embedded) -> None:
        state = self._state
        if not state.model:
            state.model, state.dimensions = answer.model, answer.dimensions
        if (answer.model, answer.dimensions) != (state.model, state.dimensions):
            raise Permanent(
                f"generation {state.generation} was begun with {state.model} of "
                f"{state.dimensions} numbers, and {state.embedder} is {answer.model} of "
                f"{answer.dimensions} now: build another generation, or give that model back"
            )
