"""What is read back of a log: enough, no more, and the part that matters most is kept."""

import contextlib
from collections import defaultdict

import pytest

import streams.delivery.history
from schemas import (
    Ask,
    Batch,
    Cause,
    ChunksCut,
    ChunksRedacted,
    ChunksRetrieved,
    DocumentRef,
    EventRejected,
    QuestionAsked,
    QuestionRedacted,
)
from streams.delivery.history import READ_BACK, REMEMBERED, WARM_RECORDS, History, Taken, read_back
from streams.delivery.lane import REACH
from streams.log.reading import Extent
from streams.running.run import stamped
from streams.settings import Settings
from streams.topics import step, topic_of
from tests.fakes import a_codec, a_meta
from tests.streams import fake_chain

CUT, ASKED, RETRIEVED = topic_of(ChunksCut), topic_of(QuestionAsked), topic_of(ChunksRetrieved)
LANE = 2
GIVEN = ChunksRetrieved(
    outcome="retrieved", subject="u", question="q", query="q", ask=Ask(deadline=0)
)


class FakeMessage(bytes):
    """A record with nothing but a value."""

    def value(self):
        return bytes(self)


class FakeLog:
    """Topics in memory, in the place of a broker; counts what is read."""

    def __init__(self, monkeypatch):
        self.codec = a_codec()
        self.topics = defaultdict(list)
        self.read = defaultdict(int)
        monkeypatch.setattr(
            streams.delivery.history, "new_consumer", lambda *_: contextlib.ExitStack()
        )
        monkeypatch.setattr(streams.delivery.history, "extent_of", self.extent_of)
        monkeypatch.setattr(streams.delivery.history, "records", self.records)

    def extent_of(self, _consumer, topic, partition):
        return Extent(topic, partition, 0, len(self.topics[topic]))

    def records(self, _consumer, extents):
        for extent in extents:
            assert extent.partition == LANE
            self.read[extent.topic] += extent.end - extent.begin
            yield from self.topics[extent.topic][extent.begin : extent.end]

    def write(self, event):
        self.topics[topic_of(event)].append(FakeMessage(self.codec.encode(event)))

    def take_in(self, topic, count):
        """Let an input topic have so many records; nobody reads them here."""
        self.topics[topic] += [None] * count

    def known(self, name, *taken):
        """Return a history that has learnt what is read back."""
        history = History()
        history.learn(read_back(Settings(), self.codec, step(name), taken))
        return history


@pytest.fixture
def log(monkeypatch):
    return FakeLog(monkeypatch)


def meta_of(topic, offset, **fields):
    cause = Cause(topic=topic, partition=LANE, offset=offset, id=f"{topic}@{offset}")
    return a_meta(lane=LANE, cause=cause, **fields)


def redacted_chunks(offset, **fields):
    ref = DocumentRef(document="d-1", version=1, uri="d-1.md")
    return ChunksRedacted(
        meta=meta_of(CUT, offset, **fields),
        document=ref,
        batch=Batch(number=0, last=True),
        outcome="redacted",
    )


def redacted_question(offset):
    meta = meta_of(ASKED, offset)
    return QuestionRedacted(
        meta=meta, outcome="redacted", subject="u", text="", ask=Ask(deadline=0)
    )


def generated(offset, number, *, last):
    made = fake_chain.generated(GIVEN, number, last=last)
    return stamped(made, meta_of(RETRIEVED, offset, ordinal=number, last=last))


def open_inputs(history, topic, offsets):
    """Return those of some inputs that would be run again."""
    return [
        offset
        for offset in offsets
        if not history.duplicate(a_meta(id="another"), topic, LANE, offset)
    ]


def test_of_a_long_log_the_uncommitted_inputs_are_known_whatever_else_is_read_back(log):
    long = REMEMBERED + 5_000
    for offset in range(long):
        log.write(redacted_chunks(offset))
        log.write(redacted_question(offset))
    for topic in (CUT, ASKED):
        log.take_in(topic, long)
    history = log.known("redact", Taken(CUT, LANE, long - REACH), Taken(ASKED, LANE, long - REACH))
    for topic in (CUT, ASKED):
        assert open_inputs(history, topic, range(long - REACH, long)) == []


