"""What was acknowledged before its outcome, or without one."""

from schemas import (
    QuestionAsked,
    QuestionRedacted,
)
from streams.topics import topic_of
from tests.chaos.judge import judge
from tests.chaos.judgement import Sample
from tests.chaos.steps import chain


def test_what_is_acknowledged_without_an_outcome_is_told(log):
    log.ask("r-3")
    assert any("left no outcome" in wrong for wrong in judge(log, chain()).offsets)
    log.acknowledged["redact"] = 2
    judged = judge(log, chain())
    assert judged.offsets == []
    assert judged.pending == 1


def sample(offset, end):
    committed = {step.name: {} for step in chain()}
    committed["redact"] = {(topic_of(QuestionAsked), 0): offset}
    return Sample(committed, {(topic_of(QuestionRedacted), 0): end})


def test_what_was_acknowledged_before_its_outcome_is_told(log):
    assert judge(log, chain(), samples=[sample(1, 1), sample(2, 2)]).offsets == []
    [wrong] = judge(log, chain(), samples=[sample(1, 1), sample(2, 1)]).offsets
    assert wrong.endswith("before its outcome")


def test_a_commit_position_that_goes_back_is_told(log):
    [wrong] = judge(log, chain(), samples=[sample(2, 2), sample(1, 2)]).offsets
    assert "redact went back" in wrong
