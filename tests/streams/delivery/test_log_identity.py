"""Is it the log that was committed of? On a broker in memory, and on one of our own whose log is hurt."""

import struct
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaException, Message

from streams.delivery.lane import Lane
from streams.delivery.log_identity import (
    MADE_ANEW,
    Committed,
    displace,
    fingerprint,
    other_logs,
    topic_ids,
)
from streams.delivery.progress import Progress
from streams.log.reading import new_consumer
from streams.settings import Settings
from tests.memory_broker import MemoryBroker

FINISHED = 4
"""The offset of the record that was finished last."""


class InMemory:
    def __init__(self):
        self.topic = "test"
        self._broker = MemoryBroker()
        self._broker.create(self.topic)
        self._made = 1

    def put(self, *values):
        for value in values:
            self._broker.put(self.topic, value)

    def make_anew(self):
        for place in list(self._broker.rows):
            del self._broker.rows[place]
        self._broker.create(self.topic)
        self._made += 1

    def cut(self, offset):
        rows = self._broker.rows[self.topic, 0]
        rows.messages, rows.end = rows.messages[:offset], offset

    def trim(self, begin):
        self._broker.trim(self.topic, begin)

    def consumer(self):
        return self._broker.consumer()

    def ids(self):
        return {self.topic: f"{self.topic} {self._made}"}


class OnKafka:
    def __init__(self, broker):
        self.topic = broker.new_topic()
        self._broker = broker

    def put(self, *values):
        for value in values:  # each in a batch of its own
            self._broker.put(self.topic, [value])

    def make_anew(self):
        self._broker.delete_topic(self.topic)
        self._broker.new_topic(self.topic)

    def cut(self, offset):
        """Lose the tail, as a broker does whose disk was not written when the machine died."""
        with self._broker.down() as data:
            (data / ".kafka_cleanshutdown").unlink(missing_ok=True)
            segment = data / f"{self.topic}-0" / f"{0:020}.log"
            content, at = segment.read_bytes(), 0
            while struct.unpack_from(">q", content, at)[0] < offset:
                at += 12 + struct.unpack_from(">i", content, at + 8)[0]
            segment.write_bytes(content[:at])

    def trim(self, begin):
        self._broker.delete_records(self.topic, 0, begin)

    def consumer(self):
        return new_consumer(self._broker.settings, "test")

    def ids(self):
        return topic_ids(self._broker.settings, [self.topic])


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
def log(request):
    if request.param == "memory":
        made = InMemory()
    else:
        made = OnKafka(request.getfixturevalue("lone_broker"))
    made.put(*(b"%d" % number for number in range(8)))
    return made


def committed(log):
    """What a commit says of the log as it is now."""
    message = Message(key=b"acme", value=b"%d" % FINISHED)
    told = Progress(FINISHED + 1, topic=log.ids()[log.topic], last=(FINISHED, fingerprint(message)))
    return [Committed(log.topic, 0, told)]


def other(log, before, ids=None):
    consumer = log.consumer()
    try:
        return other_logs(consumer, before, log.ids() if ids is None else ids)
    finally:
        consumer.close()


def test_a_log_that_has_only_grown_is_the_same(log):
    before = committed(log)
    log.put(b"more")
    assert other(log, before) == {}


@pytest.mark.parametrize("begin", [3, FINISHED, FINISHED + 1, 8])
def test_one_that_begins_later_now_is_the_same(log, begin):
    before = committed(log)
    log.trim(begin)
    assert other(log, before) == {}


def test_one_that_was_made_anew_is_another_though_it_holds_the_same(log):
    before = committed(log)
    log.make_anew()
    log.put(*(b"%d" % number for number in range(8)))
    assert other(log, before) == {(log.topic, 0): MADE_ANEW}
    assert other(log, before, ids={}) == {}, "no record tells them apart"


@pytest.mark.parametrize("end", [0, FINISHED])
def test_one_that_lost_its_tail_and_has_grown_again_is_another(log, end):
    before = committed(log)
    log.cut(end)
    log.put(*(b"other %d" % number for number in range(8)))
    [(place, reason)] = other(log, before).items()
    assert place == (log.topic, 0)
    assert "another record lies at offset 4 than the one that was finished there" in reason


def test_one_that_ends_before_what_was_finished_is_another(log):
    before = committed(log)
    log.cut(FINISHED)
    assert list(other(log, before)) == [(log.topic, 0)]


def test_one_that_lost_only_what_nobody_had_finished_is_the_same(log):
    before = committed(log)
    log.cut(FINISHED + 1)
    log.put(b"other")
    assert other(log, before) == {}


def test_a_commit_that_names_no_log_is_taken_as_it_is(log):
    assert other(log, [Committed(log.topic, 0, Progress(FINISHED))]) == {}


# ---------------------------------------------------------------------- what is told


def test_a_record_is_told_from_any_other():
    records = [
        (b"k", b"v"),
        (b"k", b"w"),
        (b"l", b"v"),
        (b"k", b""),
        (b"", b"v"),
        (b"k" * 100, b"v"),
    ]
    prints = {fingerprint(Message(key=key, value=value)) for key, value in records}
    assert len(prints) == len(records)
    assert {len(one) for one in prints} == {16}
    assert fingerprint(Message(key=b"k", value=b"v")) in prints


def test_a_lane_is_displaced_once_with_what_to_do(monkeypatch):
    said = []
    log = SimpleNamespace(error=lambda event, **about: said.append((event, about)))
    monkeypatch.setattr("streams.delivery.log_identity.log", log)
    lane = Lane("a.topic", 3, 7, 1)
    for _ in range(2):
        displace(lane, "it is another one")
    [(event, about)] = said
    assert lane.displaced
    assert event == "a lane is not read any further"
    assert about["reason"].startswith("it is another one. Nothing of it is read")
    assert "kafka-consumer-groups --reset-offsets" in about["reason"]
    assert (about["topic"], about["lane"], about["committed"]) == ("a.topic", 3, 7)


# ---------------------------------------------------------------------- which topics these are


@pytest.mark.stack
def test_topics_have_ids_of_their_own_and_one_that_is_gone_has_none(lone_broker):
    one, two = lone_broker.new_topic(), lone_broker.new_topic()
    ids = topic_ids(lone_broker.settings, [one, two, "gone"])
    assert ids.keys() == {one, two}
    assert ids[one] != ids[two]
    assert topic_ids(lone_broker.settings, [one]) == {one: ids[one]}


def test_where_no_broker_answers_nobody_is_told(monkeypatch):
    monkeypatch.setattr("streams.delivery.log_identity.ANSWER_TIMEOUT_S", 0.2)
    with pytest.raises(KafkaException):
        topic_ids(Settings(kafka="127.0.0.1:9"), ["topic"])
