"""Whoever holds a lane sees by offsets alone what a lost owner's rows came late, and puts the true ones behind them."""

import asyncio
import threading

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from schemas import DocumentState, DocumentSubmitted, ReadDocument, WriteDocument
from streams.delivery.rows import RowKey
from streams.delivery.written_between import WrittenBetween
from streams.log.reading import NotHeld
from tests.memory_broker import a_broker
from tests.streams.delivery.late_documents import CHANGELOG, LANE, arrives, takes_over
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import a_call

DOCUMENTS = ("a", "b", "c")
OTHER = "other"


async def write(documents, name, version):
    request = WriteDocument(document=name, state=DocumentState(version=version))
    call = a_call(f"{name}{version}", lane=LANE, record=DocumentSubmitted)
    await documents.write(request, call)


async def version_of(documents, name):
    call = a_call("another", lane=LANE, record=DocumentSubmitted)
    return (await documents.read(ReadDocument(document=name), call)).version


async def owner_and_late(names=DOCUMENTS):
    """A broker, whoever holds the lane, and a row of each document that the one before has on its way."""
    broker = a_broker()
    lost = await takes_over(broker)
    for name in names:
        await write(lost, name, 1)
    rows = broker.rows[CHANGELOG, LANE]
    late = dict(zip(names, rows.messages[-len(names) :], strict=True))
    del rows.messages[-len(names) :]
    rows.end -= len(names)
    return broker, await takes_over(broker), late


def compact(broker):
    """Keep the last record of each key, as the broker may at any time."""
    rows = broker.rows[CHANGELOG, LANE]
    last = {message.key(): message for message in rows.messages}
    rows.messages[:] = [one for one in rows.messages if one is last[one.key()]]


def opened(documents):
    """Count how often the changelog is read."""
    opens = []
    changelog = documents._changelog
    plain = changelog._open_consumer
    changelog._open_consumer = lambda *of: (opens.append(1), plain(*of))[1]
    return opens


@pytest.mark.parametrize("value", [b"-", None], ids=["row", "drop"])
async def test_a_row_that_came_late_is_followed_by_the_true_one_while_the_lane_is_held(value):
    broker, owner, late = await owner_and_late()
    await write(owner, "a", 2)
    arrives(broker, late["a"], value)
    await write(owner, OTHER, 1)
    await owner._between.looked()
    compact(broker)
    assert await version_of(await takes_over(broker), "a") == 2


@given(st.lists(st.tuples(st.sampled_from(DOCUMENTS), st.booleans()), max_size=12))
async def test_whatever_came_late_what_the_owner_wrote_survives_compaction(steps):
    broker, owner, late = await owner_and_late()
    newest = {}
    for number, (name, is_late) in enumerate(steps, start=2):
        if is_late:
            arrives(broker, late[name])
        else:
            await write(owner, name, number)
            newest[name] = number
    await write(owner, OTHER, 1)
    await owner._between.looked()
    compact(broker)
    taken = await takes_over(broker)
    assert {name: await version_of(taken, name) for name in newest} == newest


async def test_nothing_is_read_while_nobody_else_writes():
    broker, owner, _ = await owner_and_late()
    opens = opened(owner)
    for number in range(1, 5):
        await write(owner, "a", number)
    await takes_over(broker, owner)
    await write(owner, "a", 9)
    assert len(opens) == 1  # what a takeover reads


async def test_a_row_of_a_key_that_the_owner_has_not_written_is_left_alone():
    broker, owner, late = await owner_and_late()
    arrives(broker, late["a"])
    await write(owner, OTHER, 1)
    await owner._between.looked()
    assert await version_of(await takes_over(broker), "a") == 1


async def test_nor_is_it_followed_by_a_row_that_the_owner_has_only_read():
    broker, lost, _ = await owner_and_late()
    await write(lost, "a", 1)
    await write(lost, "a", 2)
    rows = broker.rows[CHANGELOG, LANE]
    late, rows.end = rows.messages.pop(), rows.end - 1
    owner = await takes_over(broker)
    assert await version_of(owner, "a") == 1
    arrives(broker, late)
    await write(owner, OTHER, 1)
    await owner._between.looked()
    assert await version_of(await takes_over(broker), "a") == 2


