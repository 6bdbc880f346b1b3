"""Once the new owner of a lane has written a row, nobody else's counts, however late it comes and whatever it holds."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import DocumentState, DocumentSubmitted, ReadDocument, WriteDocument
from streams.delivery.fences import HEADER, KEY, FencedRow, LaneFences, timely
from streams.delivery.rows import RowKey
from streams.delivery.step_tables import DocumentVersions, Releases
from tests.memory_broker import a_broker
from tests.streams.delivery.late_documents import CHANGELOG, LANE, arrives, takes_over
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import a_call, table

RELEASES = "playhead.table.releases"
DOCUMENT = RowKey(LANE, "acme", "d").key


async def write(documents, event, version):
    request = WriteDocument(document="d", state=DocumentState(version=version))
    await documents.write(request, a_call(event, lane=LANE, record=DocumentSubmitted))


async def version_for(documents, event="another"):
    call = a_call(event, lane=LANE, record=DocumentSubmitted)
    return (await documents.read(ReadDocument(document="d"), call)).version


def taken_back(broker):
    """Have the newest row not arrived yet."""
    rows = broker.rows[CHANGELOG, LANE]
    rows.end -= 1
    return rows.messages.pop()


async def one_that_lost_the_lane():
    """A broker, what a worker had on its way when another took the lane over, and that other one."""
    broker = a_broker()
    first = await takes_over(broker)
    await write(first, "e1", 1)
    await write(first, "e2", 2)
    late = taken_back(broker)
    return broker, late, await takes_over(broker)


async def test_a_row_that_comes_behind_anothers_fence_is_passed_over_though_nothing_else_tells():
    broker, late, owner = await one_that_lost_the_lane()
    await write(owner, "e3", 3)  # of which the late row has heard nothing, nor the owner of e2
    arrives(broker, late)
    assert await version_for(await takes_over(broker)) == 3


async def test_a_row_of_a_key_that_the_new_owner_has_not_written_stands():
    """Its outcome may have come as late, and then nobody runs its input again."""
    broker, late, _ = await one_that_lost_the_lane()
    arrives(broker, late)
    assert await version_for(await takes_over(broker)) == 2


async def test_a_drop_that_comes_late_drops_nothing():
    broker, late, owner = await one_that_lost_the_lane()
    await write(owner, "e3", 3)
    arrives(broker, late, value=None)
    assert await version_for(await takes_over(broker)) == 3


async def test_the_true_row_is_the_last_on_the_log_again():
    broker, late, owner = await one_that_lost_the_lane()
    await write(owner, "e3", 3)
    true = broker.rows[CHANGELOG, LANE].messages[-1].value()
    arrives(broker, late)
    await takes_over(broker)
    rows = [one.value() for one in sent(broker) if one.key() == DOCUMENT]
    assert rows[-2:] == [late.value(), true]
    await takes_over(broker)
    assert len([one for one in sent(broker) if one.key() == DOCUMENT]) == len(rows)


async def test_an_owner_that_goes_on_remembers_the_fence_that_it_read_before():
    broker, late, owner = await one_that_lost_the_lane()
    await write(owner, "e3", 3)
    arrives(broker, late)
    owner.apply(owner.changes(owner.known([LANE])))
    assert await version_for(owner) == 3


async def test_a_row_that_came_in_time_stands():
    broker, late, _ = await one_that_lost_the_lane()
    fence = taken_back(broker)
    arrives(broker, late)
    arrives(broker, fence)
    assert await version_for(await takes_over(broker)) == 2


async def test_a_fence_is_no_row():
    broker = a_broker()
    documents = await takes_over(broker)
    [fence] = sent(broker)
    assert (fence.key(), fence.partition()) == (KEY, LANE)
    assert documents._table.data == {}
    await write(documents, "e1", 1)
    assert dict(sent(broker)[-1].headers()) == dict(fence.headers())
    assert len(dict(fence.headers())[HEADER]) == 16


async def test_each_takeover_has_a_fence_of_its_own():
    broker = a_broker()
    documents = await takes_over(broker)
    await takes_over(broker, documents)
    assert len({one.headers()[0] for one in sent(broker)}) == 2


async def test_what_was_written_behind_the_fence_is_not_put_back_by_what_was_read():
    broker = a_broker()
    documents = await takes_over(broker)
    await write(documents, "e1", 1)
    await documents.fence([LANE])
    changes = documents.changes(documents.known([LANE]))
    await write(documents, "e2", 2)
    documents.apply(changes)
    assert await version_for(documents) == 2


async def test_lanes_that_moved_have_no_fence_of_ours():
    broker = a_broker()
    documents = await takes_over(broker)
    documents.keep_only(())
    await write(documents, "e1", 1)
    assert not sent(broker)[-1].headers()


async def test_of_a_lane_that_moved_nothing_is_known_not_even_what_dropped_a_row():
    broker = a_broker()
    documents = await takes_over(broker)
    await write(documents, "e1", 1)
    arrives(broker, sent(broker)[-1], value=None)
    documents.apply(documents.changes(documents.known([LANE])))
    [fences] = documents._fences.values()
    assert (fences.by_rows, fences.by_drops) == ({DOCUMENT: fences.ours}, {fences.ours})
    documents.keep_only(())
    assert documents._fences == {}


@pytest.mark.parametrize("fenced", [False, True])
async def test_rows_of_0_1_0_are_judged_by_what_they_hold(fenced):
    """They name no fence, before one and behind one: a worker of that version puts none."""
    broker, (old, _) = a_broker(), table(DocumentVersions, a_broker())
    await write(old, "e1", 1)
    early = sent(old._app.publisher.broker)[-1]
    await write(old, "e2", 2)
    newest = sent(old._app.publisher.broker)[-1]
    if fenced:
        await takes_over(broker)
    for message in (newest, early):
        arrives(broker, message)
    assert await version_for(await takes_over(broker)) == 2


ROWS = st.lists(
    st.builds(
        FencedRow,
        st.sampled_from([KEY, b"a", b"b"]),
        st.sampled_from([b"", None]),
        st.sampled_from([b"", b"one", b"two"]),
    )
)
PIECES = st.lists(st.integers(1, 3), min_size=30)


@given(
    rows=ROWS,
    pieces=PIECES,
)
def test_in_whatever_pieces_rows_are_read_the_same_ones_came_late(rows, pieces):
    """Also of rows that name a fence which was never put, is put later, or twice."""
    kept, fences, named, begin = [], (), {}, 0
    for size in (*pieces, len(rows)):
        piece = timely(rows[begin : begin + size], fences, named)
        kept += piece.rows
        fences = piece.fences
        named |= {row.key: row.fence for row in piece.rows}
        begin += size
    whole = timely(rows)
    assert (kept, fences) == (whole.rows, whole.fences)


ONE, TWO = FencedRow(KEY, b"", b"one"), FencedRow(KEY, b"", b"two")


@given(rows=ROWS, pieces=PIECES)
@example([ONE, TWO, FencedRow(b"a", None, b"two"), FencedRow(b"a", b"", b"one")], [3, 1])
@example([ONE, TWO, FencedRow(b"a", None, b"two"), FencedRow(b"b", b"", b"one")], [3, 1])
def test_who_forgets_what_dropped_a_row_knows_when_only_all_rows_tell(rows, pieces):
    """What is remembered does not grow with the rows that were dropped, and the same ones came late."""
    known, kept, begin = LaneFences(), [], 0
    for size in (*pieces, len(rows)):
        end = begin + size
        piece = timely(rows[begin:end], known.read, known.by_rows, known.by_drops)
        whole = timely(rows[:end])
        if piece.is_certain:
            kept += piece.rows
        else:
            piece, kept = whole, list(whole.rows)
        assert (kept, piece.fences) == (whole.rows, whole.fences)
        last = {row.key: row for row in kept}
        known.by_rows = {key: row.fence for key, row in last.items() if row.value is not None}
        known.read, known.by_drops = piece.fences, piece.by_drops
        begin = end


@pytest.mark.parametrize(
    ("fence", "is_certain"), [(b"", True), (b"one", False), (b"two", True), (b"none", False)]
)
def test_all_rows_are_read_again_for_none_but_one_that_names_an_older_fence_than_a_drop(
    fence, is_certain
):
    fences, by_drops = (b"one", b"two"), {b"one", b"two"}
    for named in ({}, {b"b": b"two"}):
        assert (
            timely([FencedRow(b"a", b"", fence)], fences, named, by_drops).is_certain == is_certain
        )
    assert timely([FencedRow(b"a", b"", fence)], fences, {b"a": b""}, by_drops).is_certain


ROW = b"\0\0\0\0\1row"


def answer(number):
    return RowKey(LANE, "acme", f"r-{number}").key


def states(broker):
    """What a worker that reads the whole changelog makes of it."""
    fresh = table(Releases, broker)[0]
    fresh.apply(fresh.changes({LANE: 0}))
    return fresh._table.data


async def a_moderator_that_dropped(count):
    """A worker that holds a lane in which answers were begun and dropped, and what its owner before has on its way."""
    broker = a_broker()
    before = table(Releases, broker)[0]
    await before.fence([LANE])
    older = before._fences[LANE].ours
    await before._put(RowKey.at(answer(0)), ROW)
    owner = table(Releases, broker)[0]
    await owner.fence([LANE])
    owner.apply(owner.changes(owner.known([LANE])))
    for number in range(count):
        await owner._put(RowKey.at(answer(number)), ROW)
        owner._drop(LANE, answer(number))
    return broker, owner, older


def comes(broker, key, value, fence):
    broker.put(RELEASES, value, partition=LANE, key=key, headers=[(HEADER, fence)])


async def test_rows_that_were_dropped_take_no_memory():
    _, owner, older = await a_moderator_that_dropped(50)
    fences = owner._fences[LANE]
    assert (fences.by_rows, fences.by_drops) == ({}, {fences.ours})
    owner.apply(owner.changes(owner.known([LANE])))
    assert (fences.by_rows, fences.by_drops) == ({}, {fences.ours})
    assert fences.read == (older, fences.ours)


@pytest.mark.parametrize("is_read_in_between", [False, True])
async def test_a_row_that_was_dropped_is_not_back_with_one_that_came_late(is_read_in_between):
    broker, owner, older = await a_moderator_that_dropped(3)
    if is_read_in_between:
        owner.apply(owner.changes(owner.known([LANE])))
    comes(broker, answer(1), ROW, older)
    assert states(broker) == {}
    owner.apply(owner.changes(owner.known([LANE])))
    assert owner._table.data == {}
    last = broker.rows[RELEASES, LANE].messages[-1]
    assert (last.key(), last.value()) == (answer(1), None)


async def test_a_row_stands_as_all_rows_say_where_its_drop_never_arrived():
    broker, owner, older = await a_moderator_that_dropped(3)
    broker.rows[RELEASES, LANE].end -= 1
    assert broker.rows[RELEASES, LANE].messages.pop().value() is None
    comes(broker, answer(2), b"\0\0\0\0\1late", older)
    owner.apply(owner.changes(owner.known([LANE])))
    assert owner._table.data == states(broker) == {answer(2): ROW}


async def test_the_first_row_of_its_key_stands_though_others_were_dropped_behind_newer_fences():
    """Its outcome may be on the log, and then nobody writes its value again."""
    broker, owner, older = await a_moderator_that_dropped(3)
    owner.apply(owner.changes(owner.known([LANE])))
    comes(broker, answer(7), ROW, older)
    owner.apply(owner.changes(owner.known([LANE])))
    assert owner._table.data == states(broker) == {answer(7): ROW}


async def test_rows_that_stand_are_the_same_after_all_were_read_again():
    broker, owner, older = await a_moderator_that_dropped(3)
    await owner._put(RowKey.at(answer(8)), ROW)
    turn = owner._keys[LANE][answer(8)]
    comes(broker, answer(1), ROW, older)
    owner.apply(owner.changes(owner.known([LANE])))
    assert owner._table.data == states(broker) == {answer(8): ROW}
    assert owner._keys[LANE] == {answer(8): turn}
