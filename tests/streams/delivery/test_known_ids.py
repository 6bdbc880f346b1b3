"""Ids in few bytes: nothing is taken for another, and what is forgotten is the oldest."""

import tracemalloc
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery import known_ids
from streams.delivery.known_ids import NOWHERE, KnownIds

SIZE = 16


def an_id(number):
    """An id of ours, or every third time a foreign one."""
    if number % 3 == 0:
        return f"foreign {number}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))


def values_of(ids, name):
    at = ids.find(name)
    assert at is not None, name
    return ids.begun[at], ids.answered[at]


@given(st.lists(st.integers(0, 60), max_size=400))
def test_an_id_is_known_for_as_many_entries_as_it_must_with_what_was_noted_of_it(numbers):
    ids = KnownIds(SIZE)
    noted, entries = {}, {}
    for count, number in enumerate(numbers):
        name = an_id(number)
        at = ids.enter(name)
        if ids.begun[at] == 0:
            noted[name] = 0, set()
        before, places = noted[name]
        assert ids.begun[at] == before
        ids.begun[at] = before + 1
        ids.add(at, "closed", count)
        noted[name] = before + 1, {*places, count}
        entries[name] = ids._entered
        for known, (begun, closed) in noted.items():
            found = ids.find(known)
            if found is None:
                assert ids._entered - entries[known] > SIZE
            else:
                assert ids.begun[found] == begun
                assert all(ids.has(found, "closed", place) for place in closed)
    assert all(ids.find(an_id(number)) is None for number in range(61, 90))


def test_an_entry_that_takes_another_s_room_has_nothing_of_it():
    ids = KnownIds(2)
    for number in range(9):
        at = ids.enter(an_id(number))
        assert (ids.begun[at], ids.answered[at], ids.finished[at]) == (0, 0, 0)
        assert not ids.has(at, "finished", 7)
        ids.begun[at] = ids.answered[at] = 5
        for attempt in (6, 7):
            ids.add(at, "finished", attempt)
        assert ids.has(at, "finished", 6)
        assert ids.has(at, "finished", 7)
    assert len(ids) == 3


def test_many_ids_are_found_while_there_come_to_be_more():
    ids = KnownIds(5_000)
    for number in range(5_000):
        ids.begun[ids.enter(an_id(number))] = number
    assert [values_of(ids, an_id(number))[0] for number in range(5_000)] == list(range(5_000))


def test_foreign_ids_that_are_found_alike_are_told_apart(monkeypatch):
    monkeypatch.setattr(known_ids, "_key_of", lambda name: (b"k" * 16, name.encode()))
    ids = KnownIds(SIZE)
    for number, name in enumerate(("a", "b")):
        ids.begun[ids.enter(name)] = number + 1
    assert [values_of(ids, name)[0] for name in ("a", "b")] == [1, 2]
    assert ids.find("c") is None


@pytest.mark.parametrize("name", ["", "x" * 4_096, "\ud800", str(uuid.UUID(int=3)).upper() + " "])
def test_whatever_is_an_id_is_known(name):
    ids = KnownIds(SIZE)
    ids.begun[ids.enter(name)] = 4
    ids.enter("another")
    assert values_of(ids, name) == (4, 0)
    assert ids.find(name + " ") is None


def test_an_id_in_capitals_is_another_one():
    ids = KnownIds(SIZE)
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, "a"))
    ids.enter(name)
    assert ids.find(name.upper()) is None


def test_all_places_are_told():
    ids = KnownIds(SIZE)
    first, second = ids.enter("a"), ids.enter("b")
    for at, place in ((first, 3), (first, 4), (second, 5)):
        ids.add(at, "closed", place)
    ids.add(second, "finished", 9)
    ids.enter("c")
    assert sorted(place for place in ids.places() if place != NOWHERE) == [3, 4, 5]


def test_a_full_lane_takes_less_than_a_megabyte():
    names = [str(uuid.UUID(int=number)) for number in range(30_000)]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ids = KnownIds(20_000)
    for number, name in enumerate(names):
        at = ids.enter(name)
        ids.begun[at] = ids.answered[at] = 1
        ids.add(at, "finished", 1)
        ids.add(at, "closed", number)
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now - before < 1_000_000
