"""A rebuild brings nobody back: documents that were erased stay without chunks."""

from __future__ import annotations

import pytest
from msgspec import structs

from agents.errors import Permanent
from connectors.weaviate.build_states import BuildState
from replay.rebuild.erased_documents import ErasedDocuments
from replay.rebuild.filler import Rate
from schemas import (
    ErasureRefused,
    ErasureRequested,
    PersonErased,
    StepVersion,
)
from streams.log.ids import outcome_id
from streams.topics import topic_of
from tests.fakes import NOW_US, a_meta
from tests.producer_keys import ProducerKeys, must_sign, put_signed
from tests.replay.rebuild.indexed_log import CODEC, IndexedLog

ERASING = StepVersion(name="erase", code="test", configuration="")


class ErasingLog(IndexedLog):
    """A log on which events have times, and people are erased."""

    at_us = NOW_US

    def put(self, event, **fields):
        meta = structs.replace(event.meta, at=self.at_us)
        return super().put(structs.replace(event, meta=meta), **fields)

    def ask(self, *documents, tenant="acme", signer=None):
        """Ask for somebody to be erased who has these documents."""
        name = f"r-{'-'.join(documents)}"
        asked = ErasureRequested(meta=a_meta(tenant, request=name, id=name), subject="jane")
        self._tell(asked, signer)
        return asked

    def erase(self, *documents, tenant="acme", signer=None, **fields):
        """Do so, and let a worker tell what came of it; `fields` of its meta are otherwise."""
        asked = self.ask(*documents, tenant=tenant, signer=signer)
        self.tell_erased(asked, *documents, **fields)

    def tell_erased(self, asked, *documents, **fields):
        meta = a_meta(
            asked.meta.tenant,
            request=asked.meta.request,
            id=outcome_id(asked.meta.id, "erase", 0),
            at=self.at_us,
            step=ERASING,
        )
        meta = structs.replace(meta, **fields)
        self._tell(PersonErased(meta=meta, subject="jane", keys=(), documents=documents))
        self.at_us += 1_000_000

    def _tell(self, event, signer=None):
        put_signed(self.log, event, signer)

    def must_sign(self, keys):
        """Have producers sign from here on."""
        must_sign(self.log, keys)


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
    past.log.put(topic, None)
    past.log.put(topic, CODEC.encode(PersonErased(meta=a_meta(), subject="x", keys=())))
    erased = ErasedDocuments(CODEC)
    erased.learn(past.log)
    erased.learn(past.log)
    assert erased.erasures == 1


async def visible_after(past):
    """What a rebuild shows of a document that somebody says was erased."""
    await past.index_all()
    await past.rebuilt()
    return await past.visible(generation=2)


def a_document():
    past = ErasingLog()
    past.publish("a", {"a1"})
    return past


FORGED = {
    "without a request": lambda past: past.tell_erased(
        ErasureRequested(meta=a_meta(request="r-1", id="r-1"), subject="jane"), "a"
    ),
    "of another writer": lambda past: past.erase("a", step=a_meta().step),
    "of another request": lambda past: past.erase("a", request="r-2"),
    "under another id": lambda past: past.erase("a", id="x"),
    "in another tenant's name": lambda past: past.erase("a", tenant="globex"),
}


@pytest.mark.parametrize("forge", FORGED)
async def test_a_record_that_nobody_asked_for_keeps_nothing_out(forge):
    past = a_document()
    FORGED[forge](past)
    assert await visible_after(past) == {"a1"}


def test_what_is_said_after_a_refusal_counts_for_nothing():
    past, erased = a_document(), ErasedDocuments(CODEC)
    asked = past.ask("a")
    meta = a_meta(
        request=asked.meta.request, id=outcome_id(asked.meta.id, "erase", 0), step=ERASING
    )
    past._tell(ErasureRefused(meta=meta, subject="jane", reason="held"))
    erased.learn(past.log)
    past.tell_erased(asked, "a")
    erased.learn(past.log)
    assert erased.erasures == 0


@pytest.mark.parametrize(("signs", "shown"), [("nobody", {"a1"}), ("*", set()), ("acme", set())])
async def test_where_producers_must_sign_so_must_who_asks_for_an_erasure(signs, shown):
    past, keys = a_document(), ProducerKeys({topic_of(ErasureRequested): [0]})
    signer = None if signs == "nobody" else keys.signer(signs)
    past.must_sign(keys)
    past.erase("a", signer=signer)
    assert await visible_after(past) == shown


async def test_what_was_asked_before_they_had_to_sign_stands():
    past, keys = a_document(), ProducerKeys({topic_of(ErasureRequested): [1]})
    past.erase("a")
    past.must_sign(keys)
    assert await visible_after(past) == set()
    past.publish("b", {"b1"})
    past.erase("b")
    await past.index_all()
    filler = await past.rebuilt(BuildState(generation=3))
    assert filler.state.erasures == 1
    assert await past.visible(generation=3) == {"b1"}
