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


class Way:
    """A publisher whose records arrive when they are let."""

    def __init__(self):
        self.sent = []

    def send(self, topic, _partition, _key, _value, _headers, receipt, _not_before_ms=0):
        self.sent.append((topic, receipt))

    def arrives(self):
        topic, receipt = self.sent.pop(0)
        receipt.acknowledged()
        return topic


@pytest.fixture
def on_two_topics(monkeypatch):
    """An outbox of which some records go elsewhere; the way to the broker, and the item."""
    lane, way = Lane(TOPIC, 0, 0, 1), Way()
    lane.take([(0, 1, b"acme", None)])
    item = next(iter(lane._order))
    names = iter(["a", "a", "b", "b", "a"])
    monkeypatch.setattr(
        "streams.delivery.outbox.address_of", lambda *_: (next(names), 0, b"acme", [])
    )
    return Outbox(way, a_codec(), item), way, item


def test_records_of_another_topic_wait_for_those_before_so_that_the_last_one_is_the_last(
    on_two_topics,
):
    outbox, way, item = on_two_topics
    for _ in range(5):
        outbox.put(a_question())
    item.close()
    arrived = []
    while way.sent:
        waiting = {topic for topic, _ in way.sent}
        assert len(waiting) == 1
        assert not item.finished
        arrived.append(way.arrives())
    assert arrived == ["a", "a", "b", "b", "a"]
    assert item.finished


def test_what_waits_for_others_is_not_sent_once_the_lane_has_moved(on_two_topics):
    outbox, way, item = on_two_topics
    for _ in range(3):
        outbox.put(a_question())
    item.lane.revoked = True
    way.arrives()
    way.arrives()
    assert (way.sent, item.finished) == ([], False)
