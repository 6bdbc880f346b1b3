"""Commits: what is due of a lane, and what becomes of what the group is asked to commit."""

from dataclasses import replace

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.delivery.commits import Commit, Commits, claim, due, inherited, name_of, unnoted
from streams.delivery.lane import NOTE_REACH, Lane
from streams.delivery.progress import (
    NOTE_BYTES_MAX,
    Ownership,
    Progress,
    note_of,
    note_with,
    ownership_of,
    progress_of,
)
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.lanes import finish, take
from tests.streams.delivery.memory_group import FakeRefusedPlace, MemoryGroup

TOPIC, OUTPUT = "playhead.question.asked", "playhead.question.redacted"
LONG_NAMES = {f"{OUTPUT}.{number}": 1 for number in range(NOTE_BYTES_MAX // len(OUTPUT) + 1)}
"""Of more outputs than a note has room for."""
BASE = 7


def a_lane(partition=0, note="", after=None):
    lane = Lane(TOPIC, partition, BASE, 16, note=note)
    lane.learned = True
    if after is not None:
        lane.inherit(Progress(BASE), lambda: dict(after))
    return lane


def done(lane, *numbers, of=4):
    """Let the next inputs of a lane run, and some of them be finished."""
    items = take(lane, BASE, of)
    for number in numbers:
        finish(lane, items[number])
    return lane


class Bench:
    """Commits of a few lanes, and the group that they go to."""

    def __init__(self, *lanes):
        self.lanes = lanes
        self.group = MemoryGroup(MemoryBroker())
        self.client = self.group.client()
        self.commits = Commits(lambda: {(lane.topic, lane.partition): lane for lane in lanes})

    def commit(self, commits=None, *, asynchronous=False):
        self.commits.commit(
            self.client, due(self.lanes) if commits is None else commits, asynchronous=asynchronous
        )

    def answered(self, lane, code=None, of_all=None):
        """Let the broker answer a commit: with an error of one lane, or of all."""
        place = FakeRefusedPlace(lane.topic, lane.partition, code)
        place.offset = lane.safe
        return self.commits.committed(None if of_all is None else KafkaError(of_all), [place])


# ---------------------------------------------------------------------- what is due


@pytest.mark.parametrize(
    ("finished", "offset"),
    [((0,), BASE + 1), ((0, 1), BASE + 2), ((1, 0), BASE + 2), ((0, 2), BASE + 1), ((2,), BASE)],
    ids=str,
)
def test_of_what_is_finished_the_part_without_a_gap_is_due(finished, offset):
    [commit] = due([done(a_lane(), *finished)])
    assert commit.offset == offset


def test_of_lanes_without_news_nothing_is_due():
    assert due([a_lane(0), done(a_lane(1))]) == []


def test_of_a_lane_that_is_not_known_yet_nothing_is_due():
    lane = done(a_lane(), 0)
    lane.learned = False
    assert due([lane]) == []


def test_of_a_lane_that_goes_on_no_further_nothing_is_due():
    lane = done(a_lane(), 0)
    lane.displaced = True
    assert due([lane]) == []


@pytest.mark.parametrize("old_notes", [False, True])
def test_a_note_that_has_grown_old_is_due_where_it_is_asked_for(old_notes):
    ends = {OUTPUT: 33}
    lane = done(a_lane(after=ends))
    [first] = due([lane])
    ends[OUTPUT] += NOTE_REACH + 1
    assert [one.lane for one in due([lane], old_notes=old_notes)] == [first.lane] * old_notes


def test_what_lies_done_beyond_the_offset_is_written_beside_it():
    [commit] = due([done(a_lane(after={OUTPUT: 33}), 0, 2)])
    noted = progress_of(commit.offset, commit.note)
    assert noted == Progress(BASE + 1, frozenset([BASE + 2]), {}, {OUTPUT: 33})


def test_a_lane_whose_outputs_nobody_knows_keeps_the_note_that_it_had():
    [commit] = due([done(a_lane(note="older"), 0)])
    assert commit.note == "older"


def test_a_note_that_fits_no_commit_leaves_the_older_one_in_place():
    [commit] = due([done(a_lane(note="older", after=LONG_NAMES), 0)])
    assert commit.note == "older"


def test_a_note_is_renewed_when_others_have_written_far_beyond_it():
    ends = {OUTPUT: 33}
    lane = a_lane(after=ends)
    bench = Bench(lane)
    bench.commit()
    assert due([lane]) == []
    ends[OUTPUT] += NOTE_REACH
    assert due([lane]) == []
    ends[OUTPUT] += 1
    [commit] = due([lane])
    assert progress_of(BASE, commit.note).after == ends


def test_where_the_event_loop_does_not_answer_the_offset_goes_without_a_new_note():
    lanes = [done(a_lane(0, "older", {OUTPUT: 33}), 0, 2), done(a_lane(1), 1), a_lane(2)]
    assert unnoted(lanes) == [Commit(lanes[0], BASE + 1, "older", 2)]


# ---------------------------------------------------------------------- what becomes of it


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_was_due_is_told_to_the_group_and_due_no_longer(asynchronous):
    lanes = [done(a_lane(0), 0), done(a_lane(1, "older"), 0, 1), a_lane(2)]
    bench = Bench(*lanes)
    bench.commit(asynchronous=asynchronous)
    assert bench.group.offsets() == {(TOPIC, 0): BASE + 1, (TOPIC, 1): BASE + 2}
    assert bench.group.notes == {(TOPIC, 0): "", (TOPIC, 1): "older"}
    assert due(lanes) == []
    assert unnoted(lanes) == []
    assert bench.client.waited == [not asynchronous]


def test_a_client_is_not_asked_to_commit_nothing():
    bench = Bench(a_lane())
    bench.client.errors.append(KafkaError(KafkaError._STATE))
    bench.commit()
    assert len(bench.client.errors) == 1


def test_what_was_finished_after_a_commit_was_said_is_due_with_the_next():
    lane = done(a_lane(), 0)
    bench, said = Bench(lane), due([lane])
    [item] = take(lane, BASE + 4)
    finish(lane, item)
    bench.commit(said)
    assert bench.group.offsets() == {(TOPIC, 0): BASE + 1}
    assert len(due([lane])) == 1


def test_a_commit_that_the_client_refuses_is_due_again():
    lane = done(a_lane(), 0)
    bench = Bench(lane)
    before = due([lane])
    bench.client.errors.append(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
    bench.commit()
    assert bench.group.offsets() == {}
    assert due([lane]) == before
    bench.commit()
    assert bench.group.offsets() == {(TOPIC, 0): BASE + 1}


@pytest.mark.parametrize(
    ("of_lane", "of_all"),
    [(KafkaError.NOT_COORDINATOR, None), (None, KafkaError.REBALANCE_IN_PROGRESS)],
    ids=["of the lane", "of all"],
)
def test_a_commit_that_the_broker_refuses_later_is_due_again(of_lane, of_all):
    lane, other = done(a_lane(0, "older"), 0), done(a_lane(1), 0)
    bench = Bench(lane, other)
    bench.commit(asynchronous=True)
    bench.answered(lane, of_lane, of_all)
    assert [(commit.lane, commit.note) for commit in due(bench.lanes)] == [(lane, "older")]


def test_a_commit_that_the_broker_took_is_due_no_more():
    lane = done(a_lane(), 0)
    bench = Bench(lane)
    bench.commit(asynchronous=True)
    bench.answered(lane)
    assert due([lane]) == []


@pytest.mark.parametrize(
    ("finished", "code", "of_all", "news"),
    [
        ((0,), None, None, True),
        ((), None, None, False),
        ((0,), KafkaError.NOT_COORDINATOR, None, False),
        ((0,), None, KafkaError.REBALANCE_IN_PROGRESS, False),
    ],
)
def test_what_the_broker_took_is_news_where_more_is_finished_than_when_the_lane_came(
    finished, code, of_all, news
):
    lane = done(a_lane(), *finished)
    bench = Bench(lane)
    bench.commit(asynchronous=True)
    assert bench.answered(lane, code, of_all) is news


def test_of_a_lane_that_has_gone_nothing_is_news():
    bench = Bench()
    assert bench.answered(done(a_lane(), 0)) is False


@pytest.mark.parametrize("code", [KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID])
def test_a_client_that_has_ended_commits_nothing_and_that_is_raised(code):
    lane = done(a_lane(), 0)
    bench = Bench(lane)
    for ask in (bench.commit, lambda: bench.commits.taken_again(bench.client, [lane])):
        bench.client.errors.append(KafkaError(code))
        with pytest.raises(KafkaException):
            ask()
    assert bench.group.offsets() == {}


def test_what_a_client_says_in_words_is_no_end_of_it():
    lane = done(a_lane(), 0)
    bench = Bench(lane)

    def commit(**_):
        raise KafkaException("no broker")

    bench.client.commit = commit
    bench.commit()
    assert not bench.commits.taken_again(bench.client, [lane])


def test_a_broker_that_takes_no_notes_gets_the_offset_alone_from_then_on():
    lane = done(a_lane(note="older", after={OUTPUT: 33}), 0)
    bench = Bench(lane)
    bench.commit(asynchronous=True)
    bench.answered(lane, KafkaError.OFFSET_METADATA_TOO_LARGE)
    bench.commit()
    assert bench.group.notes == {(TOPIC, 0): ""}
    [item] = take(lane, BASE + 4)
    finish(lane, item)
    assert {commit.note for commit in due([lane])} <= {""}


def test_an_answer_about_a_lane_that_has_gone_changes_nothing():
    lane, gone = done(a_lane(0), 0), done(a_lane(1), 0)
    bench = Bench(lane)
    bench.commit([*due([lane]), *due([gone])])
    bench.answered(gone, KafkaError.REBALANCE_IN_PROGRESS)
    assert due([lane, gone]) == []


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS)), "REBALANCE_IN_PROGRESS"),
        (KafkaException("no broker"), "no broker"),
    ],
)
def test_an_error_is_told_by_its_name(error, name):
    assert name_of(error) == name


