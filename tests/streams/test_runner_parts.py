import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent, Transient
from schemas import (
    Ask,
    Cause,
    EventRejected,
    Failed,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
)
from streams import transport
from streams.admission import WrongTenant, admit, rejection, unreadable
from streams.codec import Undecodable
from streams.history import History
from streams.ids import position_id
from streams.lane import REACH, Item, Lane
from streams.runner import failed
from streams.topics import INBOX, step, topic_of
from streams.transport import Ledger, ReadOffsets, Verdict
from tests.fakes import a_codec, a_meta

TOPIC = topic_of(QuestionAsked)


def a_question(**meta):
    return QuestionAsked(
        meta=a_meta(**meta),
        subject="u",
        text=Sealed(key="user/u", event="e", field="text", ciphertext=b"c"),
        ask=Ask(),
    )


# ---------------------------------------------------------------------- what may be committed


def test_only_a_contiguous_finished_prefix_may_be_committed():
    ledger = Ledger(5)
    for offset in (5, 6, 7):
        assert ledger.begin(offset) is Verdict.RUN
    ledger.finish(6)
    assert ledger.safe is None
    ledger.finish(5)
    assert ledger.safe == 7
    assert ledger.oldest == 7


def test_what_was_delivered_or_committed_before_is_skipped():
    ledger = Ledger(3)
    assert [ledger.begin(offset) for offset in (2, 3, 3, 2)] == [
        Verdict.SKIP,
        Verdict.RUN,
        Verdict.SKIP,
        Verdict.SKIP,
    ]


def test_what_stands_behind_a_gap_is_read_again_before_it_is_run():
    ledger = Ledger(0)
    assert ledger.begin(0) is Verdict.RUN
    assert ledger.begin(9) is Verdict.READ_AGAIN
    assert ledger.begin(10) is Verdict.SKIP
    assert ledger.expected == 1
    assert [ledger.begin(offset) for offset in range(1, 11)] == [Verdict.RUN] * 10


def test_a_gap_that_is_there_twice_is_believed():
    ledger = Ledger(0)
    assert ledger.begin(9) is Verdict.READ_AGAIN
    assert ledger.begin(10) is Verdict.SKIP
    assert [ledger.begin(9), ledger.begin(10)] == [Verdict.RUN, Verdict.RUN]


def test_what_is_read_again_is_not_dropped_for_what_came_before_it():
    lane, changelog = TP("playhead.question.asked", 0), TP("playhead.table.sessions", 0)
    offsets = ReadOffsets({lane: Ledger(3)})
    for place in (lane, changelog):
        offsets[place] = 9  # Faust's own: of what was fetched before the gap was found
    assert offsets[lane] is None
    assert offsets[changelog] == 9
    assert offsets[TP("playhead.table.sessions", 1)] is None


class FakeConsumer:
    """What `read_again` asks of a consumer, whose seeks are lost at first."""

    def __init__(self, ledger, lost):
        self.ledgers, self.revoking, self.seeks, self.lost = {LANE: ledger}, False, 0, lost

    def assignment(self):
        return {LANE}

    async def seek(self, tp, offset):
        self.seeks += 1
        if self.seeks > self.lost:
            assert self.ledgers[tp].begin(offset) is Verdict.RUN


LANE = TP("playhead.question.asked", 0)


async def test_what_is_read_again_and_lost_again_is_read_once_more(monkeypatch):
    monkeypatch.setattr(transport, "READ_AGAIN_S", 0.02)
    monkeypatch.setattr(transport, "READ_AGAIN_POLL_S", 0.01)
    ledger = Ledger(0)
    ledger.begin(9)
    consumer = FakeConsumer(ledger, lost=2)
    await transport.Consumer.read_again(consumer, LANE)
    assert consumer.seeks == 3


