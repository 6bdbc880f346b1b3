"""What the edge remembers of documents, in whatever order the log's topics are read."""

from __future__ import annotations

from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from edge.listening.entries import Entry
from edge.listening.known_documents import ABOUT_DOCUMENTS, REQUESTS_KEPT, KnownDocuments
from edge.listening.log_index import LogIndex
from schemas import (
    Batch,
    ChunksCut,
    ChunksIndexed,
    ChunksRedacted,
    DocumentRef,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    Manifest,
    QuestionAsked,
    Sealed,
)
from streams.topics import STEPS, step_reading, topic_of
from tests.fakes import NOW_US, a_meta
from tests.folders_in_memory import a_folder

SEALED = Sealed(key="k", event="e", field="f", ciphertext=b"x")


def meta(request, at, tenant="acme"):
    return a_meta(tenant=tenant, session="d-1", request=request, at=NOW_US + at)


def submitted(request, at, uri="u", tenant="acme"):
    return DocumentSubmitted(
        meta=meta(request, at, tenant),
        document="d-1",
        uri=uri,
        media_type="text/plain",
        content=SEALED,
    )


def cut(request, at, outcome="cut", *, last=True, reason=""):
    return ChunksCut(
        meta=meta(request, at),
        document=DocumentRef(document="d-1", version=1, uri="u"),
        batch=Batch(number=0, last=last),
        outcome=outcome,
        reason=reason,
    )


def indexed(request, at, version=1, outcome="indexed", *, position, chunks=("c",)):
    shown = outcome == "indexed"
    return ChunksIndexed(
        meta=meta(request, at),
        document=DocumentRef(document="d-1", version=version, uri="u"),
        batch=Batch(number=0, last=True),
        outcome=outcome,
        visible=shown,
        position=position,
        manifest=Manifest(
            checksum="c", parser="p", parser_version="1", policy="procedural", chunks=chunks
        )
        if shown
        else None,
    )


@contextmanager
def an_index():
    with a_folder() as folder, closing(LogIndex(folder)) as index:
        yield index


@pytest.fixture
def index():
    with an_index() as index:
        yield index


def view_of(events):
    with an_index() as index:
        documents = KnownDocuments(index)
        for offset, event in enumerate(events):
            documents.take(Entry(event, 0, offset, 0))
        known = documents.find("acme", "d-1")
        return None if known is None else known.as_json(None)


FIRST = [submitted("r-1", 0), cut("r-1", 1), indexed("r-1", 2, position=10)]
CHANGED = [
    submitted("r-2", 10, uri="u"),
    cut("r-2", 11),
    indexed("r-2", 12, 2, position=20, chunks=("c", "d")),
]
WITHDRAWN = [
    DocumentWithdrawn(meta=meta("r-3", 20), document="d-1"),
    cut("r-3", 21, "withdrawn"),
    indexed("r-3", 22, 2, "withdrawn", position=30),
]
REJECTED = EventRejected(
    meta=meta("r-2", 13),
    topic=topic_of(ChunksRedacted),
    partition=0,
    offset=0,
    step="embed",
    error="Permanent",
    message="the model is gone",
    attempts=1,
)


@pytest.mark.parametrize(
    ("events", "status", "version", "chunks"),
    [
        (FIRST[:1], "accepted", 0, 0),
        ([FIRST[0], cut("r-1", 1, last=False)], "accepted", 0, 0),
        (FIRST[:2], "ingested", 0, 0),
        (FIRST, "indexed", 1, 1),
        ([FIRST[0], cut("r-1", 1, "failed", reason="why")], "failed", 0, 0),
        ([*FIRST, CHANGED[0]], "accepted", 1, 1),
        ([*FIRST, *CHANGED[:2]], "ingested", 1, 1),
        ([*FIRST, *CHANGED], "indexed", 2, 2),
        ([*FIRST, *CHANGED[:2], REJECTED], "failed", 1, 1),
        ([*FIRST, CHANGED[0], indexed("r-2", 12, 1, "unchanged", position=20)], "indexed", 1, 1),
        ([*FIRST, WITHDRAWN[0]], "accepted", 1, 1),
        ([*FIRST, *WITHDRAWN], "deleted", 1, 0),
    ],
)
def test_the_status_is_that_of_the_newest_request(events, status, version, chunks):
    view = view_of(events)
    assert (view["status"], view["version"], view["chunks"]) == (status, version, chunks)
    if status == "failed":
        assert view["reason"]


