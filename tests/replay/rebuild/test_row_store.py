"""Rows of a lane on the disk: two sides of each table, in turns, with what is in doubt."""

import pytest

from replay.rebuild.row_store import LIVE, MADE, DeferredWrite, RowStore


@pytest.fixture
def store():
    made = RowStore()
    yield made
    made.close()


def test_sides_and_tables_are_apart(store):
    store.rows(MADE, "documents")[b"a"] = b"1"
    store.rows(LIVE, "documents")[b"a"] = b"2"
    store.rows(MADE, "sessions")[b"b"] = b"3"
    assert dict(store.rows(MADE, "documents")) == {b"a": b"1"}
    assert dict(store.rows(LIVE, "documents")) == {b"a": b"2"}
    store.clear(LIVE, "documents")
    assert not store.rows(LIVE, "documents")
    assert len(store.rows(MADE, "documents")) == 1


def test_a_row_that_is_not_there_is_none(store):
    rows = store.rows(MADE, "documents")
    assert (rows.get(b"a"), rows.turn_of(b"a")) == (None, -1)
    for work in (lambda: rows[b"a"], lambda: rows.pop(b"a")):
        with pytest.raises(KeyError):
            work()


def test_keys_of_both_sides_come_once_and_in_their_order(store):
    for side, keys in ((MADE, (b"c", b"a")), (LIVE, (b"b", b"a"))):
        for key in keys:
            store.rows(side, "documents")[key] = b""
    store.rows(MADE, "sessions")[b"z"] = b""
    assert list(store.keys("documents", MADE, LIVE)) == [b"a", b"b", b"c"]
    assert list(store.keys("documents", LIVE)) == [b"a", b"b"]


def test_each_write_is_a_turn_and_the_newest_are_found_by_it(store):
    rows = store.rows(MADE, "releases")
    for key in (b"a", b"b", b"c", b"a"):
        rows[key] = b""
    assert [rows.turn_of(key) for key in (b"a", b"b", b"c")] == [4, 2, 3]
    assert [rows.turn_of_newest(count) for count in (1, 2, 3, 4)] == [4, 3, 2, -1]
    rows.put(b"d", b"", 17)
    assert rows.turn_of(b"d") == 17


def test_fences_are_kept_as_a_mapping_and_go_with_the_rows_they_are_of(store):
    fences = store.fences("documents")
    fences[b"a"] = b"one"
    fences[b"a"] = b"two"
    fences[b"b"] = b"one"
    del fences[b"b"]
    assert (dict(fences), len(fences), fences.get(b"b")) == ({b"a": b"two"}, 1, None)
    store.clear(LIVE, "documents")
    assert not fences


def test_doubts_are_of_one_row(store):
    store.doubt("documents", b"a", "e-1", "why")
    store.doubt("documents", b"a", "e-1", "why not")
    store.doubt("sessions", b"a", "e-2", "other")
    assert store.doubts("documents", b"a") == {"e-1": "why not"}
    assert store.doubts("documents", b"b") == {}


def test_what_was_deferred_comes_in_its_turn_and_else_as_it_came(store):
    writes = [DeferredWrite(b"a", f"e-{n}", b"v", "t", n) for n in range(3)]
    for place, write in zip((7, 5, 7), writes, strict=True):
        store.defer(place, write)
    assert [one.event for one in store.deferred()] == ["e-1", "e-0", "e-2"]