@given(st.lists(st.integers(0, 20), max_size=60))
def test_no_delivery_makes_the_ledger_pass_what_the_log_still_has(deliveries):
    """Whatever is delivered, an offset runs only after all before it: here none is missing."""
    ledger, ran, queue = Ledger(0), [], list(deliveries)
    while queue:
        offset = queue.pop(0)
        verdict = ledger.begin(offset)
        if verdict is Verdict.RUN:
            ran.append(offset)
        elif verdict is Verdict.READ_AGAIN:
            queue = list(range(ledger.expected, 21)) + queue
    assert ran == list(range(len(ran)))


@given(st.permutations(range(12)))
def test_the_committable_offset_never_passes_an_unfinished_event(order):
    ledger, finished = Ledger(0), set()
    for offset in range(12):
        ledger.begin(offset)
    for offset in order:
        ledger.finish(offset)
        finished.add(offset)
        safe = ledger.safe or 0
        assert finished.issuperset(range(safe))
        assert safe == 12 or safe not in finished


# ---------------------------------------------------------------------- what may run


def items(*sessions):
    return [Item(offset, session, None) for offset, session in enumerate(sessions)]


def test_events_of_one_session_run_one_after_another():
    lane = Lane(window=8)
    first, second, other = items("a", "a", "b")
    for item in (first, second, other):
        lane.take(item)
    assert [lane.next(0), lane.next(0), lane.next(0)] == [first, other, None]
    lane.done(first)
    assert lane.next(0) is second


def test_no_more_events_run_than_the_window_holds():
    lane = Lane(window=2)
    for item in items("a", "b", "c"):
        lane.take(item)
    running = [lane.next(0), lane.next(0)]
    assert lane.next(0) is None
    lane.done(running[1])
    assert lane.next(0).session == "c"


def test_no_event_runs_further_ahead_than_a_restart_reads_back():
    lane = Lane(window=4)
    near, far = Item(0, "a", None), Item(REACH, "b", None)
    lane.take(near)
    lane.take(far)
    assert [lane.next(0), lane.next(0)] == [near, None]
    lane.done(near)
    assert lane.next(REACH) is far


@given(st.lists(st.sampled_from("abc"), max_size=30), st.randoms(use_true_random=False))
def test_each_event_runs_once_and_in_the_order_of_its_session(sessions, random):
    lane, running, ran = Lane(window=3), [], []
    for item in items(*sessions):
        lane.take(item)
    while len(lane):
        while (item := lane.next(0)) is not None:
            running.append(item)
        lane.done(done := running.pop(random.randrange(len(running))))
        ran.append(done)
    assert sorted(item.offset for item in ran) == list(range(len(sessions)))
    for session in "abc":
        offsets = [item.offset for item in ran if item.session == session]
        assert offsets == sorted(offsets)


# ---------------------------------------------------------------------- what was done before


def an_outcome(attempt=1, *, last=True, cause="id-of-r-1", offset=7):
    given_by = Cause(topic=TOPIC, partition=0, offset=offset, id=cause)
    return a_meta(cause=given_by, attempt=attempt, last=last)


def test_an_input_with_a_closed_outcome_is_not_run_again():
    history = History()
    history.learn([an_outcome(last=False), an_outcome(last=True)])
    assert history.duplicate(a_meta(cause=an_outcome().cause), TOPIC, 0, 7)


def test_an_input_that_was_cut_off_runs_again_under_the_next_attempt():
    history = History()
    history.learn([an_outcome(attempt=2, last=False)])
    meta = a_meta()
    assert not history.duplicate(meta, TOPIC, 0, 7)
    assert history.next_attempt(meta) == 3


def test_a_copy_of_an_input_is_a_duplicate():
    history = History()
    history.finished(a_meta())
    assert history.duplicate(a_meta(), TOPIC, 0, 8)


def test_a_copy_of_a_request_is_a_duplicate_after_a_restart_too():
    history = History()
    history.learn([an_outcome()])
    assert history.duplicate(a_meta(), TOPIC, 0, 8)


