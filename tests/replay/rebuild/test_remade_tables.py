"""Tables that are made again are the steps' own, but for where they write and what they drop."""

from contextlib import closing

import pytest

from replay.rebuild.remade_tables import STEP_OF, VALUES, WRITES, remade
from replay.rebuild.row_store import MADE, DeferredWrite, RowStore
from schemas import DocumentState, ReadDocument, ReleaseState, WriteDocument, WriteRelease
from streams.delivery.rows import RowKey
from streams.delivery.step_tables import TABLES
from streams.running.world import Call
from streams.settings import Settings
from tests.fakes import a_codec

CODEC = a_codec()
CALL = Call("acme", 2, "r-1", "s-1", "e-1", "topic", 4, subject="u")
PLACE = RowKey(2, "acme", "d")


@pytest.fixture
def store():
    with closing(RowStore()) as made:
        yield made


def a_table(name, store):
    return remade(name, store, MADE, CODEC, Settings())


async def ask(table, request, call=CALL):
    return await table.handlers()[type(request)](request, call)


def test_all_tables_and_what_is_written_to_them_are_known():
    assert set(VALUES) == set(STEP_OF) == set(TABLES)
    asked = {kind for name in TABLES for kind in a_table(name, RowStore()).handlers()}
    assert {kind for kind in asked if kind.__name__.startswith("Write")} == set(WRITES)


async def test_what_is_written_lies_in_the_store_and_is_read(store):
    table = a_table("documents", store)
    await ask(table, WriteDocument(document="d", state=DocumentState(version=3)))
    assert list(store.rows(MADE, "documents")) == [PLACE.key]
    later = Call("acme", 2, "r-1", "s-1", "e-2", "topic", 5)
    assert await ask(table, ReadDocument(document="d"), later) == DocumentState(version=3)
    row = table.row_of(table.rows[PLACE.key])
    assert [table.said(entry) for entry in row.entries] == [DocumentState(version=3)]
    assert table.spelt(row) == table.rows[PLACE.key]


@pytest.mark.parametrize("data", [None, b"", b"nonsense"])
def test_a_row_that_can_not_be_read_is_none(store, data):
    assert a_table("documents", store).row_of(data) is None


async def test_a_write_may_wait_for_its_turn(store):
    table, deferred = a_table("documents", store), []
    table.defer = lambda *write: deferred.append(write)
    await ask(table, WriteDocument(document="d", state=DocumentState(version=3)))
    assert not table.rows
    [(place, event, value, topic, offset)] = deferred
    write = DeferredWrite(place.key, event, CODEC.encode(value), topic, offset)
    await table.enter(write)
    [entry] = table.row_of(table.rows[PLACE.key]).entries
    assert (entry.event, table.said(entry)) == ("e-1", DocumentState(version=3))


async def test_no_row_is_dropped_for_want_of_room(store):
    table = a_table("releases", store)
    table.ROWS_MAX = 2
    for number in range(4):
        call = Call("acme", 2, f"r-{number}", "s-1", f"e-{number}", "topic", number)
        await ask(table, WriteRelease(state=ReleaseState(batch=0)), call)
    assert len(table.rows) == 4
