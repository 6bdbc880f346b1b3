"""What is read back of a log: enough, no more, and the part that matters most is kept."""

import pytest

from bench import trivial_steps
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
    Sealed,
    TokensGenerated,
)
from streams.delivery import read_back as read_back_module
from streams.delivery.epochs import RUNS
from streams.delivery.foreign_outcomes import OutcomeReader
from streams.delivery.history import REMEMBERED, History
from streams.delivery.lane import REACH
from streams.delivery.progress import Progress, note_of
from streams.delivery.read_back import (
    STRIDE,
    UNTOLD_MAX,
    WARM_RECORDS,
    Source,
    read_back,
)
from streams.log.schema_asker import SchemaAsker
from streams.running.run import stamped
from streams.topics import step, topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import a_broker

CUT, ASKED, RETRIEVED = topic_of(ChunksCut), topic_of(QuestionAsked), topic_of(ChunksRetrieved)
REDACTED, REJECTED = topic_of(ChunksRedacted), topic_of(EventRejected)
QUESTIONS = topic_of(QuestionRedacted)
LANE = 2
GIVEN = ChunksRetrieved(
    outcome="retrieved", subject="u", question="q", query="q", ask=Ask(deadline=0)
)


class Log:
    """A step's topics in memory."""

    def __init__(self):
        self.codec = a_codec()
        self.broker = a_broker()

    def write(self, event):
        self.put(topic_of(event), self.codec.encode(event))

    def put(self, topic, value, count=1):
        for _ in range(count):
            self.broker.put(topic, value, partition=LANE)

    def take_in(self, topic, count):
        """Let an input topic reach so far; nobody reads it here."""
        self.broker.skip(topic, LANE, count)

    def done(self, name, *sources):
        reader = OutcomeReader(SchemaAsker(self.codec, grace_s=0.0), step(name))
        return read_back(self.broker.consumer(), reader, step(name), sources)

    def known(self, name, *sources):
        """Return a history that has learnt what is read back."""
        done, history = self.done(name, *sources), History()
        history.learn(done.outcomes)
        for (topic, partition), progress in done.progress.items():
            history.inherit(topic, partition, progress)
        return history

    @property
    def read(self):
        return self.broker.handed


@pytest.fixture
def log():
    return Log()


def noted(topic, committed, *closed, after, opened=None):
    """Return a lane whose newest commit says what lies done beyond it."""
    progress = Progress(committed, frozenset(closed), opened or {}, after)
    return Source(topic, LANE, committed, note_of(progress))


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


def chunks_cut(offset, attempt=1):
    ref = DocumentRef(document="d-1", version=1, uri="d-1.md")
    meta = a_meta(id=f"{CUT}@{offset}", lane=LANE, attempt=attempt)
    return ChunksCut(meta=meta, document=ref, batch=Batch(number=0, last=True), outcome="cut")


def redacted_question(offset, **fields):
    meta = meta_of(ASKED, offset, **fields)
    return QuestionRedacted(
        meta=meta, outcome="redacted", subject="u", text="", ask=Ask(deadline=0)
    )


def generated(offset, number, *, last, attempt=1):
    made = trivial_steps.generated(GIVEN, number, last=last)
    meta = meta_of(RETRIEVED, offset, ordinal=number, last=last, attempt=attempt)
    return stamped(made, meta)


def open_inputs(history, topic, offsets):
    """Return those of some inputs that would be run again, by their places."""
    before = Cause(topic="of the step before", partition=LANE, offset=0, id="c")
    return [
        offset
        for offset in offsets
        if not history.duplicate(
            a_meta(id=f"{topic}@{offset}", cause=before, attempt=9), topic, LANE, offset
        )
    ]