def test_a_superseding_input_is_no_duplicate_and_its_outcomes_get_a_higher_attempt():
    history, cause = History(), an_outcome().cause
    first = a_meta(cause=cause, attempt=1)
    history.attempted(first.id, history.next_attempt(first))
    history.finished(first)
    second = a_meta(cause=cause, attempt=2)
    assert not history.duplicate(second, TOPIC, 0, 9)
    assert history.next_attempt(second) == 2


def test_the_memory_is_bounded():
    history = History(size=10)
    for number in range(100):
        history.finished(a_meta(request=str(number)))
    assert not history.duplicate(a_meta(request="0"), TOPIC, 0, 0)
    assert history.duplicate(a_meta(request="99"), TOPIC, 0, 99)


# ---------------------------------------------------------------------- what is let in


def test_an_event_under_its_tenants_key_in_its_lane_is_let_in():
    codec, event = a_codec(), a_question()
    assert admit(codec, QuestionAsked, codec.encode(event), b"acme", 0) == event


@pytest.mark.parametrize(("key", "partition"), [(b"other", 0), (None, 0), (b"", 0), (b"acme", 1)])
def test_an_event_under_another_key_or_in_another_lane_is_kept_out(key, partition):
    codec = a_codec()
    with pytest.raises(WrongTenant):
        admit(codec, QuestionAsked, codec.encode(a_question()), key, partition)


def test_an_event_of_no_tenant_is_kept_out():
    codec = a_codec()
    with pytest.raises(WrongTenant):
        admit(codec, QuestionAsked, codec.encode(a_question(tenant="")), b"", 0)


@pytest.mark.parametrize("value", [None, b"", b"poison", b"\0\0\0\0\1"])
def test_other_bytes_are_kept_out(value):
    with pytest.raises(Undecodable):
        admit(a_codec(), QuestionAsked, value, b"acme", 0)


def test_another_record_type_is_kept_out():
    codec = a_codec()
    other = QuestionRedacted(meta=a_meta(), outcome="redacted", subject="u", text="t", ask=Ask())
    with pytest.raises(Undecodable):
        admit(codec, QuestionAsked, codec.encode(other), b"acme", 0)


def test_the_rejection_of_what_could_not_be_read_claims_nothing_that_the_record_claims():
    given_by = unreadable(TOPIC, 2, 9)
    meta = given_by.event.meta
    assert (meta.id, meta.tenant, meta.request, meta.lane) == (position_id(TOPIC, 2, 9), "", "", 2)


def test_the_bytes_of_an_inbox_stay_out_of_the_dead_letter():
    why = Failed(error="E", message="m", traceback="", attempts=1)
    build = rejection(step("ingest"), unreadable(INBOX[0].name, 0, 1), b"k", b"plain text")
    assert build(why, a_meta()).value is None
    build = rejection(step("redact"), unreadable(TOPIC, 0, 1), b"k", b"sealed")
    rejected = build(why, a_meta())
    assert isinstance(rejected, EventRejected)
    assert (rejected.value, rejected.key) == (b"sealed", b"k")


# ---------------------------------------------------------------------- why a step gave up


def caught(error):
    try:
        raise error
    except Exception as raised:  # noqa: BLE001
        return raised


def test_the_message_of_a_mistake_quotes_nothing():
    why = failed(caught(ValueError("Alice Example, 4 Main St")), tries=1)
    assert "Alice" not in why.message + why.traceback
    assert why.error == "ValueError"
    assert "test_runner_parts" in why.message


@pytest.mark.parametrize("error", [Permanent("do this"), KeyDestroyed("do this")])
def test_a_permanent_error_says_what_it_says(error):
    assert failed(caught(error), tries=1).message == "do this"


def test_an_exhausted_transient_error_says_how_often_it_was_tried():
    why = failed(caught(Transient("the index is away")), tries=5)
    assert "the index is away" in why.message
    assert why.attempts == 5
