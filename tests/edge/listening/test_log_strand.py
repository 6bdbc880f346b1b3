"""How far a strand of the log is: no further than what was taken in."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition

from edge.listening.entries import HISTORY
from edge.listening.live_records import LiveRecords
from edge.listening.log_strand import LogStrand
from schemas import QuestionAsked
from streams.log.schema_asker import SchemaAsker
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION
from tests.edge.listening.test_log_reader import CODEC, Log
from tests.memory_broker import MemoryConsumer

AT = (topic_of(QUESTION), 0)


class HeldRecords(LiveRecords):
    """Holds what lies in a lane back, or says that it is to be read again, as it is told to."""

    holds, again = False, ()

    def is_taken_in(self, lane, end):
        return not self.holds and super().is_taken_in(lane, end)

    def to_read_again(self, read_next):
        places, self.again = self.again, ()
        return list(places)


@pytest.fixture
def strand():
    log = Log()
    CODEC.decode(CODEC.encode(QUESTION), QuestionAsked)  # its schema is known from now on
    for _ in range(3):
        log.put(QUESTION)
    records = {topic_of(kind): kind for kind in HISTORY}
    live = HeldRecords(SchemaAsker(CODEC))
    strand = LogStrand(MemoryConsumer(log.broker), live, records, lambda *_: True)
    strand.assign({AT: 0})
    return strand


def test_a_lane_is_behind_until_what_was_read_of_it_was_handed_on(strand):
    assert strand.next == {}
    assert not strand.is_taken_in_up_to(AT, 0)
    assert [entry.offset for entry in strand.read(0)] == [0, 1, 2]
    assert strand.count == 3
    assert strand.behind == {AT}
    strand.handed_on()
    assert strand.behind == set()
    assert strand.is_taken_in_up_to(AT, 3)
    assert not strand.is_taken_in_up_to(AT, 4)


def test_what_waits_is_not_taken_in(strand):
    strand.live.holds = True
    strand.read(0)
    strand.handed_on()
    assert strand.behind == {AT}
    assert not strand.is_taken_in_up_to(AT, 3)


def test_a_lane_that_is_read_again_is_behind_until_it_came_to_its_end_again(strand):
    strand.live.holds = True
    strand.read(0)
    strand.live.holds, strand.live.again = False, [TopicPartition(*AT, 1)]
    assert strand.read_again() == [AT]
    strand.handed_on()
    assert strand.behind == {AT}
    assert strand.next == {AT: 1}
    assert not strand.is_taken_in_up_to(AT, 3)
    assert [entry.offset for entry in strand.read(0)] == [1, 2]
    strand.handed_on()
    assert strand.behind == set()


def test_what_is_not_wanted_is_read_and_neither_opened_nor_noted(strand):
    noted = []
    strand.note = noted.append
    strand._wants = lambda message, _: message.offset() == 1
    assert [entry.offset for entry in strand.read(0)] == [1]
    assert [message.offset() for message in noted] == [1]
    assert strand.next == {AT: 3}
