import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import QuestionAsked
from streams.delivery.lane import LOW_WATER, NOTE_REACH, REACH, Lane
from streams.delivery.progress import Progress
from streams.topics import topic_of

TOPIC = topic_of(QuestionAsked)


def opened(item):
    """What the runner does with a record; here the record is its session's name."""
    item.session = item.work = item.message
    return True


def record(offset, session, size=1, tenant=b"acme"):
    return offset, size, tenant, session


def a_lane(*sessions, window=8, base=0):
    lane = Lane(TOPIC, 0, base, window)
    lane.take([record(base + number, session) for number, session in enumerate(sessions)])
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
    lane.take([record(2, "a"), record(3, "b"), record(3, "c"), record(4, "d")])
    lane.take([record(4, "e"), record(5, "f")])
    assert [(item.offset, item.session) for item in taken(lane)] == [(3, "b"), (4, "d"), (5, "f")]


def test_offsets_that_are_missing_hold_nothing_up():
    lane = Lane(TOPIC, 0, 0, 8)
    lane.take([record(4, "a"), record(9, "b")])
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
    records = [record(0, "a", size=10), record(1, "b", size=20)]
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


def test_the_next_event_of_a_session_waits_until_the_outcome_before_is_on_the_log():
    lane, progress = a_lane("a", "a", "b"), []
    lane.on_progress = progress.append
    first, other = taken(lane)
    first.unacknowledged = 1
    end(lane, first)
    assert taken(lane) == []
    end(lane, other)
    assert taken(lane) == []
    progress.clear()
    first.acknowledged()
    assert progress[:1] == [lane]
    assert [item.offset for item in taken(lane)] == [1]


def test_an_outcome_that_is_on_the_log_before_its_run_has_ended_lets_nobody_begin():
    lane = a_lane("a", "a")
    [first] = taken(lane)
    first.unacknowledged = 1
    first.close()
    first.acknowledged()
    assert taken(lane) == []
    lane.left(first)
    assert [item.offset for item in taken(lane)] == [1]


def test_events_of_one_session_wait_for_each_other_over_two_topics():
    busy, progress = {}, []
    one, other = (Lane(topic, 0, 0, 8, busy) for topic in (TOPIC, "playhead.other"))
    other.on_progress = progress.append
    one.take([record(0, "a")])
    other.take([record(0, "a"), record(1, "b")])
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
    lane.take([record(0, "a"), record(REACH, "b")])
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


def unreadable_at_first(*offsets):
    """Open records but for some, the first time."""
    left = set(offsets)

    def open_(item):
        if item.offset in left:
            left.discard(item.offset)
            held.append(item)
            return False
        return opened(item)

    held = []
    return open_, held


def test_behind_a_record_that_can_not_be_read_yet_its_tenants_others_wait_and_no_one_elses():
    lane = Lane(TOPIC, 0, 0, 8)
    lane.take([record(0, "a"), record(1, "b"), record(2, "c", tenant=b"other")])
    open_, held = unreadable_at_first(0)
    running = []
    while (item := lane.next(open_)) is not None:
        running.append(item.offset)
    assert running == [2]
    assert not lane.has_work
    lane.offer(held[0])
    assert [item.offset for item in taken(lane)] == [0, 1]


def test_a_record_that_nobody_can_read_may_wait_alone():
    lane, progress = a_lane("a", "b", "c"), []
    lane.on_progress = progress.append
    open_, held = unreadable_at_first(0)
    assert lane.next(open_) is None
    lane.let_pass(held[0])
    assert progress == [lane]
    following = taken(lane)
    assert [item.offset for item in following] == [1, 2]
    for item in following:
        end(lane, item)
    assert lane.safe == 0
    lane.offer(held[0])
    [item] = taken(lane)
    end(lane, item)
    assert lane.safe == 3


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


# ---------------------------------------------------------------------- what is done


def test_progress_tells_what_is_done_beyond_the_committed_prefix():
    lane = a_lane("a", "b", "c", "d", base=5)
    _, second, third, _ = taken(lane)
    end(lane, second)
    third.attempt = 2
    assert lane.progress() == Progress(5, frozenset([6]), {7: 2}, {})


def test_progress_speaks_for_the_owners_before_until_the_lane_has_passed_that():
    lane = a_lane("a", "b", "c", base=5)
    lane.inherit(Progress(5, frozenset([6, 7]), {5: 3}), lambda: {"out": 40})
    assert lane.progress() == Progress(5, frozenset([6, 7]), {5: 3}, {"out": 40})
    first, second, _ = taken(lane)
    end(lane, first)
    end(lane, second)
    assert lane.progress() == Progress(7, frozenset([7]), {}, {"out": 40})


def test_a_newer_run_counts_and_a_closed_input_is_open_no_more():
    lane = a_lane("a", base=5)
    lane.inherit(Progress(5, frozenset(), {5: 3}), dict)
    [item] = taken(lane)
    item.attempt = 4
    assert lane.progress().open == {5: 4}
    end(lane, item)
    assert lane.progress() == Progress(6)


def test_an_input_that_runs_is_not_told_as_closed_whatever_was_told_before():
    lane = a_lane("a", base=5)
    lane.inherit(Progress(5, frozenset([5])), dict)
    [item] = taken(lane)
    item.attempt = 1
    assert lane.progress() == Progress(5, frozenset(), {5: 1})


@given(st.permutations(range(12)), st.integers(0, 12))
def test_whatever_ends_first_each_input_is_told_once(order, ended):
    lane = a_lane(*map(str, range(12)), window=12)
    items = taken(lane)
    for offset in order[:ended]:
        end(lane, items[offset])
    progress = lane.progress()
    assert set(range(progress.committed)) | progress.closed == set(order[:ended])
    assert not progress.closed & set(range(progress.committed + 1))


@pytest.mark.parametrize(
    ("written", "old"), [(0, False), (NOTE_REACH, False), (NOTE_REACH + 1, True)]
)
def test_a_note_grows_old_as_others_write(written, old):
    lane = a_lane("a")
    lane.inherit(Progress(0), lambda: {"out": 100 + written})
    lane.noted_after = {"out": 100}
    assert lane.note_is_old == old


def test_a_lane_without_a_note_of_ours_needs_one():
    lane = a_lane()
    assert not lane.note_is_old  # of a fold: nothing is written for it
    lane.inherit(Progress(0), lambda: {"out": 0})
    assert lane.note_is_old


def test_an_outcome_that_the_broker_refuses_is_told():
    lane, errors = a_lane("a"), []
    lane.on_failed = errors.append
    [item] = taken(lane)
    item.failed(ValueError("refused"))
    assert [str(error) for error in errors] == ["refused"]
    assert not item.finished
