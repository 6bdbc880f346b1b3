"""Reading outputs again: what is kept of them tells what the log tells, and is left where it does not."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas import EventRejected, QuestionRedacted
from streams.delivery import output_reader, read_back
from streams.delivery.foreign_outcomes import OutcomeReader
from streams.delivery.kept_outcomes import KeptOutcomes, KnownStretch, Mark, OutcomeRow
from streams.delivery.output_reader import OutputReader
from streams.delivery.read_back import Source
from streams.log.offsets import Extent
from streams.log.schema_asker import SchemaAsker
from streams.topics import step, topic_of
from tests.streams.delivery.test_read_back import (
    ASKED,
    LANE,
    Log,
    generated,
    noted,
    redacted_question,
)

REDACTED = topic_of(QuestionRedacted)
IDS = {REDACTED: "the first", topic_of(EventRejected): "another"}


class CountingReader(OutcomeReader):
    """Counts the records of which it is asked."""

    def __init__(self, *given):
        super().__init__(*given)
        self.asked = Counter()

    def outcome(self, message):
        self.asked[message.topic()] += 1
        return super().outcome(message)


class KeptLog(Log):
    """A log whose takeovers keep what they read."""

    def __init__(self, folder):
        super().__init__()
        self.files = KeptOutcomes(folder, "redact")
        self.ids = dict(IDS)
        self.offset = 0

    def answer(self, count, **fields):
        """Let some questions come in and be done."""
        self.take_in(ASKED, count)
        for _ in range(count):
            self.write(redacted_question(self.offset, **fields))
            self.offset += 1

    def taken_over(self, *sources, kept=True, given_up=()):
        asker = SchemaAsker(self.codec, grace_s=60.0 if given_up else 0.0)
        reader = CountingReader(asker, step("redact"), given_up)
        self.asked = reader.asked
        files = self.files if kept else None
        consumer = self.broker.consumer()
        return read_back.read_back(consumer, reader, step("redact"), sources, files, self.ids)


@pytest.fixture
def log(tmp_path):
    return KeptLog(tmp_path / "outcomes")


@pytest.fixture(autouse=True)
def little_is_enough(monkeypatch):
    """Bounds that a test can reach."""
    monkeypatch.setattr(output_reader, "KEPT_AFTER", 8)
    monkeypatch.setattr(output_reader, "ROWS_MAX", 64)
    monkeypatch.setattr(read_back, "WARM_RECORDS", 40)
    monkeypatch.setattr(read_back, "STRIDE", 4)
    monkeypatch.setattr(read_back, "REACH", 16)


def come(log, behind=0):
    """A lane whose newest commit tells of all but some inputs."""
    committed = log.offset - behind
    return noted(ASKED, committed, after={REDACTED: committed})


def test_what_was_read_once_is_not_read_again(log):
    log.answer(50)
    first = log.taken_over(come(log))
    assert log.asked[REDACTED] >= 40
    again = log.taken_over(come(log))
    assert log.asked[REDACTED] == 0
    assert again == first


def test_of_a_log_that_has_grown_what_came_since_is_read(log):
    log.answer(50)
    log.taken_over(come(log))
    log.answer(7)
    grown = log.taken_over(come(log, behind=3))
    assert log.asked[REDACTED] == 7
    assert grown == log.taken_over(come(log, behind=3), kept=False)


@pytest.mark.parametrize("count", [7, 8])
def test_a_file_is_written_anew_when_enough_was_read(log, count):
    log.answer(50)
    log.taken_over(come(log))
    log.answer(count)
    log.taken_over(come(log))
    log.taken_over(come(log))
    assert log.asked[REDACTED] == (0 if count == 8 else count)


def test_no_more_is_kept_than_there_is_room_for(log):
    for _ in range(9):
        log.answer(20)
        log.taken_over(come(log))
    kept = log.files.of((REDACTED, LANE), IDS[REDACTED])
    assert [row.offset for row in kept.rows] == list(range(180 - 64, 180))
    assert (kept.begin, kept.end) == (180 - 64, 180)


def test_a_topic_that_was_made_anew_is_read(log):
    log.answer(50)
    log.taken_over(come(log))
    log.ids[REDACTED] = "the second"
    log.taken_over(come(log))
    assert log.asked[REDACTED] >= 40


@pytest.mark.parametrize("grown", [0, 1, 5, 9])
def test_a_topic_that_lost_its_tail_is_read_however_far_it_has_grown_again(log, grown):
    log.answer(50)
    log.taken_over(come(log))
    rows = log.broker.rows[REDACTED, LANE]
    del rows.messages[-5:]
    rows.end -= 5
    for number in range(grown):  # what lies there now is of others
        log.write(redacted_question(1_000 + number))
    found = log.taken_over(come(log))
    assert log.asked[REDACTED] >= 40
    assert found == log.taken_over(come(log), kept=False)


def test_what_retention_has_dropped_is_not_told(log):
    log.answer(50)
    log.taken_over(come(log))
    log.broker.trim(REDACTED, 30, LANE)
    found = log.taken_over(come(log))
    assert found == log.taken_over(come(log), kept=False)
    log.answer(10)
    log.broker.trim(REDACTED, 55, LANE)  # the last one that is kept of, too
    assert log.taken_over(come(log)) == log.taken_over(come(log), kept=False)


@pytest.mark.parametrize("ids", [{REDACTED: ""}, {}])
def test_of_a_topic_without_an_id_nothing_is_kept(log, ids):
    log.ids = ids
    log.answer(50)
    log.taken_over(come(log))
    log.taken_over(come(log))
    assert log.asked[REDACTED] >= 40


@pytest.mark.parametrize("given_up", [(), {(900, QuestionRedacted.SCHEMA)}])
def test_where_a_schema_is_not_known_nothing_is_kept_since_it_may_be_known_later(log, given_up):
    log.answer(50)
    log.put(REDACTED, b"\0" + (900).to_bytes(4, "big") + b"of another version")
    log.taken_over(come(log), given_up=given_up)
    log.taken_over(come(log))
    assert log.asked[REDACTED] >= 40


def test_a_record_that_tells_nothing_is_kept_as_one(log):
    log.put(REDACTED, b"no record of ours", count=20)
    log.answer(30)
    first = log.taken_over(come(log))
    again = log.taken_over(come(log))
    assert (log.asked[REDACTED], again) == (0, first)


def test_where_the_first_takeover_needs_little_the_next_reads_what_it_needs_beyond(log):
    log.answer(50)
    committed = Source(ASKED, LANE, log.offset, come(log).note, known=True)  # nothing is warmed
    log.taken_over(committed)
    assert log.taken_over(come(log)) == log.taken_over(come(log), kept=False)
    log.taken_over(come(log))
    log.taken_over(come(log))
    assert log.asked[REDACTED] == 0


moves = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(1, 30)),
        st.tuples(st.just("junk"), st.integers(1, 12)),
        st.tuples(st.just("gap"), st.integers(1, 9)),
        st.tuples(st.just("open"), st.integers(1, 4)),
        st.tuples(st.just("other step"), st.integers(1, 12)),
        st.tuples(st.just("trim"), st.integers(1, 30)),
        st.tuples(st.just("come"), st.integers(0, 25)),
        st.tuples(st.just("known"), st.integers(0, 25)),
        st.tuples(st.just("bare"), st.integers(0, 25)),
    ),
    max_size=25,
)


@given(moves=moves)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_whatever_was_kept_takeovers_learn_what_they_would_learn_of_the_log(
    tmp_path_factory, moves
):
    log = KeptLog(tmp_path_factory.mktemp("outcomes"))
    for move, count in moves:
        match move:
            case "answer":
                log.answer(count)
            case "open":
                log.answer(count, last=False, attempt=count)
            case "junk":
                log.put(REDACTED, b"junk", count)
            case "gap":
                log.broker.skip(REDACTED, LANE, count)
            case "other step":
                for offset in range(count):
                    log.put(
                        topic_of(EventRejected), log.codec.encode(generated(offset, 0, last=True))
                    )
            case "trim":
                rows = log.broker.rows[REDACTED, LANE]
                log.broker.trim(REDACTED, min(rows.begin + count, rows.end), LANE)
            case _:
                source = come(log, behind=min(count, log.offset))
                if move != "come":
                    note = source.note if move == "known" else ""
                    known = move == "known"
                    source = Source(ASKED, LANE, source.committed, note, known=known)
                assert log.taken_over(source) == log.taken_over(source, kept=False)


RECORDS = 40


@pytest.fixture(scope="module")
def long_log():
    """A log of which nothing is written after; every third record tells nothing."""
    log = Log()
    for number in range(RECORDS):
        if number % 3:
            log.write(redacted_question(number))
        else:
            log.put(REDACTED, b"junk" * number)
    return log


def told_by(log, begin, end):
    """Rows and the mark of a stretch, as its records tell them."""
    reader = OutcomeReader(SchemaAsker(log.codec, grace_s=0.0), step("redact"))
    messages = log.broker.rows[REDACTED, LANE].messages[begin:end]
    rows = [OutcomeRow(one.offset(), len(one), reader.outcome(one)) for one in messages]
    return KnownStretch(begin, rows, Mark.of(messages[-1]))


@example(kept=[5, 20], cuts=[15, 30], after=1, room=RECORDS)
@example(kept=[20, 30], cuts=[3, 10, 35], after=1, room=RECORDS)
@given(
    kept=st.tuples(st.integers(0, RECORDS), st.integers(0, RECORDS)).map(sorted),
    cuts=st.sets(st.integers(0, RECORDS - 1), min_size=1, max_size=5).map(sorted),
    after=st.integers(1, RECORDS),
    room=st.integers(1, RECORDS),
)
@settings(max_examples=300)
def test_a_lane_read_from_its_end_backwards_is_told_whole_and_kept_as_one_stretch(
    tmp_path_factory, long_log, kept, cuts, after, room
):
    files = KeptOutcomes(tmp_path_factory.mktemp("outcomes"), "redact")
    place, (known_from, known_to) = (REDACTED, LANE), kept
    before = told_by(long_log, *kept) if known_from < known_to else None
    if before is not None:
        files.keep(place, IDS[REDACTED], before)
    reader = CountingReader(SchemaAsker(long_log.codec, grace_s=0.0), step("redact"))
    whole = Extent(REDACTED, LANE, 0, RECORDS)
    outputs = OutputReader(long_log.broker.consumer(), reader, {place: whole}, files, IDS)
    for begin, end in zip(reversed(cuts), reversed([*cuts[1:], RECORDS]), strict=True):
        written = outputs.read([Extent(REDACTED, LANE, begin, end)])[place]
        rows = told_by(long_log, begin, end).rows
        assert written.outcomes == [row.outcome for row in rows if row.outcome]
        assert (written.records, written.size) == (len(rows), sum(row.size for row in rows))
    extents = zip(cuts, [*cuts[1:], RECORDS], strict=True)
    inner = any(begin < known_from and known_to < end for begin, end in extents)
    covered = set(range(cuts[0], RECORDS))
    unkept = covered if inner else covered - set(range(known_from, known_to))
    if not inner:
        assert reader.asked[REDACTED] == len(unkept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_reader, "KEPT_AFTER", after)
        patch.setattr(output_reader, "ROWS_MAX", room)
        outputs.keep()
    now = files.of(place, IDS[REDACTED])
    if reader.asked[REDACTED] < after:
        assert now == before
        return
    joins = before is not None and known_from < cuts[0] <= known_to
    begin = max(known_from if joins else cuts[0], RECORDS - room)
    assert now == told_by(long_log, begin, RECORDS)