@given(st.data(), st.booleans())
def test_topics_may_be_read_in_any_order(data, is_rejected):
    changed = [CHANGED[0], REJECTED] if is_rejected else CHANGED
    history = [*FIRST, *changed, *WITHDRAWN]
    events = history[: data.draw(st.integers(1, len(history)))]
    lanes = {}
    for event in events:
        lanes.setdefault(topic_of(event), []).append(event)
    shuffled = []
    while any(lanes.values()):
        topic = data.draw(st.sampled_from(sorted(name for name in lanes if lanes[name])))
        shuffled.append(lanes[topic].pop(0))
    assert view_of(shuffled) == view_of(events)
    assert view_of([*shuffled, *shuffled]) == view_of(events), "reading again changes nothing"


def test_a_document_whose_dead_letter_is_read_before_it_has_failed():
    at_first = structs.replace(REJECTED, meta=meta("r-1", 1), topic=topic_of(DocumentSubmitted))
    view = view_of([at_first, FIRST[0]])
    assert (view["status"], view["reason"]) == ("failed", "the model is gone")


def test_a_dead_letter_of_what_nobody_could_read_is_of_no_document(index):
    documents = KnownDocuments(index)
    documents.take(Entry(structs.replace(REJECTED, meta=meta("", 1)), 0, 0, 0))
    assert (len(documents), documents.unwritten) == (0, 0)


def test_only_the_newest_requests_of_a_document_are_kept(index):
    documents = KnownDocuments(index)
    for number in range(100):
        documents.take(Entry(submitted(f"r-{number}", number), 0, number, 0))
    known = documents.find("acme", "d-1")
    assert len(known.requests) <= 2 * REQUESTS_KEPT
    assert known.newest.request == "r-99"


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([], 0),
        (FIRST[:1], 1),
        (FIRST[:2], 1),
        (FIRST, 0),
        ([*FIRST, CHANGED[0]], 1),
        ([*FIRST, *CHANGED[:2], REJECTED], 0),
        ([*FIRST, WITHDRAWN[0]], 1),
        ([*FIRST, *WITHDRAWN], 0),
    ],
)
def test_a_document_is_under_way_until_its_newest_request_is_settled(index, events, count):
    documents = KnownDocuments(index)
    for offset, event in enumerate(events):
        documents.take(Entry(event, 0, offset, 0))
    assert documents.under_way(0, "acme").pending == count
    assert documents.under_way(0, "globex").pending == documents.under_way(1, "acme").pending == 0


def test_a_document_is_its_tenants_own(index):
    documents = KnownDocuments(index)
    documents.take(Entry(submitted("r-1", 0, tenant="globex"), 0, 0, 0))
    assert documents.find("acme", "d-1") is None
    assert list(documents.heads("acme")) == []
    assert [head.id for head in documents.heads("globex")] == ["d-1"]


def test_a_question_whose_session_is_called_like_a_document_does_not_touch_it():
    asked = structs.replace(REJECTED, topic=topic_of(QuestionAsked))
    assert view_of([*FIRST, *CHANGED[:2], asked])["status"] == "ingested"
    about = [structs.replace(REJECTED, topic=topic) for topic in sorted(ABOUT_DOCUMENTS)]
    assert [view_of([*FIRST, *CHANGED[:2], event])["status"] for event in about] == [
        "failed"
    ] * len(about)


def test_what_is_about_documents_is_what_the_steps_make_of_them():
    topics, new = set(), {DocumentSubmitted, DocumentWithdrawn}
    while new:
        topics |= {topic_of(kind) for kind in new}
        flows = [flow for entry in STEPS for kind, flow in entry.flows.items() if kind in new]
        new = {kind for flow in flows for kind in flow if step_reading(kind)}
    assert topics == ABOUT_DOCUMENTS
