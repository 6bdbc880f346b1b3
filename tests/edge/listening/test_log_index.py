"""The index of the log answers as dictionaries would, and holds nothing in memory for it."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from edge.listening.entries import Entry
from edge.listening.known_documents import KnownDocuments
from edge.listening.known_requests import KnownRequests
from edge.listening.log_index import LAYOUT, LanePlace, LogIndex
from schemas import (
    Ask,
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
from streams.topics import topic_of
from tests.edge.listening.plain_catalogue import PlainCatalogue
from tests.fakes import NOW_US, a_meta
from tests.folders_in_memory import a_folder

SEALED = Sealed(key="k", event="e", field="f", ciphertext=b"\x00\xff")
PLACES = {("t", 0): LanePlace(7, "id", (6, "print"))}


class Indexed:
    """An index with what is kept in it."""

    def __init__(self, folder):
        self.index = LogIndex(Path(folder))
        self.requests, self.documents = KnownRequests(self.index), KnownDocuments(self.index)

    def take(self, entry):
        self.requests.take(entry)
        self.documents.take(entry)

    def close(self):
        self.index.close()


@pytest.fixture
def indexed(tmp_path):
    with closing(Indexed(tmp_path)) as indexed:
        yield indexed


def asked(request="r-1", tenant="acme", session="s-1", **more):
    meta = a_meta(request=request, tenant=tenant, session=session, trace=f"00-{request}")
    return QuestionAsked(meta=meta, subject="jane", text=SEALED, ask=Ask(deadline=5), **more)


def entry(event, time_ms=1, offset=0):
    return Entry(event, 0, offset, time_ms)


# ---------------------------------------------------------------------- as dictionaries would

TENANTS, REQUESTS, DOCUMENTS = ("acme", "globex"), ("r-1", "r-2", "r-3"), ("d-1", "d-2")
KEYS = ("", "key-1", "key-2")


@st.composite
def events(draw):
    tenant, document = draw(st.sampled_from(TENANTS)), draw(st.sampled_from(DOCUMENTS))
    request, at = draw(st.sampled_from(REQUESTS)), draw(st.integers(0, 4))
    meta = a_meta(tenant=tenant, session=document, request=request, at=NOW_US + at)
    reference = DocumentRef(document=document, version=at, uri="u")
    batch = Batch(number=0, last=draw(st.booleans()))
    match draw(st.integers(0, 5)):
        case 0:
            return asked(request, tenant, key=draw(st.sampled_from(KEYS)))
        case 1:
            return DocumentSubmitted(
                meta=meta,
                document=document,
                uri=f"u{at}",
                media_type="text/plain",
                content=SEALED,
                title=draw(st.sampled_from((None, SEALED))),
                metadata={"a": "b"},
                key=draw(st.sampled_from(KEYS)),
                size=draw(st.integers(0, 99)),
                groups=("g",) * at,
            )
        case 2:
            return DocumentWithdrawn(meta=meta, document=document)
        case 3:
            outcome = draw(st.sampled_from(("cut", "failed", "withdrawn", "unchanged")))
            return ChunksCut(meta=meta, document=reference, batch=batch, outcome=outcome)
        case 4:
            manifest = Manifest(
                checksum="c", parser="p", parser_version="1", policy="x", chunks=("c", f"{at}")
            )
            return ChunksIndexed(
                meta=meta,
                document=reference,
                batch=batch,
                outcome=draw(st.sampled_from(("indexed", "withdrawn", "failed"))),
                visible=draw(st.booleans()),
                position=draw(st.integers(0, 3)),
                manifest=manifest,
            )
    return EventRejected(
        meta=meta,
        topic=draw(st.sampled_from((topic_of(ChunksRedacted), topic_of(QuestionAsked)))),
        partition=0,
        offset=0,
        step="embed",
        error="Permanent",
        message="why",
        attempts=1,
    )


DEEDS = st.one_of(events(), st.sampled_from(("written", "refused", "killed")))


@settings(max_examples=150, deadline=None)
@given(st.lists(DEEDS, max_size=40))
def test_it_answers_as_dictionaries_would_whatever_is_written_when(deeds):
    plain, lost = PlainCatalogue(), []
    with a_folder() as folder:
        indexed = Indexed(folder)
        for number, deed in enumerate(deeds):
            match deed:
                case "written":
                    assert indexed.index.flush(PLACES)
                    lost = []
                case "refused":
                    indexed.index._writer.execute("PRAGMA query_only = ON")
                    assert not indexed.index.flush(PLACES)
                    indexed.index._writer.execute("PRAGMA query_only = OFF")
                case "killed":  # what was not written is read again
                    indexed.close()
                    indexed = Indexed(folder)
                    for one in lost:
                        indexed.take(one)
                case event:
                    lost.append(entry(event, time_ms=number, offset=number))
                    plain.take(lost[-1])
                    indexed.take(lost[-1])
            check_equal(indexed, plain)
        indexed.close()


def check_equal(indexed, plain):
    for tenant in TENANTS:
        for request in REQUESTS:
            whose = tenant, request
            assert indexed.requests.find(whose) == plain.requests.get(whose)
        for most, session in ((1, None), (9, None), (9, "s-1"), (9, "s-2")):
            wanted = tenant, "jane", most, session
            assert indexed.requests.newest(*wanted) == plain.newest(*wanted)
        described = plain.described(tenant)
        heads = list(indexed.documents.heads(tenant))
        assert [head.id for head in heads] == described
        assert [one.id for one in indexed.documents.heads(tenant, "d-1")] == [
            one for one in described if one > "d-1"
        ]
        for head in heads:
            known = plain.documents[tenant, head.id]
            assert indexed.documents.find(tenant, head.id) == structs_equal(known, head)
        for key in KEYS:
            assert indexed.documents.stored(tenant, key) == plain.stored(tenant, key)
        assert indexed.documents.under_way(0, tenant).pending == plain.at_work(tenant)
    assert len(indexed.documents) == len(plain.documents)


def structs_equal(known, head):
    """The document itself, once its head says the same."""
    assert head == (known.id, known.newest.status, known.groups)
    return known


# ---------------------------------------------------------------------- memory

MANY = 20_000
BYTES_MAX = 48
"""Of memory for one more request that was written; it was 700 in a dictionary."""


def test_what_was_written_takes_no_memory(indexed):
    def fill(first, count):
        for number in range(first, first + count):
            indexed.take(entry(asked(f"request-{number}", session=f"session-{number}")))
            if number % 1_000 == 999:
                assert indexed.index.flush(PLACES)

    fill(0, 2_000)
    tracemalloc.start()
    try:
        fill(2_000, MANY)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / MANY < BYTES_MAX
    assert indexed.index.unwritten == 0
    assert len(indexed.requests) == MANY + 2_000
    assert indexed.requests.find(("acme", "request-7")).session == "session-7"


# ---------------------------------------------------------------------- requests


def test_a_request_whose_digest_is_another_ones_is_not_found(indexed, monkeypatch):
    monkeypatch.setattr("edge.listening.known_requests._digest_of", lambda _: b"the same for all")
    indexed.take(entry(asked("r-1", "acme")))
    assert indexed.index.flush(PLACES)
    assert indexed.requests.find(("acme", "r-1")).request == "r-1"
    assert indexed.requests.find(("globex", "r-1")) is None
    assert indexed.requests.find(("acme", "r-2")) is None


def test_what_is_ones_own_is_known_until_the_log_tells_it_and_then_as_the_log_does(indexed):
    own, earlier = entry(asked(), 88, 1), entry(asked(), 77, 0)
    indexed.requests.learn(own)
    assert indexed.requests.find(("acme", "r-1")).time_ms == 88
    indexed.requests.take(earlier)
    assert indexed.requests.find(("acme", "r-1")).time_ms == 77
    assert indexed.index.flush(PLACES)
    indexed.requests.learn(own)  # word from the broker may come after the reader
    assert indexed.requests.find(("acme", "r-1")).time_ms == 77
    assert indexed.requests._own == {}


# ---------------------------------------------------------------------- the file


def test_it_is_known_after_a_start_up_to_where_it_was_taken_in(tmp_path):
    with closing(Indexed(tmp_path)) as before:
        before.take(entry(asked(), 77))
        assert before.index.places() == {}
        assert before.index.flush(PLACES)
    with closing(Indexed(tmp_path)) as after:
        assert after.requests.find(("acme", "r-1")).time_ms == 77
        assert len(after.requests) == 1
        assert after.index.places() == PLACES


def test_places_are_not_ahead_of_what_the_disk_took(indexed):
    indexed.take(entry(asked()))
    indexed.index._writer.execute("PRAGMA max_page_count = 1")
    indexed.index._writer.execute("PRAGMA query_only = ON")
    assert not indexed.index.flush(PLACES)
    assert not indexed.index.spoilt
    assert indexed.index.places() == {}
    assert indexed.requests.find(("acme", "r-1")) is not None


def test_each_process_has_a_file_of_its_own(tmp_path):
    with closing(Indexed(tmp_path)) as one, closing(Indexed(tmp_path)) as other:
        one.take(entry(asked()))
        assert one.index.flush(PLACES)
        assert other.requests.find(("acme", "r-1")) is None
        assert other.index.places() == {}
    names = {path.name for path in tmp_path.glob("log-index-*.sqlite")}
    assert names == {"log-index-1.sqlite", "log-index-2.sqlite"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("log-index-*")} == {0o600}


def a_file_of(tmp_path, spoil):
    with closing(Indexed(tmp_path)) as before:
        before.take(entry(asked()))
        assert before.index.flush(PLACES)
    spoil(tmp_path / "log-index-1.sqlite")


def garbage(path):
    path.write_bytes(b"garbage" * 4_000)


def of_another_layout(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {LAYOUT + 1}")


@pytest.mark.parametrize("spoil", [garbage, of_another_layout])
def test_a_file_that_is_none_of_ours_begins_anew(tmp_path, spoil):
    a_file_of(tmp_path, spoil)
    with closing(Indexed(tmp_path)) as after:
        assert after.index.places() == {}
        assert len(after.requests) == 0
        after.take(entry(asked()))
        assert after.index.flush(PLACES)


def a_document_that_cant_be_read(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "INSERT INTO documents VALUES ('acme', 'd', 1, 'indexed', '[]', 1, '', 1, x'00')"
        )
        database.commit()


def pages_overwritten(path):
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xee" * (path.stat().st_size - 4_096))


@pytest.mark.parametrize("spoil", [a_document_that_cant_be_read, pages_overwritten])
def test_what_can_not_be_read_is_told_and_begins_anew(tmp_path, spoil):
    a_file_of(tmp_path, spoil)
    with closing(Indexed(tmp_path)) as after:
        assert after.requests.find(("acme", "r-1")) is None or spoil is not pages_overwritten
        after.index.places()
        assert after.index.spoilt
        assert not after.index.flush(PLACES)
        after.index.begin_anew()
        assert not after.index.spoilt
        assert after.index.places() == {}
        assert len(after.requests) == len(after.documents) == 0
        after.take(entry(structs.replace(asked())))
        assert after.index.flush(PLACES)
        assert after.requests.find(("acme", "r-1")) is not None
