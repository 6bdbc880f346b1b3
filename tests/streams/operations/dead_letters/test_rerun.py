"""How the runner takes what was put back: each letter runs once more, and once."""

import pytest

from schemas import Cause
from streams.delivery.history import History
from tests.fakes import a_meta
from tests.streams.operations.dead_letters.samples import ASKED


def rejected_here(history, meta, offset, attempt):
    """Let a run over an input end, as the runner does."""
    assert not history.duplicate(meta, ASKED, 0, offset, attempt - 1)
    if attempt > 1:
        history.attempted(meta.id, attempt - 1)
    assert history.begin(meta, ASKED, 0, offset) == attempt
    history.finished(meta)


@pytest.mark.parametrize(
    "meta", [a_meta(), a_meta(cause=Cause(topic="t", partition=0, offset=1, id="c"))]
)
def test_a_letter_that_is_put_back_runs_again_in_the_same_worker_and_once(meta):
    history = History()
    rejected_here(history, meta, 7, 1)
    assert history.duplicate(meta, ASKED, 0, 8)  # a copy without the mark
    rejected_here(history, meta, 9, 2)  # the retry of attempt 1
    assert history.duplicate(meta, ASKED, 0, 10, 1)  # put back twice
    rejected_here(history, meta, 11, 3)  # the retry of attempt 2, which was rejected too


def an_outcome(attempt, offset):
    cause = Cause(topic=ASKED, partition=0, offset=offset, id="id-of-r-1")
    return a_meta(cause=cause, attempt=attempt)


def test_after_a_restart_too():
    history = History()
    history.learn([an_outcome(2, 7), an_outcome(1, 6)])
    assert history.duplicate(a_meta(), ASKED, 0, 9)
    assert history.duplicate(a_meta(), ASKED, 0, 9, 1)
    assert not history.duplicate(a_meta(), ASKED, 0, 9, 2)
    assert history.duplicate(a_meta(), ASKED, 0, 7, 2)  # this very record has its outcome


def test_what_no_memory_reaches_runs_above_the_rejected_attempt():
    history = History()
    assert not history.duplicate(a_meta(), ASKED, 0, 9, 4)
    history.attempted(a_meta().id, 4)
    assert history.begin(a_meta(), ASKED, 0, 9) == 5