# ---------------------------------------------------------------------- whose a lane is


def note(**ownership):
    return note_with(BASE, "", Ownership(**ownership))


@pytest.mark.parametrize(
    ("before", "untouched", "epoch", "crashed"),
    [
        ("", True, 0, 0),  # nobody had it
        ("", False, 1, 0),  # somebody had, who says nothing: Kafka's own tools set it
        ("of 0.1.0", False, 1, 0),
        (note_of(Progress(BASE, topic="t")), False, 1, 0),  # who had it may have died
        (note(epoch=3), False, 4, 3),
        (note(epoch=3, left=True), False, 3, 0),  # nothing of it is on its way
        (note(epoch=3, crashed=2), False, 4, 2),  # it had run nothing yet
        (note(epoch=3, crashed=0), False, 4, 0),
    ],
    ids=str,
)
def test_who_takes_a_lane_over_has_an_epoch_of_its_own(before, untouched, epoch, crashed):
    lane = a_lane(note=before)
    lane.untouched = untouched
    bench = Bench(lane)
    assert bench.commits.claimed(bench.client, claim([lane]))
    assert (lane.epoch, lane.crashed) == (epoch, crashed)
    assert bench.group.offsets() == {(TOPIC, 0): BASE}
    says = ownership_of(BASE, bench.group.notes[TOPIC, 0])
    assert says == Ownership(epoch, crashed=crashed), "so far it has run nothing"
    assert bench.client.waited == [True]


