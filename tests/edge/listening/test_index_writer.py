"""History is read from where the index has it, and what is written is never ahead of what was read."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from msgspec import structs

from edge.listening.index_writer import ROWS_MAX, IndexWriter
from edge.listening.known_documents import KnownDocuments
from edge.listening.known_requests import KnownRequests
from edge.listening.log_index import LanePlace, LogIndex
from streams.delivery.log_identity import fingerprint
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION
from tests.edge.listening.test_log_reader import Live, Log
from tests.fakes import a_meta

ASKED = topic_of(QUESTION)


def asked(request):
    return structs.replace(QUESTION, meta=a_meta(request=request))


class Gateway:
    """A reader with an index in a folder, and what it knows."""

    def __init__(self, log, folder, ids=None):
        self.index = LogIndex(folder)
        self.requests, self.documents = KnownRequests(self.index), KnownDocuments(self.index)
        self.live = Live(
            log, index=self.index, ids=lambda _, topics: dict.fromkeys(topics, "id") | (ids or {})
        )
        self.live.dispatch._readers += (self.requests.take, self.documents.take)

    async def __aenter__(self):
        await self.live.__aenter__()
        await self.live.until(lambda: self.live.reader.ready)
        return self

    async def __aexit__(self, *_):
        await self.live.__aexit__()
        self.index.close()

    @property
    def heard(self):
        """Which requests were read from the log in this life."""
        return [event.meta.request for event in self.live.events]

    def knows(self, request):
        return self.requests.find(("acme", request)) is not None


@pytest.fixture
def log():
    return Log()


async def test_a_start_reads_on_from_where_the_one_before_had_come(log, tmp_path):
    for request in ("r-1", "r-2"):
        log.put(asked(request))
    async with Gateway(log, tmp_path) as first:
        # in any order: what came last may be read before what lies behind it
        assert sorted(first.heard) == ["r-1", "r-2"]
    log.put(asked("r-3"))
    async with Gateway(log, tmp_path) as second:
        assert second.heard == ["r-3"]
        assert all(map(second.knows, ("r-1", "r-2", "r-3")))


async def test_what_is_no_record_of_ours_is_not_read_again_either(log, tmp_path):
    log.put(QUESTION, value=b"nonsense")
    async with Gateway(log, tmp_path) as first:
        pass
    with closing(LogIndex(tmp_path)) as index:
        assert index.places()[ASKED, 0].next == 1
    assert first.heard == []


async def test_what_was_read_after_the_last_write_is_read_again(log, tmp_path, monkeypatch):
    log.put(asked("r-1"))
    async with Gateway(log, tmp_path):
        pass
    log.put(asked("r-2"))
    with monkeypatch.context() as killed:
        killed.setattr(IndexWriter, "_write", lambda _: True)
        async with Gateway(log, tmp_path) as second:
            assert second.heard == ["r-2"]
    async with Gateway(log, tmp_path) as third:
        assert third.heard == ["r-2"]


def made_anew(log):
    return {ASKED: "another id"}


def without_its_tail(log):
    rows = log.broker.rows[ASKED, 0]
    rows.messages.pop()
    rows.end -= 1
    return {}


def grown_again(log):
    without_its_tail(log)
    log.put(asked("r-3"))
    log.put(asked("r-4"))
    return {}


@pytest.mark.parametrize("change", [made_anew, without_its_tail, grown_again])
async def test_of_another_log_nothing_is_believed(log, tmp_path, change):
    for request in ("r-1", "r-2"):
        log.put(asked(request))
    async with Gateway(log, tmp_path):
        pass
    ids = change(log)
    lying = [request_of(message) for message in log.broker.rows[ASKED, 0].messages]
    async with Gateway(log, tmp_path, ids) as second:
        assert second.heard == lying
        assert second.knows("r-2") is ("r-2" in lying)


def request_of(message):
    return dict(message.headers())["request"].decode()


async def test_a_log_that_begins_later_is_the_same_one(log, tmp_path):
    for request in ("r-1", "r-2", "r-3"):
        log.put(asked(request))
    async with Gateway(log, tmp_path):
        pass
    log.broker.trim(ASKED, 3)
    async with Gateway(log, tmp_path) as second:
        assert second.heard == []
        assert second.knows("r-1")


async def test_an_index_that_is_spoilt_while_it_serves_is_made_anew(log, tmp_path):
    log.put(asked("r-1"))
    async with Gateway(log, tmp_path) as gateway:
        await gateway.live.until(lambda: not gateway.index.unwritten)
        gateway.index.spoil("the test says so")
        assert not gateway.live.reader.ready, "what it does not find may be on the log"
        assert not gateway.knows("r-1")
        await gateway.live.until(lambda: gateway.live.reader.ready)
        assert gateway.knows("r-1")
        assert gateway.heard == ["r-1", "r-1"]


async def test_an_index_of_another_log_is_not_asked_before_it_is_emptied(log, tmp_path):
    """What the file of an older log holds is no answer while the new one is read."""
    log.put(asked("r-1"))
    async with Gateway(log, tmp_path):
        pass
    gateway = Gateway(log, tmp_path, {ASKED: "another id"})
    assert not gateway.live.reader.ready
    async with gateway:
        assert gateway.heard == ["r-1"]


# ---------------------------------------------------------------------- places


def a_message(log, request="r-1"):
    log.put(asked(request))
    return log.broker.rows[ASKED, 0].messages[-1]


@pytest.fixture
def writer(log, tmp_path):
    writer = IndexWriter(LogIndex(tmp_path), every_s=0.01)
    assert writer.known_places(log.new_consumer(None, ""), {ASKED: "id"}) == {}
    yield writer
    writer.stop()
    writer.index.close()


def test_a_place_is_settled_once_nothing_before_it_waits(log, writer):
    waits = {1}
    first, second = a_message(log), a_message(log)
    writer.read(first)
    writer.settle(lambda _, end: all(at >= end for at in waits))
    writer.read(second)
    writer.settle(lambda _, end: all(at >= end for at in waits))
    writer.stop()
    assert writer.index.places() == {(ASKED, 0): LanePlace(1, "id", (0, fingerprint(first)))}


def test_what_is_read_again_is_not_settled_by_what_was_read_before(log, writer):
    writer.read(a_message(log))
    writer.unread((ASKED, 0))
    writer.settle(lambda *_: True)
    writer.stop()
    assert writer.index.places() == {}


class Crowded:
    """A part that has more to write than may be in memory."""

    unwritten = ROWS_MAX + 1

    def to_write(self):
        return []

    def written(self):
        self.unwritten = 0

    def not_written(self):
        pass


def test_a_reader_waits_while_too_much_is_to_be_written_but_not_for_a_full_disk(writer):
    writer.index.keep(Crowded())
    writer.make_room(threading.Event())
    assert writer.index.unwritten == 0
    writer.index._writer.execute("PRAGMA query_only = ON")
    writer.index.keep(Crowded())
    writer.make_room(threading.Event())
    assert writer.index.unwritten == ROWS_MAX + 1
