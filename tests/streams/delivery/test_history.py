import pytest

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
