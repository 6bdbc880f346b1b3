"""Embedding again: the log's chunks with another model's vectors, never those of two models in one generation."""

import numpy as np
import pytest

from agents.errors import Permanent
from connectors.weaviate.build_states import BuildState
from replay.rebuild.filler import Rate
from replay.rebuild.reembedding import TEXTS_MAX, Reembedding
from schemas import Embedded
from streams.settings import Settings
from tests.replay.rebuild.indexed_log import IndexedLog


class LengthEmbedder:
    """Stands where Triton's connector does: a text becomes its length, in two numbers."""

    def __init__(self, model="length@1", numbers=2):
        self.model, self.numbers, self.asked, self.failure = model, numbers, [], None

    async def embed(self, request, _call):
        self.asked.append(request)
        if self.failure:
            raise self.failure
        rows = [np.full(self.numbers, len(text), "<f4").tobytes() for text in request.texts]
        return Embedded(
            vectors=tuple(rows),
            token_vectors=tuple(b"\2" for _ in rows),
            counts=tuple(9 for _ in rows),
            model=self.model,
            dimensions=self.numbers,
        )

    async def close(self):
        """Nothing is held."""


async def reembedded(past, state, embedder):
    change = Reembedding(Settings(), state, embedder)
    await change.probe()
    filler = past.filler(state, change=change.changed)
    await filler.fill(past.log, Rate(0))
    await change.close()
    return filler


def a_state():
    return BuildState(generation=2, embedder="other")


async def test_the_generation_has_the_other_models_vectors_and_else_the_same():
    past, embedder = IndexedLog(), LengthEmbedder()
    names = {f"a{number}" for number in range(TEXTS_MAX + 3)}
    past.publish("a", names)
    past.withdraw("gone")
    await past.index_all()
    filler = await reembedded(past, a_state(), embedder)
    assert (filler.state.model, filler.state.dimensions) == ("length@1", 2)
    made = await past.compared(same_embedder=False)
    assert made.equal, made.differences
    assert not (await past.compared()).equal
    held = past.server.data["PlayheadChunk_2"]["acme"].values()
    assert {len(one.vector) for one in held} == {2}
    assert {one.properties["model"] for one in held} == {"length@1"}
    assert {one.properties["tokens"] for one in held} == {9}
    probe, first, second = (len(asked.texts) for asked in embedder.asked)
    assert (probe, first, second) == (1, TEXTS_MAX, 3)
    assert {(one.embedder, one.kind) for one in embedder.asked} == {("other", "passage")}


async def test_a_model_that_changed_in_between_is_refused_before_anything_is_written():
    past, state = IndexedLog(), a_state()
    past.publish("a", {"a1"})
    await past.index_all()
    await reembedded(past, state, LengthEmbedder())
    for other in (LengthEmbedder("length@2"), LengthEmbedder(numbers=3)):
        with pytest.raises(Permanent, match="begun with length@1 of 2 numbers, and other is"):
            await reembedded(past, state, other)


async def test_an_embedder_that_is_not_there_is_named():
    embedder = LengthEmbedder()
    embedder.failure = Permanent("Triton refused a request to other (NOT_FOUND)")
    with pytest.raises(
        Permanent, match=r"embedder other can't be asked: .* in Triton's repository"
    ):
        await reembedded(IndexedLog(), a_state(), embedder)
