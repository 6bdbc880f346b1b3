import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import Cause, QuestionAsked
from streams.delivery.history import History, rejected_attempt
from streams.delivery.progress import Progress
from streams.topics import topic_of
from tests.fakes import a_meta

TOPIC = topic_of(QuestionAsked)


def an_outcome(attempt=1, *, last=True, cause="id-of-r-1", offset=7):
    given_by = Cause(topic=TOPIC, partition=0, offset=offset, id=cause)
    return a_meta(cause=given_by, attempt=attempt, last=last)


def test_an_input_with_a_closed_outcome_is_not_run_again():
    history = History()
    history.learn([an_outcome(last=False), an_outcome(last=True)])
    assert history.duplicate(a_meta(cause=an_outcome().cause), TOPIC, 0, 7)


def test_another_input_at_the_place_of_a_closed_one_is_no_duplicate():
    history = History()
    history.learn([an_outcome(cause="of a record that the log has lost")])
    history.inherit(TOPIC, 0, Progress(5, frozenset([7])))
    assert not history.duplicate(a_meta(), TOPIC, 0, 7)


def test_of_a_place_that_only_a_commit_tells_of_no_id_is_known():
    history = History()
    history.inherit(TOPIC, 0, Progress(5, frozenset([7])))
    assert history.duplicate(a_meta(), TOPIC, 0, 7)


def test_an_input_that_was_cut_off_runs_again_under_the_next_attempt():
    history = History()
    history.learn([an_outcome(attempt=2, last=False)])
    meta = a_meta()
    assert not history.duplicate(meta, TOPIC, 0, 7)
    assert history.begin(meta, TOPIC, 0, 7) == 3


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
    history.begin(first, TOPIC, 0, 7)
    history.finished(first)
    second = a_meta(cause=cause, attempt=2)
    assert not history.duplicate(second, TOPIC, 0, 9)
    assert history.begin(second, TOPIC, 0, 9) == 2


def test_the_memory_is_bounded():
    history = History(size=10)
    for number in range(100):
        history.finished(a_meta(request=str(number)))
    assert not history.duplicate(a_meta(request="0"), TOPIC, 0, 0)
    assert history.duplicate(a_meta(request="99"), TOPIC, 0, 99)


def test_what_the_owner_before_has_done_is_not_run_again():
    history = History()
    history.inherit(TOPIC, 0, Progress(5, frozenset([7])))
    assert history.duplicate(a_meta(), TOPIC, 0, 7)
    assert not history.duplicate(a_meta(), TOPIC, 0, 6)
    assert not history.duplicate(a_meta(), TOPIC, 1, 7)


def test_a_run_that_the_owner_before_began_is_superseded():
    history = History()
    history.inherit(TOPIC, 0, Progress(5, frozenset(), {6: 3}))
    assert history.begin(a_meta(), TOPIC, 0, 6) == 4
    assert history.begin(a_meta(), TOPIC, 0, 6) == 5


@pytest.mark.parametrize(
    ("header", "attempt"),
    [(b"3@17", 3), (b"0@17", 0), (b"", 0), (b"x@17", 0), (b"9" * 10, 0), ("³@1".encode(), 0)],
)
def test_the_mark_of_a_retry_names_the_rejected_run(header, attempt):
    assert rejected_attempt({"retry": header}) == attempt


def test_a_letter_that_is_put_back_runs_once():
    history, meta = History(), a_meta()
    history.begin(meta, TOPIC, 0, 7)
    history.finished(meta)
    assert not history.duplicate(meta, TOPIC, 0, 9, rejected=1)
    history.attempted(meta.id, 2)
    history.finished(meta)
    assert history.duplicate(meta, TOPIC, 0, 10, rejected=1)


