import asyncio
import types

import pytest
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
from streams.delivery import runner
from streams.delivery.history import History
from streams.delivery.lane import LOW_WATER, REACH, Item, Lane
from streams.delivery.runner import Outbox, failed
from streams.log.codec import Undecodable
from streams.log.ids import position_id
from streams.running.admit import WrongTenant, admit, rejection, unreadable
from streams.topics import INBOX, step, topic_of
from tests.fakes import a_codec, a_meta

TOPIC = topic_of(QuestionAsked)


def a_question(**meta):
    return QuestionAsked(
        meta=a_meta(**meta),
        subject="u",
        text=Sealed(key="user/u", event="e", field="text", ciphertext=b"c"),
        ask=Ask(),
    )


def opened(lane, offset, size, session):
    """What the runner does with a record; here the record is its session's name."""
    return Item(lane, offset, size, session, session, None)


def a_lane(*sessions, window=8, base=0):
    lane = Lane(TOPIC, 0, base, window)
    lane.take([(base + number, 1, session) for number, session in enumerate(sessions)])
    return lane


def taken(lane):
    """Return everything that may run now."""
    items = []
    while (item := lane.next(opened)) is not None:
        items.append(item)
    return items


def end(lane, item):
    lane.left(item)
    item.close()


# ---------------------------------------------------------------------- what may be committed


def test_only_a_contiguous_finished_prefix_may_be_committed():
    lane = a_lane("a", "b", "c", base=5)
    first, second, _ = taken(lane)
    assert lane.safe == 5
    end(lane, second)
    assert lane.safe == 5
    end(lane, first)
    assert lane.safe == 7


def test_an_event_is_finished_when_its_outcome_is_closed_and_acknowledged():
    lane = a_lane("a")
    [item] = taken(lane)
    item.unacknowledged = 2
    item.acknowledged()
    item.close()
    assert lane.safe == 0
    item.acknowledged()
    assert lane.safe == 1


def test_acknowledged_before_it_is_closed_it_is_not_finished():
    lane = a_lane("a")
    [item] = taken(lane)
    item.unacknowledged = 1
    item.acknowledged()
    assert lane.safe == 0
    item.close()
    assert lane.safe == 1


def test_what_was_delivered_or_committed_before_is_skipped():
    lane = Lane(TOPIC, 0, 3, 8)
    lane.take([(2, 1, "a"), (3, 1, "b"), (3, 1, "c"), (4, 1, "d")])
    lane.take([(4, 1, "e"), (5, 1, "f")])
    assert [(item.offset, item.session) for item in taken(lane)] == [(3, "b"), (4, "d"), (5, "f")]


def test_offsets_that_are_missing_hold_nothing_up():
    lane = Lane(TOPIC, 0, 0, 8)
    lane.take([(4, 1, "a"), (9, 1, "b")])
    for item in taken(lane):
        end(lane, item)
    assert lane.safe == 10


@given(st.permutations(range(12)))
def test_the_committable_offset_never_passes_an_unfinished_event(order):
    lane, finished = a_lane(*map(str, range(12)), window=12), set()
    items = taken(lane)
    for offset in order:
        end(lane, items[offset])
        finished.add(offset)
        assert finished.issuperset(range(lane.safe))
        assert lane.safe == 12 or lane.safe not in finished


def test_bytes_are_held_until_an_event_is_finished():
    lane, freed = Lane(TOPIC, 0, 0, 8), []
    lane.on_freed = freed.append
    records = [(0, 10, "a"), (1, 20, "b")]
    assert lane.reserve(records) == lane.bytes == 30
    lane.take(records)
    lane.take([records[0]])  # again: dropped, and freed
    first, second = taken(lane)
    end(lane, second)
    assert freed == [10]
    end(lane, first)
    assert freed == [10, 30]


# ---------------------------------------------------------------------- what may run


def test_events_of_one_session_run_one_after_another():
    lane = a_lane("a", "a", "b")
    first, other = taken(lane)
    assert (first.offset, other.offset) == (0, 2)
    end(lane, first)
    [second] = taken(lane)
    assert second.offset == 1