def test_of_a_long_log_the_uncommitted_inputs_are_known_whatever_else_is_read_back(log):
    long = REMEMBERED + 5_000
    for offset in range(long):
        log.write(redacted_chunks(offset))
        log.write(redacted_question(offset))
    for topic in (CUT, ASKED):
        log.take_in(topic, long)
    history = log.known(
        "redact", Source(CUT, LANE, long - REACH), Source(ASKED, LANE, long - REACH)
    )
    for topic in (CUT, ASKED):
        assert open_inputs(history, topic, range(long - REACH, long)) == []


def test_what_a_commit_tells_is_not_read_again(log):
    for offset in range(10_000):
        log.write(redacted_chunks(offset))
    log.take_in(CUT, 10_000)
    source = noted(CUT, 9_000, *range(9_001, 9_500), after={REDACTED: 9_700, REJECTED: 0})
    history = log.known("redact", source)
    assert log.read[REDACTED] < 6 * REACH
    assert open_inputs(history, CUT, range(9_000, 10_000)) == []


def test_a_run_counts_on_from_those_over_the_same_id_though_a_commit_tells_nothing_of_it(log):
    # input 1 was closed under attempt 2; it comes again, as a later attempt of the step before has it
    log.write(redacted_chunks(1, attempt=2))
    for offset in range(2, 600):
        log.write(redacted_chunks(offset))
    log.take_in(CUT, 602)
    history = log.known("redact", noted(CUT, 600, after={REDACTED: 599, REJECTED: 0}))
    before = Cause(topic=ASKED, partition=LANE, offset=1, id="before")
    again = a_meta(id=f"{CUT}@1", attempt=2, cause=before)
    assert not history.duplicate(again, CUT, LANE, 601)
    assert history.begin(again, CUT, LANE, 601) == 3


@pytest.mark.parametrize("knew", [True, False])
def test_what_a_lost_owner_knew_to_be_closed_is_known_by_its_id_too(log, knew):
    """A copy of it comes later, at a place of which no commit tells."""
    log.write(redacted_question(1, attempt=RUNS + 1))
    log.take_in(ASKED, 3)
    progress = Progress(0, frozenset({1} if knew else ()), {}, {QUESTIONS: 1, REJECTED: 0})
    lost = Source(ASKED, LANE, 0, note_of(progress), crashed=2)
    history = log.known("redact", lost)
    asked = a_meta(id=f"{ASKED}@1", attempt=1)
    assert history.duplicate(asked, ASKED, LANE, 1) is knew
    assert history.duplicate(asked, ASKED, LANE, 2) is knew


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("before", [1, RUNS + 1, 5 * RUNS + 2])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_of_whom_a_run_is_follows_from_its_number_above_that_of_its_input(log, epoch, before, more):
    """A run of the step before may have any number; runs over what it wrote count from there."""
    log.take_in(CUT, 1)
    log.write(chunks_cut(1, attempt=before))
    log.put(CUT, b"no event")
    log.write(redacted_chunks(1, attempt=before + epoch * RUNS + more))
    log.write(redacted_chunks(2, attempt=1 + epoch * RUNS + more))
    done = log.done("redact", Source(CUT, LANE, 0, crashed=epoch))
    assert done.progress[CUT, LANE].closed == (set() if more < 0 else {1, 2})


def test_the_inputs_of_a_lane_that_nobody_lost_are_not_read(log):
    log.write(chunks_cut(0))
    log.write(redacted_chunks(0))
    log.done("redact", Source(CUT, LANE, 0))
    assert log.read[CUT] == 0


def test_others_letters_are_not_read_for_a_lane_that_is_done(log):
    log.put(REJECTED, b"another's", 9_000)
    log.take_in(CUT, 5)
    log.done("redact", noted(CUT, 5, after={REDACTED: 0, REJECTED: 0}))
    assert log.read[REJECTED] == STRIDE


def test_a_commit_tells_which_runs_were_cut_off(log):
    log.take_in(RETRIEVED, 9)
    after = {topic_of(TokensGenerated): 0, REJECTED: 0}
    source = noted(RETRIEVED, 7, 8, after=after, opened={7: 3})
    history = log.known("generate", source)
    assert open_inputs(history, RETRIEVED, [7, 8]) == [7]
    assert history.begin(a_meta(id="whatever"), RETRIEVED, LANE, 7) == 4