def test_what_the_note_before_tells_stands_beside_the_epoch():
    before = Progress(BASE, frozenset({9}), {8: 2}, {OUTPUT: 5}, "t", (6, "f"), Ownership(2))
    lane = a_lane(note=note_of(before))
    [(_, _, claimed, _)] = claim([lane])
    assert progress_of(BASE, claimed) == replace(before, ownership=Ownership(3, crashed=2))
    lane = a_lane(note="of 0.1.0")
    [(_, _, claimed, _)] = claim([lane])
    assert progress_of(BASE, claimed) is None, "it tells nothing of what is done"


def learnt(told, learned, **changed):
    """A lane of which a commit tells some inputs, and the log that some are done."""
    before = Progress(BASE, frozenset(told), {}, {OUTPUT: 5}, "t", None, Ownership(2))
    lane = a_lane(note=note_of(before))
    claim([lane])
    lane.inherit(Progress(BASE, frozenset(learned)), lambda: {OUTPUT: 7})
    for name, value in changed.items():
        setattr(lane, name, value)
    return lane


@pytest.mark.parametrize("learned", [(), (BASE + 1,), (BASE + 1, BASE + 2)])
def test_before_a_lane_is_run_it_is_committed_what_was_learned_and_that_it_is_run_now(learned):
    lane = learnt({BASE + 1}, learned)
    [commit] = inherited([lane])
    assert (commit.lane, commit.offset) == (lane, BASE)
    told = progress_of(BASE, commit.note)
    assert told.closed == {*learned}
    assert told.ownership == Ownership(3)
    assert told.after == {OUTPUT: 7}


