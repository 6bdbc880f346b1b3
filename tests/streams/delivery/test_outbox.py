import asyncio

import pytest

from schemas import Ask, QuestionAsked, Sealed
from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.outbox import Outbox
from streams.log.writing import RecordTooLarge
from streams.running.admit import OUTCOME_BYTES_MAX
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.memory_publisher import MemoryPublisher, sent

TOPIC = topic_of(QuestionAsked)


def a_question(text=b"c", **meta):
    return QuestionAsked(
        meta=a_meta(**meta),
        subject="u",
        text=Sealed(key="user/u", event="e", field="text", ciphertext=text),
        ask=Ask(),
    )


def an_outbox(lane):
    broker = MemoryBroker()
    item = Item(lane, 0, 1, b"acme", None)
    return Outbox(MemoryPublisher(broker), a_codec(), item), item, broker


def places(broker):
    return [(one.topic(), one.partition(), one.key()) for one in sent(broker)]


async def test_an_outcome_goes_to_its_topic_in_the_lane_of_its_tenant():
    outbox, item, broker = an_outbox(Lane(TOPIC, 0, 0, 1))
    outbox.put(a_question(lane=3))
    assert places(broker) == [(TOPIC, 3, b"acme")]
    assert item.unacknowledged == 1
    await asyncio.sleep(0)
    assert item.unacknowledged == 0


async def test_an_outcome_lies_not_before_its_input_on_the_log():
    outbox, item, broker = an_outbox(Lane(TOPIC, 0, 0, 1))
    broker.put("inputs", b"x", time_ms=4_102_444_800_000)
    [item.message] = sent(broker, "inputs")
    outbox.put(a_question())
    [outcome] = sent(broker, TOPIC)
    assert outcome.timestamp()[1] == 4_102_444_800_000


def test_nothing_is_written_from_a_lane_that_has_moved():
    lane = Lane(TOPIC, 0, 0, 1)
    outbox, _, broker = an_outbox(lane)
    lane.revoked = True
    with pytest.raises(asyncio.CancelledError):
        outbox.put(a_question())
    assert places(broker) == []


def test_an_outcome_that_fits_no_record_is_refused():
    outbox, item, broker = an_outbox(Lane(TOPIC, 0, 0, 1))
    with pytest.raises(RecordTooLarge, match="cut its batches smaller"):
        outbox.put(a_question(text=b"c" * OUTCOME_BYTES_MAX))
    assert (places(broker), item.unacknowledged, item.attempt) == ([], 0, 0)


async def test_an_item_remembers_the_run_that_wrote_of_it():
    outbox, item, _ = an_outbox(Lane(TOPIC, 0, 0, 1))
    outbox.put(a_question(attempt=3))
    assert item.attempt == 3