class PlainHistory:
    """What a history is to say, kept in sets and dicts without a bound."""

    def __init__(self):
        self.begun, self.answered, self.cut_off = {}, {}, {}
        self.finished_inputs, self.closed, self.told = set(), set(), set()

    def learn(self, outcomes):
        for outcome in outcomes:
            cause = outcome.cause
            self.begun[cause.id] = max(outcome.attempt, self.begun.get(cause.id, 0))
            if outcome.last:
                self.closed.add((cause.offset, cause.id))
                self.told.discard(cause.offset)
                self.answered[cause.id] = max(outcome.attempt, self.answered.get(cause.id, 0))

    def inherit(self, topic, partition, done):
        known = {offset for offset, _ in self.closed}
        self.told |= done.closed - known
        self.cut_off.update(done.open)

    def duplicate(self, meta, topic, partition, offset, rejected=0):
        if offset in self.told or (offset, meta.id) in self.closed:
            return True
        answered = self.answered.get(meta.id, 0)
        if rejected:
            return answered > rejected
        again = (meta.id, meta.attempt) in self.finished_inputs
        return again or (meta.cause is None and answered > 0)

    def begin(self, meta, topic, partition, offset, floor=0):
        before = max(self.begun.get(meta.id, 0), self.cut_off.get(offset, 0))
        self.begun[meta.id] = max(before + 1, meta.attempt + floor)
        return self.begun[meta.id]

    def finished(self, meta):
        begun = self.begun.get(meta.id, meta.attempt)
        self.answered[meta.id] = max(begun, self.answered.get(meta.id, 0))
        self.finished_inputs.add((meta.id, meta.attempt))


class TwoLanes:
    """A lane of which two histories are kept; workers die and take it over."""

    def __init__(self, size):
        self.size = size
        self.inputs = []
        """By offset."""
        self.outcomes = []
        self.take_over()

    def take_over(self, progress=None):
        self.few, self.all = History(self.size), PlainHistory()
        for history in (self.few, self.all):
            history.learn(self.outcomes)
            if progress is not None:
                history.inherit(TOPIC, 0, progress)

    def runs(self, offset, how, rejected=0):
        """Run an input, or drop it; return whether each history knew it for one that was run before."""
        meta = self.inputs[offset]
        known = [
            history.duplicate(meta, TOPIC, 0, offset, rejected) for history in (self.few, self.all)
        ]
        if not any(known):
            numbers = [history.begin(meta, TOPIC, 0, offset) for history in (self.few, self.all)]
            assert self.size < len(self.inputs) or numbers[0] == numbers[1]
            last = how != "cut off"
            self.outcomes.append(
                an_outcome(attempt=numbers[1], last=last, cause=meta.id, offset=offset)
            )
            if last:
                for history in (self.few, self.all):
                    history.finished(meta)
        return known


INPUTS = st.tuples(
    st.sampled_from(
        ["new", "new", "new", "derived", "copy", "later attempt", "again", "late copy"]
    ),
    st.integers(0, 50),
    st.sampled_from(["ends", "ends", "ends", "cut off", "dies after"]),
    st.integers(0, 2),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(INPUTS, max_size=80), st.sampled_from([4, 1_000]))
def test_the_verdicts_are_those_of_sets_without_a_bound_but_for_what_is_long_ago(course, size):
    lanes = TwoLanes(size)
    for what, which, how, rejected in course:
        number = len(lanes.inputs)
        offset = number
        if what in {"new", "derived"} or not lanes.inputs:
            cause = an_outcome(cause=f"cause {number}").cause if what == "derived" else None
            lanes.inputs.append(a_meta(request=f"r-{number}", cause=cause))
        elif what == "again":
            offset = which % number
        else:
            meta = lanes.inputs[0 if what == "late copy" else -1 - which % number]
            more = what == "later attempt"
            lanes.inputs.append(replace(meta, attempt=meta.attempt + more))
        few, everything = lanes.runs(offset, how, rejected)
        assert everything or not few, "what was never run is never dropped"
        assert few == everything or size < number, "nothing is forgotten that has room"
        if how == "dies after":
            done = frozenset(one.cause.offset for one in lanes.outcomes if one.last)
            lanes.take_over(Progress(0, done if rejected else frozenset(), {offset: 5}))


def test_a_place_of_which_a_commit_told_is_that_of_the_id_that_an_outcome_names():
    history = History()
    history.inherit(TOPIC, 0, Progress(5, frozenset([7])))
    history.learn([an_outcome(cause="of another record")])
    assert not history.duplicate(a_meta(), TOPIC, 0, 7)