@pytest.mark.parametrize("before", ["", "of 0.1.0", note(epoch=3), note(epoch=3, left=True)])
@pytest.mark.parametrize("after", [None, LONG_NAMES], ids=["not learned", "too long"])
def test_that_a_lane_is_run_now_is_committed_where_nothing_else_can_be_told(before, after):
    lane = a_lane(note=before, after=after)
    claim([lane])
    [commit] = inherited([lane])
    assert ownership_of(BASE, commit.note) == Ownership(lane.epoch)


@pytest.mark.parametrize("changed", [{"takes_notes": False}, {"displaced": "it is another topic"}])
def test_of_a_lane_that_takes_no_notes_or_is_not_run_nothing_is_committed(changed):
    assert inherited([learnt((), {BASE + 1}, **changed)]) == []


@pytest.mark.parametrize("finished", [(), (0,)])
def test_a_lane_that_is_given_up_says_so_though_nothing_is_new(finished):
    lane = done(a_lane(after={OUTPUT: 0}), *finished)
    lane.epoch = 2
    Bench(lane).commit()
    assert due([lane]) == []
    lane.given_up = True
    [(_, offset, last, _)] = due([lane])
    assert ownership_of(offset, last) == Ownership(2, left=True)


def test_a_group_that_does_not_take_it_is_to_be_asked_again():
    lane = a_lane()
    bench = Bench(lane)
    bench.client.errors.append(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
    claims = claim([lane])
    assert not bench.commits.claimed(bench.client, claims)
    assert bench.commits.claimed(bench.client, claims)


def test_a_broker_that_takes_no_notes_holds_nobody_up():
    lane = a_lane()
    bench = Bench(lane)
    bench.client.errors.append(KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE))
    assert bench.commits.claimed(bench.client, claim([lane]))
    assert not lane.takes_notes


def test_a_client_that_has_ended_claims_nothing():
    lane = a_lane()
    bench = Bench(lane)
    bench.client.errors.append(KafkaError(KafkaError._FATAL))
    with pytest.raises(KafkaException):
        bench.commits.claimed(bench.client, claim([lane]))


def test_a_claim_is_refused_where_that_of_one_lane_is(monkeypatch):
    lanes = a_lane(0), a_lane(1)
    bench = Bench(*lanes)
    refused = FakeRefusedPlace(TOPIC, 1, KafkaError.REBALANCE_IN_PROGRESS)
    monkeypatch.setattr(bench.client, "commit", lambda **_: [refused])
    assert not bench.commits.claimed(bench.client, claim(lanes))
    refused = FakeRefusedPlace(TOPIC, 1, KafkaError.OFFSET_METADATA_TOO_LARGE)
    assert bench.commits.claimed(bench.client, claim(lanes))
    assert not any(lane.takes_notes for lane in lanes)
