"""A rebuild brings nobody back: documents that were erased stay without chunks."""

from __future__ import annotations

import pytest
from msgspec import structs

from agents.errors import Permanent
from connectors.weaviate.build_states import BuildState
from replay.rebuild.erased_documents import ErasedDocuments
from replay.rebuild.filler import Rate
from schemas import PersonErased
from streams.topics import topic_of
from tests.fakes import NOW_US, a_meta
from tests.replay.rebuild.indexed_log import CODEC, IndexedLog


class ErasingLog(IndexedLog):
    """A log on which events have times, and people are erased."""

    at_us = NOW_US

    def put(self, event, **fields):
        meta = structs.replace(event.meta, at=self.at_us)
        return super().put(structs.replace(event, meta=meta), **fields)

    def erase(self, *documents, tenant="acme"):
        meta = a_meta(tenant, id=f"erased-{'-'.join(documents)}")
        meta = structs.replace(meta, at=self.at_us)
        erased = PersonErased(meta=meta, subject="jane", keys=(), documents=documents)
        self.log.put(topic_of(PersonErased), CODEC.encode(erased), key=tenant.encode())
        self.at_us += 1_000_000


async def test_what_came_before_an_erasure_has_no_chunks_and_what_came_after_has():
    past = ErasingLog()
    past.publish("a", {"a1", "a2"})
    past.publish("b", {"b1"})
    past.publish("c", {"c1"}, "globex")
    past.erase("a")
    past.publish("d", {"d1"})
    await past.index_all()
    filler = await past.rebuilt()
    assert await past.visible(generation=2) == {"b1", "d1"}
    assert await past.visible("globex", generation=2) == {"c1"}
    assert filler.state.erasures == 1
    past.current["a"] = set()
    past.publish("a", {"a3"})
    await past.index_all()
    await filler.fill(past.log, Rate(0))
    assert await past.visible(generation=2) == {"a3", "b1", "d1"}


async def test_another_tenants_document_of_that_name_stays():
    past = ErasingLog()
    past.publish("a", {"a1"}, "globex")
    past.erase("a", tenant="acme")
    await past.index_all()
    await past.rebuilt()
    assert await past.visible("globex", generation=2) == {"a1"}


async def test_a_generation_that_was_begun_before_an_erasure_is_not_gone_on_with():
    past, state = ErasingLog(), BuildState(generation=2)
    past.publish("a", {"a1"})
    await past.index_all()
    filler = await past.rebuilt(state)
    past.erase()  # a person without documents is in no index
    await filler.fill(past.log, Rate(0))
    past.erase("a")
    with pytest.raises(Permanent, match="drop it, and build another one"):
        await filler.fill(past.log, Rate(0))
    with pytest.raises(Permanent, match="generation 2"):
        await past.rebuilt(state)


def test_what_is_no_erasure_is_passed_over():
    past = ErasingLog()
    past.erase("a")
    topic = topic_of(PersonErased)
    past.log.put(topic, b"nonsense")
    past.log.put(topic, CODEC.encode(PersonErased(meta=a_meta(), subject="x", keys=())))
    erased = ErasedDocuments(CODEC)
    erased.learn(past.log)
    erased.learn(past.log)
    assert erased.erasures == 1
