"""The judge finds folds that lose answers, as a mutant of `remember` does, or tell of more than there were."""

import pytest

from tests.chaos.chain_log import OUTCOMES, but
from tests.chaos.folds import ANSWERED, ASKED, STEP
from tests.chaos.judge import judge
from tests.chaos.judgement import Sample
from tests.chaos.steps import chain


def look(*, folded, asked):
    """Return a sample at which so many answers had been folded and so many questions lay on the log."""
    committed = {step.name: {} for step in chain()}
    ends = {step.name: {} for step in chain()}
    committed[STEP][ANSWERED, 0] = folded
    ends[STEP][ASKED, 0] = asked
    return Sample(committed, ends)


def ask_a_third(log, turns):
    """Ask once more in the session of two answers; its step says that it was told of so many."""
    rewritten = but(OUTCOMES["rewrite"], turns=turns)
    redacted = log.run("redact", log.ask("r-3"))
    log.answer(log.run("rewrite", redacted, rewritten), ("retrieve", "generate", "moderate"))


def folds(log, *samples):
    return judge(log, chain(), samples=samples).folds


def test_a_fold_that_writes_nothing_is_named(log):
    ask_a_third(log, turns=0)
    [wrong] = folds(log, look(folded=2, asked=2))
    assert wrong.startswith("rewrite was told of 0 turns of s-1 at playhead.question.redacted[0]@2")
    assert wrong.endswith("due are 2: a fold lost or doubled answers")


def test_a_fold_that_lost_one_answer_is_named(log):
    ask_a_third(log, turns=1)
    assert len(folds(log, look(folded=2, asked=2))) == 1


def test_a_fold_that_tells_of_more_than_there_were_is_named(log):
    ask_a_third(log, turns=3)
    assert len(folds(log)) == 1


@pytest.mark.parametrize(
    "looks",
    [
        [],
        [look(folded=0, asked=2)],  # nothing folded yet when it was asked
        [look(folded=2, asked=3)],  # folded, but the question lay on the log before that
    ],
)
@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_fold_may_come_late(log, looks, turns):
    ask_a_third(log, turns)
    assert folds(log, *looks) == []


def test_the_last_look_before_a_question_counts(log):
    ask_a_third(log, turns=1)
    samples = [look(folded=1, asked=2), look(folded=2, asked=3)]
    assert folds(log, *samples) == []
    assert judge(log, chain(), samples=samples).told == 1


def test_a_fold_whose_commit_position_goes_back_is_named(log):
    samples = [look(folded=2, asked=2), look(folded=1, asked=2)]
    [wrong] = judge(log, chain(), samples=samples).offsets
    assert wrong == f"rewrite went back in {ANSWERED}[0]: from 2 to 1"
