"""Dead letters are found on the log, with what became of each."""

import pytest

from schemas import Cause, ChunksCut, InboxDocument, QuestionRedacted
from streams.delivery.history import RETRY
from streams.operations.dead_letters.finding import REJECTED
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import NOW_US, a_codec, a_meta
from tests.streams.operations.dead_letters.samples import (
    ASKED,
    a_broker,
    a_letter,
    a_question,
    open_letters,
    reject,
)

REDACTED = topic_of(QuestionRedacted)
LATER_MS = NOW_US // 1_000 + 1


@pytest.fixture
def broker():
    """A broker whose lane 0 of the questions has offsets up to 9."""
    broker = a_broker()
    for _ in range(10):
        broker.put(ASKED, a_codec().encode(a_question()))
    return broker


@pytest.fixture
def dead(broker):
    return open_letters(broker)(Settings())


def answer(broker, offset, *, last=True, topic=ASKED, partition=0, time_ms=LATER_MS):
    """Put an outcome of redact over an input where the step would."""
    cause = Cause(topic=topic, partition=partition, offset=offset, id="id-of-r-1")
    event = QuestionRedacted(
        meta=a_meta(cause=cause, last=last, lane=partition),
        outcome="redacted",
        subject="u",
        text="",
        ask=a_question().ask,
    )
    broker.put(REDACTED, a_codec().encode(event), partition=partition, time_ms=time_ms)


def test_there_may_be_none_and_no_topic_for_them(broker, dead):
    assert dead.all() == []
    for number in range(broker.partitions):
        del broker.rows[REJECTED, number]
    assert dead.all() == []


def test_letters_come_oldest_first_with_where_they_lie(broker, dead):
    young, old = a_letter(1, meta=a_meta(at=9)), a_letter(2, meta=a_meta(at=5))
    reject(broker, young, old)
    assert [(one.event, one.offset) for one in dead.all()] == [(old.event, 1), (young.event, 0)]


def test_a_rejection_that_was_published_twice_is_one_letter(broker, dead):
    reject(broker, a_letter(1), a_letter(1))
    assert [letter.offset for letter in dead.all()] == [0]


@pytest.mark.parametrize("value", [b"no avro", None])
def test_what_is_no_dead_letter_is_passed_over(broker, dead, value):
    broker.put(REJECTED, value)
    reject(broker, a_letter(1))
    assert [letter.event.offset for letter in dead.all()] == [1]


def test_a_letter_nobody_put_back_is_open(broker, dead):
    reject(broker, a_letter(3))
    [letter] = dead.all()
    assert (letter.status, letter.copies) == ("open", [])


def test_a_letter_that_is_put_back_waits_until_its_step_has_closed_it(broker, dead):
    reject(broker, a_letter(3))
    [offset] = dead.put_back(dead.all())
    assert [(letter.status, letter.copies) for letter in dead.all()] == [("waiting", [offset])]
    answer(broker, offset, last=False)
    assert [letter.status for letter in dead.all()] == ["waiting"]
    answer(broker, offset)
    assert [letter.status for letter in dead.all()] == ["done"]


def test_a_letter_that_is_rejected_once_more_leaves_two(broker, dead):
    reject(broker, a_letter(3))
    [offset] = dead.put_back(dead.all())
    reject(broker, a_letter(offset, attempt=2))
    assert [letter.status for letter in dead.all()] == ["rejected again", "open"]


def test_what_is_put_back_are_the_original_bytes_on_their_lane_with_the_mark(broker, dead):
    reject(broker, a_letter(3, attempt=2, key=b"any", value=b"no avro"))
    [offset] = dead.put_back(dead.all())
    [copy] = broker.rows[ASKED, 0].at(offset)
    assert (copy.key(), copy.value(), copy.headers()) == (b"any", b"no avro", [(RETRY, b"2@3")])


def test_a_mark_of_another_letter_is_no_copy(broker, dead):
    reject(broker, a_letter(3))
    for mark in (b"1@4", b"2@3", b""):
        broker.put(ASKED, b"x", headers=[(RETRY, mark)])
    broker.put(ASKED, b"x", headers=[("id", b"1@3")])
    assert [letter.status for letter in dead.all()] == ["open"]


@pytest.mark.parametrize(
    "elsewhere",
    [{"topic": topic_of(ChunksCut)}, {"partition": 1}, {"time_ms": NOW_US // 1_000 - 1}],
)
def test_an_outcome_of_another_input_or_of_before_closes_nothing(broker, dead, elsewhere):
    reject(broker, a_letter(3))
    [offset] = dead.put_back(dead.all())
    answer(broker, offset, **elsewhere)
    broker.put(REDACTED, b"no avro", time_ms=LATER_MS)
    assert [letter.status for letter in dead.all()] == ["waiting"]


def test_letters_of_several_lanes_are_told_apart(broker, dead):
    broker.put(ASKED, a_codec().encode(a_question()), partition=1)
    reject(broker, a_letter(3), a_letter(0, partition=1))
    letters = dead.all()
    [offset] = dead.put_back([letters[1]])
    answer(broker, offset, partition=letters[1].event.partition)
    assert [letter.status for letter in dead.all()] == ["open", "done"]


def test_the_plain_records_of_an_inbox_are_not_read(broker, dead):
    inbox = topic_of(InboxDocument)
    reject(broker, a_letter(0, topic=inbox, value=None, step="inbox"))
    del broker.rows[inbox, 0]  # kept for hours: a letter outlives them
    assert [letter.status for letter in dead.all()] == ["open"]


def test_closing_lets_go_of_the_consumer(broker):
    dead = open_letters(broker)(Settings())
    dead.close()
    assert dead._consumer.closed
