"""Once the new owner of a lane has written a row, nobody else's counts, however late it comes and whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import DocumentState, DocumentSubmitted, ReadDocument, WriteDocument
from streams.delivery.fences import HEADER, KEY, FencedRow, timely
from streams.delivery.rows import RowKey
from streams.delivery.step_tables import DocumentVersions
from tests.memory_broker import a_broker
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import a_call, table

LANE = 2
CHANGELOG = "playhead.table.documents"
DOCUMENT = RowKey(LANE, "acme", "d").key


async def write(documents, event, version):
    request = WriteDocument(document="d", state=DocumentState(version=version))
    await documents.write(request, a_call(event, lane=LANE, record=DocumentSubmitted))


async def version_for(documents, event="another"):
    call = a_call(event, lane=LANE, record=DocumentSubmitted)
    return (await documents.read(ReadDocument(document="d"), call)).version


async def takes_over(broker, documents=None):
    """Let a worker take the lane over; a new one, or one that had it before."""
    documents = documents or table(DocumentVersions, broker)[0]
    await documents.fence([LANE])
    documents.apply(documents.changes(documents.known([LANE])))
    return documents


def taken_back(broker):
    """Have the newest row not arrived yet."""
    rows = broker.rows[CHANGELOG, LANE]
    rows.end -= 1
    return rows.messages.pop()


def arrives(broker, message, value=b"-"):
    broker.put(
        CHANGELOG,
        message.value() if value == b"-" else value,
        partition=LANE,
        key=message.key(),
        headers=message.headers() or (),
    )


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
    assert documents._named == {LANE: {DOCUMENT: documents._fences[LANE]}}
    documents.keep_only(())
    assert documents._named == {}


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


@given(
    rows=st.lists(
        st.builds(
            FencedRow,
            st.sampled_from([KEY, b"a", b"b"]),
            st.sampled_from([b"", None]),
            st.sampled_from([b"", b"one", b"two"]),
        )
    ),
    pieces=st.lists(st.integers(1, 3), min_size=30),
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