async def test_a_newer_row_that_is_on_its_way_is_not_followed_by_the_one_before():
    broker, owner, late = await owner_and_late()
    await write(owner, "a", 2)
    publisher = owner._app.publisher
    publisher.slow = True
    writing = asyncio.create_task(write(owner, "a", 3))
    while not publisher.outstanding:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    arrives(broker, late["a"])
    owner._between.acknowledged(LANE, broker.rows[CHANGELOG, LANE].end + 1)  # as of another row
    await owner._between.looked()
    publisher.settle()
    await writing
    compact(broker)
    assert await version_of(await takes_over(broker), "a") == 3


async def test_who_was_fenced_out_writes_nothing_behind_the_new_owner():
    broker, lost, _ = await owner_and_late()
    await write(lost, "a", 2)
    owner = await takes_over(broker)
    await write(owner, "a", 3)
    for number in range(2):  # it has not heard yet that the lane is not its own
        await write(lost, OTHER, number)
        await lost._between.looked()
        await write(owner, "b", number)
    rows = [one.value() for one in sent(broker) if one.key() == RowKey(LANE, "acme", "a").key]
    assert len(rows) == len(set(rows))
    assert await version_of(await takes_over(broker), "a") == 3


@pytest.mark.parametrize("has_noticed", [True, False])
async def test_who_gets_the_lane_back_mends_again(has_noticed):
    broker, lost, late = await owner_and_late()
    await write(lost, OTHER, 1)
    between = await takes_over(broker)
    if has_noticed:
        await write(lost, OTHER, 2)
        await lost._between.looked()
    await write(between, "b", 5)
    lost.keep_only([])
    owner = await takes_over(broker, lost)
    await owner._between.looked()
    await mends(broker, owner, late)


async def test_what_is_read_of_a_lane_once_it_came_back_says_nothing_of_it():
    broker, lost, late = await owner_and_late()
    await takes_over(broker)
    gate, read = threading.Event(), lost.rows_between
    lost.rows_between = lambda *of: (gate.wait(), read(*of))[1]
    await write(lost, OTHER, 1)  # behind a fence that is not ours
    lost.keep_only([])
    owner = await takes_over(broker, lost)
    gate.set()
    await owner._between.looked()
    await mends(broker, owner, late)


async def mends(broker, owner, late):
    await write(owner, "a", 2)
    arrives(broker, late["a"])
    await write(owner, OTHER, 3)
    await owner._between.looked()
    compact(broker)
    assert await version_of(await takes_over(broker), "a") == 2


async def test_what_can_not_be_read_is_read_later():
    broker, owner, late = await owner_and_late()
    owner._between = WrittenBetween(owner.NAME, owner, between_tries=lambda: iter([0.0, 0.0]))
    await takes_over(broker, owner)
    await write(owner, "a", 2)
    arrives(broker, late["a"])
    broker.signs.extend([KafkaException(KafkaError(KafkaError._TRANSPORT))] * 2)
    await write(owner, OTHER, 1)
    await owner._between.looked()
    assert not broker.signs
    compact(broker)
    assert await version_of(await takes_over(broker), "a") == 2


async def test_a_record_of_which_the_client_can_not_say_where_it_lies_is_ours():
    broker, owner, late = await owner_and_late()
    await write(owner, "a", 2)
    opens, end = opened(owner), owner._app.publisher.ends[CHANGELOG, LANE]
    owner._between.acknowledged(LANE, end)  # as where it was sent twice
    owner._between.acknowledged(LANE, end + 2)
    await owner._between.looked()
    assert not opens
    for _ in range(4):
        arrives(broker, late["a"])
    owner._between.acknowledged(LANE, end + 4)
    await owner._between.looked()
    assert opens


async def test_what_the_changelog_does_not_hold_any_more_is_not_waited_for():
    broker, owner, late = await owner_and_late()
    await write(owner, "a", 2)
    arrives(broker, late["a"])
    owner._between._between_tries = lambda: iter(())  # it does not try again
    broker.signs.append(NotHeld(KafkaError(KafkaError._AUTO_OFFSET_RESET)))
    await write(owner, OTHER, 1)
    await owner._between.looked()
    assert not broker.signs
