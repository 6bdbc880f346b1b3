"""A changelog is read piece by piece, and what stands is what a worker would take."""

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.rebuild import changelog_rows
from replay.rebuild.changelog_rows import Changelogs, kept_of
from replay.rebuild.row_store import LIVE, RowStore
from schemas import TableRow
from streams.delivery.fences import KEY
from streams.delivery.step_tables import TABLES
from streams.settings import Settings
from streams.topics import changelog_of
from tests.fakes import a_codec
from tests.memory_broker import MemoryBroker
from tests.streams.fake_tables import an_app

NAME, LANE = "documents", 1
CODEC = a_codec()
TOPIC = changelog_of(NAME)
ROWS = [CODEC.encode(TableRow(entries=())), None]
FENCES = [b"", b"one", b"two"]
RECORDS = st.lists(
    st.tuples(st.sampled_from([KEY, b"a", b"b"]), st.sampled_from(ROWS), st.sampled_from(FENCES)),
    max_size=12,
)


def a_changelog(records):
    broker = MemoryBroker()
    broker.create(TOPIC)
    for key, value, fence in records:
        headers = [("fence", fence)] if fence else []
        broker.put(TOPIC, value, partition=LANE, key=key, headers=headers)
    return broker


def read(broker, store):
    return Changelogs(Settings(), CODEC, lambda *_: broker.consumer()).read(NAME, LANE, store)


def lawful(records):
    """Leave out fences that stand there already: whoever puts one has one that nobody else has."""
    put = {b""}
    for key, value, fence in records:
        if key != KEY:
            yield key, value, fence
        elif fence not in put:
            put.add(fence)
            yield key, ROWS[0], fence


class Worker:
    """Takes lanes over, as often as it is asked; one Faust app serves it."""

    def __init__(self):
        self.broker = None
        self.table = TABLES[NAME](
            an_app(MemoryBroker()), Settings(), lambda *_: self.broker.consumer()
        )
        self.table.attach(CODEC)

    def takes_over(self, broker):
        self.broker = broker
        self.table.keep_only([])
        [change] = self.table.changes({LANE: 0})
        self.table.apply([change])
        return dict(self.table._table.data)


WORKER = Worker()


@pytest.mark.parametrize("piece", [1, 2, 1_000])
@settings(max_examples=15, deadline=None)
@given(records=RECORDS)
def test_what_stands_is_what_a_worker_that_takes_the_lane_over_finds(piece, records):
    broker = a_changelog(records := list(lawful(records)))
    before, changelog_rows.PIECE_ROWS = changelog_rows.PIECE_ROWS, piece
    try:
        with closing(RowStore()) as store:
            state = read(broker, store)
            assert dict(store.rows(LIVE, NAME)) == WORKER.takes_over(broker)
            assert state == (True, len(records))
    finally:
        changelog_rows.PIECE_ROWS = before


def test_the_turn_of_a_row_is_where_it_lies_and_reading_again_begins_anew():
    broker = a_changelog([(b"a", ROWS[0], b""), (b"b", ROWS[0], b""), (b"a", ROWS[0], b"")])
    with closing(RowStore()) as store:
        read(broker, store)
        rows = store.rows(LIVE, NAME)
        assert [rows.turn_of(key) for key in (b"a", b"b")] == [2, 1]
        broker.put(TOPIC, None, partition=LANE, key=b"a")
        read(broker, store)
        assert list(rows) == [b"b"]


def test_a_topic_that_is_not_there_has_no_rows():
    with closing(RowStore()) as store:
        store.rows(LIVE, NAME)[b"a"] = b"of before"
        assert not read(MemoryBroker(), store).there
        assert not store.rows(LIVE, NAME)


def test_what_is_kept_lies_beside_its_changelog():
    assert kept_of("sessions") == "playhead.table.sessions.kept"
