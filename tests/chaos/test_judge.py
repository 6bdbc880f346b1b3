"""The judge finds what it is there to find: logs with one thing wrong each."""

import inspect

import pytest

from replay.log import Stored
from schemas import (
    Answer,
    AnswerReleased,
    Ask,
    Batch,
    Cause,
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    ChunksRetrieved,
    DocumentRef,
    DocumentSubmitted,
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
from streams.log.ids import outcome_id, position_id
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.running.run import stamped
from streams.topics import topic_of
from tests.chaos.judge import Expected, Sample, judge, merged
from tests.chaos.steps import chain
from tests.fakes import a_codec, a_meta

CODEC = a_codec()
ANSWER = Answer(
    text="t",
    usage=Usage(prompt_tokens=1, completion_tokens=1),
    finish_reason="stop",
    question="q",
    query="q",
)
REF = DocumentRef(document="d-1", version=1, uri="1:plain")
ONLY = Batch(number=0, last=True)
SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")
OUTCOMES = {
    "redact": QuestionRedacted(outcome="redacted", subject="u", text="1", ask=Ask()),
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
OF_DOCUMENTS = {
    "ingest": ChunksCut(document=REF, batch=ONLY, outcome="cut"),
    "redact": ChunksRedacted(document=REF, batch=ONLY, outcome="redacted"),
    "embed": ChunksEmbedded(document=REF, batch=ONLY, outcome="embedded"),
    "index": ChunksIndexed(document=REF, batch=ONLY, outcome="indexed"),
}


def but(record, **changes):
    """Return a record with some fields changed."""
    names = inspect.signature(type(record)).parameters
    return type(record)(**{**{name: getattr(record, name) for name in names}, **changes})


class MemoryLog:
    """One lane of a log in memory; all of it is acknowledged unless `acknowledged` says less."""

    def __init__(self):
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self.topics = {}
        self.acknowledged = {}
        self._numbers = {}

    def put(self, event):
        return event, *self.put_bytes(topic_of(event), CODEC.encode(event))

    def put_bytes(self, topic, value, key=b"acme"):
        rows = self.topics.setdefault(topic, [])
        rows.append(Stored(topic, 0, len(rows), 0, key, value))
        return topic, len(rows) - 1

    def ask(self, request, session="s-1", **meta):
        meta = but(a_meta(request=request, session=session), id=f"id-{request}", **meta)
        return self.put(QuestionAsked(meta=meta, subject="hop", text=SEALED, ask=Ask()))

    def submit(self, request, document="d-1"):
        meta = but(a_meta(request=request, session=document), id=f"id-{request}")
        return self.put(
            DocumentSubmitted(
                meta=meta,
                document=document,
                uri="1:plain",
                media_type="text/plain",
                content=SEALED,
                metadata={},
            )
        )

    def run(self, step, given, outcome=None, **meta):
        """Put a step's outcome over an input."""
        event, topic, offset = given
        if outcome is None:
            outcome = OUTCOMES[step]
        if isinstance(outcome, QuestionRedacted):
            outcome = but(outcome, text=str(self._number(event.meta.session, event.meta.id)))
        cause = Cause(topic=topic, partition=0, offset=offset, id=event.meta.id)
        values = {"id": outcome_id(event.meta.id, step, 0), "cause": cause, "last": True}
        return self.put(stamped(outcome, but(event.meta, **{**values, **meta})))

    def _number(self, session, event):
        numbers = self._numbers.setdefault(session, {})
        return numbers.setdefault(event, len(numbers) + 1)

    def reject(self, step, given, value=None, **meta):
        """Put the dead letter of an input."""
        _, topic, offset = given
        letter = EventRejected(
            step=step,
            topic=topic,
            partition=0,
            offset=offset,
            key=b"acme",
            value=self.topics[topic][offset].value if value is None else value,
            error="Permanent",
            message="no",
            traceback="",
            attempts=1,
        )
        return self.run(step, given, letter, **meta)

    def answer(self, given, steps=tuple(OUTCOMES)):
        """Put the outcomes of all steps over a question."""
        for step in steps:
            given = self.run(step, given)
        return given

    def index(self, given, version=1):
        """Put the outcomes of all steps over a document."""
        for step, outcome in OF_DOCUMENTS.items():
            given = self.run(step, given, but(outcome, document=but(REF, version=version)))
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


def answered(*requests):
    return Expected(dict.fromkeys(requests, (0, "answered")))


@pytest.fixture
def log():
    log = MemoryLog()
    log.answer(log.ask("r-1"))
    log.answer(log.ask("r-2"))
    log.index(log.submit("r-d"))
    return log


def test_a_log_with_nothing_wrong_has_no_failures(log):
    judged = judge(log, chain(), answered("r-1", "r-2", "r-d"))
    assert judged.failures == []
    assert (judged.requests, judged.answered, judged.records) == (3, 3, 17)
    assert judged.inputs == 14


def test_what_is_found_in_lanes_adds_up(log):
    log.ask("r-3")
    judged = judge(log, chain())
    both = merged([judged, judged])
    assert both.lost == judged.lost * 2
    assert (both.records, both.samples) == (2 * judged.records, judged.samples)


# ---------------------------------------------------------------------- lost and invented


def test_a_request_that_is_not_on_the_log_is_lost(log):
    assert judge(log, chain(), answered("r-1", "r-2", "r-3", "r-d")).lost == [
        "request r-3 is not on the log"
    ]


def test_a_request_that_nobody_made_is_invented(log):
    assert judge(log, chain(), answered("r-1", "r-d")).invented == ["nobody asked r-2"]


@pytest.mark.parametrize("number", range(len(OUTCOMES)))
def test_a_question_that_stops_at_a_step_is_lost(log, number):
    log.answer(log.ask("r-3"), tuple(OUTCOMES)[:number])
    first, second = judge(log, chain()).lost
    assert first.endswith(f"(r-3) has no outcome of {tuple(OUTCOMES)[number]}")
    assert second == "request r-3 has no end"


@pytest.mark.parametrize("number", range(len(OF_DOCUMENTS)))
def test_a_document_that_stops_at_a_step_is_lost(log, number):
    given = log.submit("r-3", "d-2")
    for step in tuple(OF_DOCUMENTS)[:number]:
        given = log.run(step, given, OF_DOCUMENTS[step])
    first, second = judge(log, chain()).lost
    assert first.endswith(f"(r-3) has no outcome of {tuple(OF_DOCUMENTS)[number]}")
    assert second == "request r-3 has no end"


def test_a_document_ends_with_its_last_batch(log):
    given = log.submit("r-3", "d-2")
    open_ = Batch(number=0, last=False)
    for step, outcome in OF_DOCUMENTS.items():
        given = log.run(step, given, but(outcome, batch=open_))
    assert judge(log, chain()).lost == ["request r-3 has no end"]


def test_an_attempt_that_was_cut_off_is_no_outcome(log):
    given = log.answer(log.ask("r-3"), ("redact", "rewrite", "retrieve"))
    partial = log.run("generate", given, last=False)
    log.run("moderate", partial)
    assert any("has no outcome of generate" in lost for lost in judge(log, chain()).lost)
    log.run("moderate", log.run("generate", given, attempt=2))
    judged = judge(log, chain())
    assert judged.failures == []
    assert judged.superseded == 2


@pytest.mark.parametrize("change", [{"offset": 99}, {"id": "another"}])
def test_an_outcome_over_no_input_is_invented(log, change):
    given = log.ask("r-3")
    log.answer(given)
    cause = Cause(
        **{"topic": given[1], "partition": 0, "offset": given[2], "id": "id-r-3", **change}
    )
    log.run("redact", given, id="x", cause=cause, attempt=2)
    [invented] = judge(log, chain()).invented
    assert "which is no input of redact" in invented


def test_an_outcome_that_can_not_be_read_is_invented(log):
    log.put_bytes(topic_of(QueryRewritten), b"noise")
    log.put_bytes(
        topic_of(QueryRewritten), log.topics[topic_of(QueryRewritten)][0].value, b"another"
    )
    assert len(judge(log, chain()).invented) == 2


# ---------------------------------------------------------------------- duplicates


def test_two_records_with_one_id_and_attempt_are_duplicates_unless_they_are_equal(log):
    given = log.ask("r-3")
    redacted = log.run("redact", given)
    log.run("redact", given)
    log.answer(redacted, tuple(OUTCOMES)[1:])
    judged = judge(log, chain())
    assert (judged.failures, judged.copies, judged.dropped) == ([], 1, 1)
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


def test_a_copy_of_a_request_is_owed_nothing(log):
    log.ask("r-1", at=7)
    judged = judge(log, chain())
    assert (judged.failures, judged.dropped) == ([], 1)


def test_a_copy_of_a_request_must_not_be_run(log):
    log.run("redact", log.ask("r-1", at=7), attempt=2)
    [duplicate] = judge(log, chain()).duplicates
    assert duplicate.endswith("is a copy of playhead.question.asked@0, and redact ran it too")


def test_two_different_ends_of_a_request_are_duplicates(log):
    given = log.answer(log.ask("r-3"), ("redact", "rewrite", "retrieve", "generate"))
    log.run("moderate", given, last=False)
    log.run("moderate", given, ordinal=1, id="another")
    assert judge(log, chain()).duplicates == ["request r-3 has 2 ends"]


# ---------------------------------------------------------------------- order


def test_outcomes_of_a_session_in_another_order_are_disorder(log):
    third, fourth = log.ask("r-3"), log.ask("r-4")
    log.answer(fourth)
    log.answer(third)
    assert len(judge(log, chain()).disorder) == len(OUTCOMES)


def test_an_attempt_that_began_before_the_one_before_it_had_ended_is_disorder(log):
    third, fourth = log.ask("r-3"), log.ask("r-4")
    steps = ("redact", "rewrite", "retrieve")
    third, fourth = log.answer(third, steps), log.answer(fourth, steps)
    log.run("moderate", log.run("generate", fourth, last=False))
    log.run("moderate", log.run("generate", third))
    log.run("moderate", log.run("generate", fourth, attempt=2))
    [disorder] = judge(log, chain()).disorder
    assert disorder.startswith("playhead.tokens.generated[0]@2 stands before")


def test_sessions_may_overtake_each_other(log):
    third, fourth = log.ask("r-3", "s-3"), log.ask("r-4", "s-4")
    log.answer(fourth)
    log.answer(third)
    assert judge(log, chain()).failures == []


def test_outcomes_of_a_worker_with_a_wrong_clock_are_counted(log):
    given = log.ask("r-3")
    later_us = given[0].meta.at + 3_600_000_000
    assert judge(log, chain()).jumped == 0
    for step in OUTCOMES:
        given = log.run(step, given, at=later_us)
    judged = judge(log, chain())
    assert (judged.failures, judged.jumped) == ([], len(OUTCOMES))


# ---------------------------------------------------------------------- dead letters


def test_a_rejection_is_an_end_too(log):
    log.reject("redact", log.ask("r-3"))
    expected = answered("r-1", "r-2", "r-d")
    expected.fates["r-3"] = 0, "rejected"
    judged = judge(log, chain(), expected)
    assert (judged.failures, judged.rejected, judged.answered) == ([], 1, 3)


def test_what_should_be_answered_must_not_be_rejected_and_the_other_way_round(log):
    log.reject("redact", log.ask("r-3"))
    expected = answered("r-1", "r-2", "r-3", "r-d")
    expected.fates["r-1"] = 0, "rejected"
    assert judge(log, chain(), expected).letters == [
        "request r-1 was answered and should be rejected",
        "request r-3 was rejected and should be answered",
    ]
    expected.fates.update({"r-1": (0, "either"), "r-3": (0, "either")})
    assert judge(log, chain(), expected).failures == []


def test_a_dead_letter_holds_the_bytes_of_its_input(log):
    log.reject("redact", log.ask("r-3"), value=b"other")
    [letter] = judge(log, chain()).letters
    assert letter == "playhead.event.rejected[0]@0 does not hold playhead.question.asked[0]@2"


def test_a_dead_letter_of_no_step_is_invented(log):
    log.reject("nothing", log.ask("r-3"))
    assert judge(log, chain()).invented == [
        "playhead.event.rejected[0]@0 is a dead letter of nothing"
    ]


def unreadable(log, value=b"noise", key=b"acme"):
    """Put a record that no step may run, and return it as the input that stands for it."""
    topic, offset = log.put_bytes(topic_of(QuestionAsked), value, key)
    position = position_id(topic, 0, offset)
    meta = but(a_meta(), id=position, tenant="", request="", session=position)
    return QuestionAsked(meta=meta, subject="u", text=SEALED, ask=Ask()), topic, offset


@pytest.mark.parametrize("case", ["noise", "no value", "another tenant"])
def test_what_can_not_be_read_is_owed_a_dead_letter(log, case):
    value = {"noise": b"noise", "no value": None}.get(
        case, log.topics[topic_of(QuestionAsked)][0].value
    )
    given = unreadable(log, value, b"other" if case == "another tenant" else b"acme")
    expected = answered("r-1", "r-2", "r-d")
    expected.unreadable.add((given[1], 0, given[2]))
    [lost] = judge(log, chain(), expected).lost
    assert lost.endswith("has no outcome of redact")
    event, topic, offset = given
    letter = EventRejected(
        step="redact",
        topic=topic,
        partition=0,
        offset=offset,
        value=value,
        error="Undecodable",
        message="no",
        attempts=1,
    )
    cause = Cause(topic=topic, partition=0, offset=offset, id=event.meta.id)
    log.put_bytes(
        topic_of(EventRejected),
        CODEC.encode(stamped(letter, but(event.meta, id="l", cause=cause))),
        b"",
    )
    judged = judge(log, chain(), expected)
    assert (judged.failures, judged.unreadable, judged.requests) == ([], 1, 3)


def test_what_can_not_be_read_must_not_be_run(log):
    log.run("redact", unreadable(log), tenant="acme")
    [letter] = judge(log, chain()).letters
    assert letter.endswith("which can't be read")


def test_which_records_can_not_be_read_is_known(log):
    unreadable(log)
    expected = answered("r-1", "r-2", "r-d")
    assert "playhead.question.asked[0]@2 can't be read" in judge(log, chain(), expected).invented
    expected.unreadable.add((topic_of(QuestionAsked), 0, 1))
    assert judge(log, chain(), expected).lost[0].endswith("@1 was unreadable and is not")


# ---------------------------------------------------------------------- tables


def test_numbers_of_a_session_that_skip_or_repeat_are_told(log):
    third = log.ask("r-3")
    redacted = log.put(
        stamped(
            but(OUTCOMES["redact"], text="2"),
            but(
                third[0].meta,
                id=outcome_id("id-r-3", "redact", 0),
                cause=Cause(topic=third[1], partition=0, offset=third[2], id="id-r-3"),
            ),
        )
    )
    log.answer(redacted, tuple(OUTCOMES)[1:])
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("has number 2 of s-1, due is 3")


def test_versions_of_a_document_that_repeat_are_told(log):
    log.index(log.submit("r-3"), version=2)
    assert judge(log, chain()).failures == []
    log.index(log.submit("r-4"), version=2)
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("has number 2 of d-1, due is 3")


def test_an_answer_whose_text_lacks_a_part_is_told(log):
    given = log.answer(log.ask("r-3"), ("redact", "rewrite", "retrieve", "generate"))
    log.run("moderate", given, but(OUTCOMES["moderate"], text=""))
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("releases '' of the answer 't'")


# ---------------------------------------------------------------------- offsets


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


def test_every_kind_of_failure_is_counted_among_the_failures(log):
    log.ask("r-3")
    judged = judge(log, chain())
    assert set(judged.wrong()) == {
        "lost",
        "invented",
        "duplicates",
        "disorder",
        "offsets",
        "letters",
        "tables",
    }
    assert judged.failures == [*judged.lost, *judged.offsets]
