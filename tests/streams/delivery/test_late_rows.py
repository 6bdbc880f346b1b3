"""A row that comes late, of a worker that has lost the lane since, does not stand in place of a newer one."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import DocumentState, ReadDocument, WriteDocument
from streams.delivery.late_rows import is_overtaken
from streams.delivery.rows import written
from streams.delivery.step_tables import DocumentVersions
from tests.memory_broker import a_broker
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import a_call, table

LANE = 2


def events(row):
    return [entry.event for entry in row.entries]


@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40), st.integers(1, 6))
def test_no_row_is_overtaken_by_those_that_it_was_made_of(names, entries_max):
    row = None
    for name in names:
        before, row = row, written(row, name, name.encode(), entries_max)
        assert before is None or not is_overtaken(events(row), events(before))


@given(st.integers(2, 16), st.data())
def test_a_row_is_overtaken_by_those_that_were_made_of_it(count, data):
    rows = [None]
    for number in range(count):
        rows.append(written(rows[-1], f"e{number}", b"x", 16))
    early = data.draw(st.integers(1, count - 1))
    later = data.draw(st.integers(early + 1, count))
    assert is_overtaken(events(rows[early]), events(rows[later]))


@pytest.mark.parametrize(
    ("late", "known"), [((), ("a",)), (("a",), ()), (("b",), ("a", "b")), (("c",), ("a", "b"))]
)
def test_what_nothing_is_known_to_follow_is_not_overtaken(late, known):
    assert not is_overtaken(late, known)


# ---------------------------------------------------------------------- as it comes about


async def write(documents, event, version):
    request = WriteDocument(document="d", state=DocumentState(version=version))
    await documents.write(request, a_call(event, lane=LANE))


async def version_for(documents, event):
    return (await documents.read(ReadDocument(document="d"), a_call(event, lane=LANE))).version


@pytest.fixture
async def broker():
    """A changelog on which the first of three rows comes again: it was on its way since before the others."""
    documents, broker = table(DocumentVersions)
    for number in (1, 2, 3):
        await write(documents, f"e{number}", number)
    [first, *_] = sent(broker)
    broker.put(first.topic(), first.value(), partition=LANE, key=first.key())
    return broker


async def test_a_new_owner_passes_over_a_row_that_came_late(broker):
    documents, _ = table(DocumentVersions, broker)
    documents.apply(documents.changes({LANE: 0}))
    assert await version_for(documents, "e4") == 3
    assert documents.known([LANE]) == {LANE: 4}


async def test_an_owner_that_goes_on_passes_over_it_too(broker):
    documents, _ = table(DocumentVersions, broker)
    late = broker.rows["playhead.table.documents", LANE].messages.pop()
    documents.apply(documents.changes({LANE: 0}))
    broker.put(late.topic(), late.value(), partition=LANE, key=late.key())
    documents.apply(documents.changes(documents.known([LANE])))
    assert await version_for(documents, "e4") == 3


async def test_a_row_that_was_dropped_may_come_again(broker):
    documents, _ = table(DocumentVersions, broker)
    late = broker.rows["playhead.table.documents", LANE].messages.pop()
    for value in (None, late.value()):
        broker.put(late.topic(), value, partition=LANE, key=late.key())
    documents.apply(documents.changes({LANE: 0}))
    assert await version_for(documents, "e4") == 1


@pytest.mark.parametrize("values", permutations((b"1", b"\0\0\0\0\x07", b"2")))
async def test_of_rows_that_can_not_be_read_here_the_last_stands(values):
    broker = a_broker()
    documents, _ = table(DocumentVersions, broker)
    for value in values:
        broker.put("playhead.table.documents", value, partition=LANE, key=b"k")
    [change] = documents.changes({LANE: 0})
    assert change.rows == [(b"k", values[-1])]


async def test_a_row_that_came_late_twice_is_passed_over_twice(broker):
    documents, _ = table(DocumentVersions, broker)
    late = broker.rows["playhead.table.documents", LANE].messages[-1]
    broker.put(late.topic(), late.value(), partition=LANE, key=late.key())
    documents.apply(documents.changes({LANE: 0}))
    assert await version_for(documents, "e4") == 3


async def test_a_late_row_that_its_owner_has_written_after_changes_nothing(broker):
    owner, _ = table(DocumentVersions, broker)
    owner.apply(owner.changes({LANE: 0}))
    await write(owner, "e4", 4)
    documents, _ = table(DocumentVersions, broker)
    [change] = documents.changes({LANE: 0})
    assert [value for _, value in change.rows] == list(owner._table.data.values())
    documents.apply([change])
    assert await version_for(documents, "e5") == 4
