"""The index step."""

import pytest

from agents.changes import OLDEST
from schemas import (
    Batch,
    ChunksEmbedded,
    DocumentRef,
    EmbeddedChunk,
    IndexChunks,
    IndexWritten,
    Manifest,
    PublishVersion,
    WithdrawVersions,
)
from streams.version import CODE
from tests.fakes import FakeEffects, a_meta

DOCUMENT = DocumentRef(document="d-1", version=2, uri="guide.md")
MANIFEST = Manifest(
    checksum="c", parser="p", parser_version="1", policy="faq", chunks=("b",), retired=("a",)
)
CHUNK = EmbeddedChunk(id="b", number=0, text="Text.", tokens=2, vector=b"\0\0\0\0")


def embedded(**fields):
    values = {
        "meta": a_meta(session="d-1"),
        "document": DOCUMENT,
        "batch": Batch(number=0, last=True),
        "outcome": "embedded",
        "title": "Guide",
        "model": "tiny@1",
        "chunks": (CHUNK,),
        "manifest": MANIFEST,
    }
    return ChunksEmbedded(**{**values, **fields})


async def run(event, code=CODE):
    fx = FakeEffects(
        "index",
        event,
        {
            IndexChunks: lambda r: IndexWritten(count=len(r.chunks), position=7),
            PublishVersion: lambda r: IndexWritten(count=len(r.retired), position=8),
            WithdrawVersions: lambda _: IndexWritten(count=3, position=9),
        },
    )
    fx.code = code
    await fx.execute()
    [outcome] = fx.outcomes
    return outcome, fx.asked


async def test_the_last_batch_is_written_before_the_version_becomes_visible():
    outcome, asked = await run(embedded())
    assert asked == [
        IndexChunks(document=DOCUMENT, title="Guide", model="tiny@1", chunks=(CHUNK,)),
        PublishVersion(document=DOCUMENT, retired=("a",), chunks=("b",)),
    ]
    assert (outcome.outcome, outcome.indexed, outcome.retired) == ("indexed", 1, 1)
    assert (outcome.visible, outcome.position, outcome.manifest) == (True, 8, MANIFEST)


async def test_an_earlier_batch_shows_nothing():
    event = embedded(batch=Batch(number=0, last=False), manifest=None)
    outcome, asked = await run(event)
    assert [type(request) for request in asked] == [IndexChunks]
    assert (outcome.visible, outcome.position, outcome.batch) == (False, 7, event.batch)


async def test_a_version_that_only_drops_chunks_is_published_without_writing():
    outcome, asked = await run(embedded(chunks=()))
    assert [type(request) for request in asked] == [PublishVersion]
    assert (outcome.outcome, outcome.indexed, outcome.visible) == ("indexed", 0, True)


async def test_a_withdrawn_document_loses_all_its_versions():
    event = embedded(outcome="withdrawn", chunks=(), manifest=None)
    outcome, asked = await run(event)
    assert asked == [WithdrawVersions(document=DOCUMENT)]
    assert (outcome.outcome, outcome.retired, outcome.visible) == ("withdrawn", 3, False)


@pytest.mark.parametrize("kind", ["unchanged", "failed"])
async def test_what_did_not_change_or_failed_passes_through_without_effects(kind):
    event = embedded(outcome=kind, reason="why", chunks=(), manifest=None)
    outcome, asked = await run(event)
    assert asked == []
    assert (outcome.outcome, outcome.reason, outcome.visible) == (kind, "why", False)


@pytest.mark.parametrize("code", [OLDEST, "0.2.0.dev2"])
async def test_before_it_was_declared_the_index_was_not_told_the_order(code):
    _, asked = await run(embedded(), code)
    assert asked[-1] == PublishVersion(document=DOCUMENT, retired=("a",))