def test_an_outcome_after_the_commit_supersedes_what_it_tells(log):
    log.write(generated(7, 0, last=False, attempt=4))
    log.write(generated(8, 0, last=True))
    log.take_in(RETRIEVED, 9)
    after = {topic_of(TokensGenerated): 0, REJECTED: 0}
    done = log.done("generate", noted(RETRIEVED, 7, after=after, opened={7: 3, 8: 1}))
    assert done.progress[RETRIEVED, LANE] == Progress(7, frozenset([8]), {7: 4})


def test_what_a_lane_reaches_is_told_for_the_next_commit(log):
    log.write(redacted_chunks(0))
    log.take_in(CUT, 1)
    done = log.done("redact", Source(CUT, LANE, 0))
    assert done.ends == {(REDACTED, LANE): 1, (REJECTED, LANE): 0}


def test_where_no_commit_tells_a_long_log_is_read_within_a_bound(log):
    log.put(REDACTED, b"no outcome of ours", UNTOLD_MAX + 10)
    log.take_in(CUT, 5)
    log.done("redact", Source(CUT, LANE, 4))
    assert log.read[REDACTED] == UNTOLD_MAX


def test_where_all_is_committed_only_copies_are_looked_for(log):
    for offset in range(20_000):
        log.write(redacted_chunks(offset))
        log.write(redacted_question(offset))
    for topic in (CUT, ASKED):
        log.take_in(topic, 20_000)
    history = log.known("redact", Source(CUT, LANE, 20_000), Source(ASKED, LANE, 20_000))
    assert log.read[REDACTED] == STRIDE
    assert WARM_RECORDS <= log.read[topic_of(QuestionRedacted)] <= 3 * WARM_RECORDS
    copied = a_meta(id=f"{ASKED}@{20_000 - WARM_RECORDS}")
    assert history.duplicate(copied, ASKED, LANE, 20_001)


def test_copies_are_looked_for_in_no_more_than_some_bytes(log, monkeypatch):
    one = len(log.codec.encode(redacted_question(1_000)))
    monkeypatch.setattr(read_back_module, "WARM_BYTES", 100 * one)
    for offset in range(1_000, 2_000):
        log.write(redacted_question(offset))
    log.take_in(ASKED, 2_000)
    found = log.done("redact", noted(ASKED, 2_000, after={QUESTIONS: 2_000})).outcomes
    assert [outcome.cause.offset for outcome in found] == list(range(2_000 - 2 * STRIDE, 2_000))


def test_what_follows_a_commit_tells_how_far_back_there_is_nothing_to_learn(log):
    for offset in range(2 * REACH):
        log.write(redacted_chunks(offset))
    log.take_in(CUT, 2 * REACH)
    after = 2 * REACH - 1_500
    found = log.done("redact", noted(CUT, 2 * REACH - 100, after={REDACTED: after})).outcomes
    assert len(found) == 1_500  # the first of them lie behind what can come again


def test_outcomes_are_told_in_the_order_of_the_log(log):
    for offset in range(20 * STRIDE):
        log.write(redacted_question(offset))
    log.take_in(ASKED, 20 * STRIDE)
    found = log.done("redact", noted(ASKED, 20 * STRIDE, after={QUESTIONS: 20 * STRIDE})).outcomes
    assert [outcome.cause.offset for outcome in found] == list(range(20 * STRIDE))


def test_a_lane_that_was_ours_until_now_is_not_looked_through_for_copies(log):
    for offset in range(1_000):
        log.write(redacted_question(offset))
    log.take_in(ASKED, 1_000)
    log.done("redact", Source(ASKED, LANE, 1_000, known=True))
    assert log.read[topic_of(QuestionRedacted)] == STRIDE