def test_events_of_one_session_wait_for_each_other_over_two_topics():
    busy, progress = {}, []
    one, other = (Lane(topic, 0, 0, 8, busy) for topic in (TOPIC, "playhead.other"))
    other.on_progress = progress.append
    one.take([(0, 1, "a")])
    other.take([(0, 1, "a"), (1, 1, "b")])
    [first] = taken(one)
    assert [item.session for item in taken(other)] == ["b"]
    assert not other.has_work
    end(one, first)
    assert progress == [other]
    [second] = taken(other)
    assert (second.lane, second.session) == (other, "a")
    end(other, second)
    assert (one.safe, other.safe, list(busy)) == (1, 1, ["b"])


def test_no_more_events_run_than_the_window_holds():
    lane = a_lane("a", "b", "c", window=2)
    running = taken(lane)
    assert len(running) == 2
    assert not lane.has_work
    end(lane, running[1])
    assert lane.has_work
    assert [item.session for item in taken(lane)] == ["c"]


def test_no_event_runs_further_ahead_than_a_restart_reads_back():
    lane, progress = Lane(TOPIC, 0, 0, 4), []
    lane.on_progress = progress.append
    lane.take([(0, 1, "a"), (REACH, 1, "b")])
    [near] = taken(lane)
    assert not lane.has_work
    lane.left(near)
    near.unacknowledged = 1
    near.close()
    assert not lane.has_work
    assert progress == []
    near.acknowledged()
    assert progress == [lane]
    assert [item.session for item in taken(lane)] == ["b"]


def test_a_record_that_can_not_be_read_yet_is_offered_again():
    lane = a_lane("a", "b")
    assert lane.next(lambda *_: None) is None
    assert [item.session for item in taken(lane)] == ["a", "b"]


def test_it_is_told_when_a_backlog_has_been_worked_off():
    lane, drained = a_lane(*map(str, range(LOW_WATER + 2)), window=9), []
    lane.on_drained = lambda: drained.append(lane.waiting)
    taken(lane)
    assert drained == [LOW_WATER]


@given(st.lists(st.sampled_from("abc"), max_size=30), st.randoms(use_true_random=False))
def test_each_event_runs_once_and_in_the_order_of_its_session(sessions, random):
    lane, running, ran = a_lane(*sessions, window=3), [], []
    while len(lane):
        running += taken(lane)
        assert len(running) == lane.running <= 3
        end(lane, done := running.pop(random.randrange(len(running))))
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


# ---------------------------------------------------------------------- what is published


class FakePublisher:
    def __init__(self):
        self.sent = []

    def send(self, topic, partition, key, value, headers, receipt):
        self.sent.append((topic, partition, key))


def an_outbox(lane):
    publisher = FakePublisher()
    item = Item(lane, 0, 1, "s", None, None)
    return Outbox(types.SimpleNamespace(publisher=publisher), a_codec(), item), item, publisher


def test_an_outcome_goes_to_its_topic_in_the_lane_of_its_tenant():
    outbox, item, publisher = an_outbox(Lane(TOPIC, 0, 0, 1))
    outbox.put(a_question(lane=3))
    assert publisher.sent == [(TOPIC, 3, b"acme")]
    assert item.unacknowledged == 1


def test_nothing_is_written_from_a_lane_that_has_moved():
    lane = Lane(TOPIC, 0, 0, 1)
    outbox, _, publisher = an_outbox(lane)
    lane.revoked = True
    with pytest.raises(asyncio.CancelledError):
        outbox.put(a_question())
    assert publisher.sent == []


def test_an_outcome_that_fits_no_record_is_refused(monkeypatch):
    monkeypatch.setattr(runner, "RECORD_BYTES_MAX", 20)
    outbox, item, publisher = an_outbox(Lane(TOPIC, 0, 0, 1))
    with pytest.raises(runner.RecordTooLarge, match="cut its batches smaller"):
        outbox.put(a_question())
    assert (publisher.sent, item.unacknowledged) == ([], 0)
