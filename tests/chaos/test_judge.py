"""The judge finds what it is there to find: logs with one thing wrong each."""

import dataclasses

import pytest

from replay.log import Extent, Stored
from schemas import (
    Answer,
    AnswerReleased,
    Ask,
    Batch,
    Cause,
    ChunksRetrieved,
    EventRejected,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
    TokensGenerated,
    Usage,
    Verdict,
)
from schemas.registry import FixedIds
from streams.ids import outcome_id
from streams.run import stamped
from streams.subjects import subjects
from streams.topics import topic_of
from tests.chaos.judge import Sample, judge
from tests.fakes import a_codec, a_meta
from tests.streams.fake_chain import chain

CODEC = a_codec()
ANSWER = Answer(
    text="t",
    usage=Usage(prompt_tokens=1, completion_tokens=1),
    finish_reason="stop",
    question="q",
    query="q",
)
OUTCOMES = {
    "redact": QuestionRedacted(outcome="redacted", subject="u", text="q", ask=Ask()),
    "rewrite": QueryRewritten(
        outcome="rewritten", subject="u", question="q", query="q", turns=0, ask=Ask()
    ),
    "retrieve": ChunksRetrieved(
        outcome="retrieved", subject="u", question="q", query="q", ask=Ask()
    ),
    "generate": TokensGenerated(
        batch=Batch(number=0, last=True), text="t", answer=ANSWER, ask=Ask(), subject="u"
    ),
    "moderate": AnswerReleased(text="t", answer=ANSWER, verdict=Verdict(allowed=True), subject="u"),
}


class MemoryLog:
    """One lane of a log in memory; all of it is acknowledged unless `acknowledged` says less."""

    def __init__(self):
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self.topics = {}
        self.acknowledged = {}

    def put(self, event):
        rows = self.topics.setdefault(topic_of(event), [])
        rows.append(Stored(topic_of(event), 0, len(rows), 0, b"acme", CODEC.encode(event)))
        return event, topic_of(event), len(rows) - 1

    def ask(self, request, session="s-1"):
        sealed = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")
        meta = a_meta(request=request, session=session)
        return self.put(QuestionAsked(meta=meta, subject="u", text=sealed, ask=Ask()))

    def run(self, step, given, **meta):
        """Put a step's outcome over an input."""
        event, topic, offset = given
        cause = Cause(topic=topic, partition=0, offset=offset, id=event.meta.id)
        values = {"id": outcome_id(event.meta.id, step, 0), "cause": cause, "last": True}
        return self.put(
            stamped(OUTCOMES[step], dataclasses.replace(event.meta, **{**values, **meta}))
        )

    def answer(self, given, steps=tuple(OUTCOMES)):
        """Put the outcomes of all steps over a question."""
        for step in steps:
            given = self.run(step, given)
        return given

    def extents(self):
        return {(name, 0): Extent(name, 0, 0, len(rows)) for name, rows in self.topics.items()}

    def records(self, topic, partition):
        return iter(self.topics.get(topic, ()))

    def committed(self, step):
        reads = next(entry for entry in chain() if entry.name == step).reads
        return {
            (topic_of(r), 0): self.acknowledged.get(step, len(self.topics.get(topic_of(r), ())))
            for r in reads
        }


@pytest.fixture
def log():
    log = MemoryLog()
    log.answer(log.ask("r-1"))
    log.answer(log.ask("r-2"))
    return log


def test_a_log_with_nothing_wrong_has_no_failures(log):
    judged = judge(log, chain(), ["r-1", "r-2"])
    assert judged.failures == []
    assert (judged.questions, judged.answered, judged.records) == (2, 2, 12)


def test_a_question_that_is_not_on_the_log_is_lost(log):
    assert judge(log, chain(), ["r-3"]).lost == ["question r-3 is not on the log"]


@pytest.mark.parametrize("number", range(len(OUTCOMES)))
def test_a_question_that_stops_at_a_step_is_lost(log, number):
    log.answer(log.ask("r-3"), tuple(OUTCOMES)[:number])
    first, second = judge(log, chain()).lost
    assert first.endswith(f"(r-3) has no outcome of {tuple(OUTCOMES)[number]}")
    assert second == "question r-3 has no answer"


def test_an_attempt_that_was_cut_off_is_no_outcome(log):
    given = log.answer(log.ask("r-3"), ("redact", "rewrite", "retrieve"))
    partial = log.run("generate", given, last=False)
    log.run("moderate", partial)
    assert any("has no outcome of generate" in lost for lost in judge(log, chain()).lost)
    log.answer(log.run("generate", given, attempt=2), ("moderate",))
    judged = judge(log, chain())
    assert judged.failures == []
    assert judged.superseded == 2


def test_two_records_with_one_id_and_attempt_are_duplicates_unless_they_are_equal(log):
    given = log.ask("r-3")
    redacted = log.run("redact", given)
    log.run("redact", given)
    log.answer(redacted, tuple(OUTCOMES)[1:])
    judged = judge(log, chain())
    assert (judged.failures, judged.copies) == ([], 1)
    log.run("redact", given, at=5)
    [duplicate] = judge(log, chain()).duplicates
    assert "differ: both are attempt 1" in duplicate


def test_a_later_attempt_after_a_complete_one_is_repeated_work_but_no_failure(log):
    given = log.ask("r-3")
    redacted = log.run("redact", given)
    log.answer(redacted, tuple(OUTCOMES)[1:])
    log.answer(log.run("redact", given, attempt=2), tuple(OUTCOMES)[1:])
    judged = judge(log, chain())
    assert (judged.failures, judged.repeated) == ([], 1)


def test_outcomes_of_a_session_in_another_order_are_disorder(log):
    third, fourth = log.ask("r-3"), log.ask("r-4")
    log.answer(fourth)
    log.answer(third)
    assert len(judge(log, chain()).disorder) == len(OUTCOMES)


def test_sessions_may_overtake_each_other(log):
    third, fourth = log.ask("r-3", "s-3"), log.ask("r-4", "s-4")
    log.answer(fourth)
    log.answer(third)
    assert judge(log, chain()).failures == []


def test_a_copy_of_a_question_is_owed_nothing(log):
    log.ask("r-1")
    assert judge(log, chain()).failures == []


def test_a_rejection_is_an_end_too(log):
    event, topic, offset = log.ask("r-3")
    cause = Cause(topic=topic, partition=0, offset=offset, id=event.meta.id)
    letter = EventRejected(
        step="redact",
        topic=topic,
        partition=0,
        offset=offset,
        key=b"acme",
        value=b"",
        error="Permanent",
        message="no",
        traceback="",
        attempts=1,
    )
    id_ = outcome_id(event.meta.id, "redact", 0)
    log.put(stamped(letter, dataclasses.replace(event.meta, cause=cause, id=id_)))
    judged = judge(log, chain())
    assert (judged.failures, judged.rejected, judged.answered) == ([], 1, 2)


def test_what_is_acknowledged_without_an_outcome_is_told(log):
    log.ask("r-3")
    assert any("left no outcome" in wrong for wrong in judge(log, chain()).offsets)
    log.acknowledged["redact"] = 2
    judged = judge(log, chain())
    assert (judged.offsets, judged.pending) == ([], 1)


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