def test_answers_in_many_parts_are_read_back_as_far_as_they_may_have_run(log):
    parts, inputs = 30, 2 * REACH
    for offset in range(inputs):
        for number in range(parts):
            log.write(generated(offset, number, last=number == parts - 1))
    log.take_in(RETRIEVED, inputs)
    history = log.known("generate", Source(RETRIEVED, LANE, inputs - REACH))
    assert open_inputs(history, RETRIEVED, range(inputs - REACH, inputs)) == []


def test_a_run_that_was_cut_off_is_known_by_its_attempt(log):
    log.write(generated(0, 0, last=False))
    log.take_in(RETRIEVED, 1)
    history = log.known("generate", Source(RETRIEVED, LANE, 0))
    assert open_inputs(history, RETRIEVED, [0]) == [0]
    assert history.begin(a_meta(id=f"{RETRIEVED}@0"), RETRIEVED, LANE, 0) == 2


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
    history = log.known("redact", Source(CUT, LANE, 0))
    assert open_inputs(history, CUT, [0, 1]) == [1]


def test_a_record_that_can_not_be_read_hides_none_behind_it(log):
    log.write(redacted_chunks(0))
    log.put(REDACTED, b"\0\0\0\0\1junk")
    log.take_in(CUT, 1)
    assert open_inputs(log.known("redact", Source(CUT, LANE, 0)), CUT, [0]) == []


def test_outcomes_of_inputs_that_the_log_has_lost_are_told_and_are_those_of_no_other_input(log):
    for offset in range(5):
        log.write(redacted_chunks(offset))
    log.take_in(CUT, 3)
    done = log.done("redact", Source(CUT, LANE, 0))
    assert done.lost == {(CUT, LANE): (3, 4)}
    history = log.known("redact", Source(CUT, LANE, 0))
    assert not history.duplicate(a_meta(id="a record of now"), CUT, LANE, 4)


def test_of_a_log_that_has_lost_nothing_nothing_is_told(log):
    log.write(redacted_chunks(0))
    log.take_in(CUT, 1)
    assert log.done("redact", Source(CUT, LANE, 0)).lost == {}


# ---------------------------------------------------------------------- a position that was set back


def question(id_):
    text = Sealed(key="k", event=id_, field="text", ciphertext=b"")
    return QuestionAsked(
        meta=a_meta(id=id_, lane=LANE), subject="u", text=text, ask=Ask(deadline=0)
    )


def set_back(log, offset, id_, *, to=0, note="", source=ASKED):
    """Say what is told of a lane that begins at `to`, though an input far beyond has an outcome."""
    log.take_in(ASKED, offset)
    log.write(question(id_))
    log.write(redacted_question(offset))
    return log.done("redact", Source(source, LANE, to, note)).set_back


FAR = REMEMBERED + 1


def test_a_position_set_back_beyond_what_is_remembered_is_told_with_where_to_go_on(log):
    [(place, reason)] = set_back(log, FAR, f"{ASKED}@{FAR}").items()
    assert place == (ASKED, LANE)
    assert f"set back to 0, but inputs up to {FAR} have outcomes" in reason
    assert f"before offset {FAR - REACH} need none" in reason


def test_one_that_is_remembered_is_found_to_be_done(log):
    assert set_back(log, FAR - 1, f"{ASKED}@{FAR - 1}") == {}


def test_where_another_record_lies_the_topic_is_another_and_nothing_was_set_back(log):
    assert set_back(log, FAR, "another") == {}


def test_a_commit_of_ours_is_where_it_should_be(log):
    note = note_of(Progress(0, after={}))
    assert set_back(log, FAR, f"{ASKED}@{FAR}", note=note) == {}


def test_what_is_no_event_now_is_no_witness(log):
    log.take_in(ASKED, FAR)
    log.put(ASKED, b"nothing")
    log.write(redacted_question(FAR))
    assert log.done("redact", Source(ASKED, LANE, 0)).set_back == {}