def test_more_than_a_history_holds_leaves_the_uncommitted_inputs_in_it(log, monkeypatch):
    monkeypatch.setattr(streams.delivery.history, "WARM_RECORDS", 3 * REMEMBERED)
    monkeypatch.setattr(streams.delivery.history, "WARM_BYTES", 10**9)
    long = 2 * REMEMBERED
    for offset in range(long):
        log.write(redacted_question(offset))
    log.take_in(ASKED, long)
    log.take_in(CUT, 1)
    history = log.known("redact", Taken(ASKED, LANE, long - REACH), Taken(CUT, LANE, 0))
    assert log.read[topic_of(QuestionRedacted)] > REMEMBERED
    assert open_inputs(history, ASKED, range(long - REACH, long)) == []


def test_no_more_is_read_than_what_may_be_missing(log):
    for offset in range(10_000):
        log.write(redacted_chunks(offset))
    log.take_in(CUT, 10_000)
    log.take_in(ASKED, 10)  # questions are waiting, whose outcomes never lie among chunks
    history = log.known("redact", Taken(CUT, LANE, 9_990), Taken(ASKED, LANE, 0))
    assert open_inputs(history, CUT, range(9_990, 10_000)) == []
    assert REACH <= log.read[topic_of(ChunksRedacted)] <= 4 * REACH


def test_where_all_is_committed_only_copies_are_looked_for(log):
    for offset in range(20_000):
        log.write(redacted_chunks(offset))
        log.write(redacted_question(offset))
    for topic in (CUT, ASKED):
        log.take_in(topic, 20_000)
    history = log.known("redact", Taken(CUT, LANE, 20_000), Taken(ASKED, LANE, 20_000))
    assert log.read[topic_of(ChunksRedacted)] == READ_BACK
    assert WARM_RECORDS <= log.read[topic_of(QuestionRedacted)] <= 2 * WARM_RECORDS + READ_BACK
    copied = a_meta(id=f"{ASKED}@{20_000 - WARM_RECORDS}")
    assert history.duplicate(copied, ASKED, LANE, 20_001)


def test_answers_in_many_parts_are_read_back_as_far_as_they_may_have_run(log):
    parts, inputs = 30, 2 * REACH
    for offset in range(inputs):
        for number in range(parts):
            log.write(generated(offset, number, last=number == parts - 1))
    log.take_in(RETRIEVED, inputs)
    history = log.known("generate", Taken(RETRIEVED, LANE, inputs - REACH))
    assert open_inputs(history, RETRIEVED, range(inputs - REACH, inputs)) == []


def test_a_run_that_was_cut_off_is_known_by_its_attempt(log):
    log.write(generated(0, 0, last=False))
    log.take_in(RETRIEVED, 1)
    history = log.known("generate", Taken(RETRIEVED, LANE, 0))
    assert open_inputs(history, RETRIEVED, [0]) == [0]
    assert history.next_attempt(a_meta(id=f"{RETRIEVED}@0")) == 2


def test_rejections_count_as_outcomes_and_those_of_other_steps_do_not(log):
    for topic, offset in ((CUT, 0), (RETRIEVED, 1)):
        log.write(
            EventRejected(
                meta=meta_of(topic, offset),
                topic=topic,
                partition=LANE,
                offset=offset,
                step="s",
                error="Permanent",
                message="",
                traceback="",
                attempts=1,
                key=None,
                value=None,
            )
        )
    log.take_in(CUT, 2)
    history = log.known("redact", Taken(CUT, LANE, 0))
    assert open_inputs(history, CUT, [0, 1]) == [1]


def test_a_record_that_can_not_be_read_hides_none_behind_it(log):
    log.write(redacted_chunks(0))
    log.topics[topic_of(ChunksRedacted)].append(FakeMessage(b"\0\0\0\0\1junk"))
    log.take_in(CUT, 1)
    assert open_inputs(log.known("redact", Taken(CUT, LANE, 0)), CUT, [0]) == []
