"""The judge finds what it is there to find: logs with one thing wrong each."""

from dataclasses import replace

import pytest

from schemas import (
    Batch,
    Cause,
    QueryRewritten,
    QuestionAsked,
)
from schemas.registry import FixedIds
from streams.log.subjects import subjects
from streams.topics import topic_of
from tests.chaos.chain_log import OF_DOCUMENTS, OUTCOMES, answered, but
from tests.chaos.judge import judge
from tests.chaos.judgement import merged
from tests.chaos.load import under
from tests.chaos.steps import chain

NEWER_ID = 9_000


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


def test_what_a_client_gave_up_on_before_it_heard_was_asked_and_owes_an_end_once_it_is_there(log):
    expected = answered("r-1", "r-d")
    expected.attempted = {"r-2": 0, "r-3": 0}  # the one was taken in, the other was not
    judged = judge(log, chain(), expected)
    assert (judged.failures, judged.unheard) == ([], 1)
    log.ask("r-3")
    assert "request r-3 has no end" in judge(log, chain(), expected).lost
    expected.attempted = {"r-2": 1}
    assert "nobody asked r-2" in judge(log, chain(), expected).invented, "it lies in another lane"


def test_the_end_of_what_no_client_has_heard_of_stands_for_no_other():
    expected = answered("r-1", "r-2")
    expected.attempted = {"r-8": 0, "r-9": 0}
    expected.unreadable = {("t", 0, 1)}
    assert expected.missing({"r-1": 1.0}, set()) == 2
    assert expected.missing({"r-1": 1.0, "r-9": 1.0}, set()) == 2
    assert expected.missing({"r-1": 1.0, "r-9": 1.0, "r-2": 2.0}, {("t", 0, 1)}) == 0


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
    log.put(topic_of(QueryRewritten), b"noise")
    log.put(topic_of(QueryRewritten), log.topics[topic_of(QueryRewritten), 0][0].value, b"another")
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


def test_what_a_run_left_behind_one_with_a_higher_number_is_owed_nothing(log):
    redacted = log.run("redact", log.ask("r-3"))
    standing = log.run("rewrite", redacted, attempt=2_001)
    log.run("rewrite", redacted, attempt=1_001)  # came late, and no step runs over it
    assert [one for one in judge(log, chain()).lost if "has no outcome of retrieve" in one]
    log.answer(standing, tuple(OUTCOMES)[2:])
    judged = judge(log, chain())
    assert (judged.failures, judged.answered) == ([], 4)


def test_a_record_that_lies_there_by_two_runs_is_owed_one_outcome_of_either(log):
    asked = log.ask("r-3")
    first = log.run("redact", asked)
    second = log.run("redact", asked, attempt=1_001)
    log.answer(log.run("rewrite", second, attempt=2_001), tuple(OUTCOMES)[2:])
    log.run("rewrite", first, attempt=1_001)  # came late
    judged = judge(log, chain())
    assert (judged.failures, judged.answered) == ([], 4)


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


def test_dead_letters_of_several_batches_are_one_end_but_not_beside_an_answer(log):
    given = log.answer(log.ask("r-3"), ("redact", "rewrite", "retrieve"))
    first = log.run("generate", given, last=False)
    last = log.run("generate", given, id="last", ordinal=1)
    log.reject("moderate", first)
    letter = log.reject("moderate", last, ordinal=0, id="letter")
    judged = judge(log, chain())
    assert (judged.duplicates, judged.rejected) == ([], 1)
    log.topics[letter[1], 0].pop()
    log.run("moderate", last, ordinal=0)
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


def asked_under_a_schema_of_its_own(log, request):
    """Ask under a newer definition, whose id the workers' registry may lag behind with."""
    event, topic, offset = log.ask(request)
    name = QuestionAsked.SCHEMA
    ids = {record: log.ids.id_of(record) for record in dict.fromkeys(subjects().values())}
    definitions = {number: log.ids.definition_of(number) for number in ids.values()}
    log.ids = FixedIds({**definitions, NEWER_ID: log.ids.definition_of(ids[name])}, ids)
    stored = log.topics[topic, 0][offset]
    log.topics[topic, 0][offset] = replace(stored, value=under(NEWER_ID, stored.value))
    return event, topic, offset


def test_a_question_that_waited_for_its_schema_is_passed_by_later_ones_of_its_session(log):
    third = asked_under_a_schema_of_its_own(log, "r-3")
    log.answer(log.ask("r-4"))
    log.answer(third)
    assert judge(log, chain()).failures == []


def test_who_passed_one_that_waited_keep_their_order_and_all_have_a_number_each(log):
    third = asked_under_a_schema_of_its_own(log, "r-3")
    fourth, fifth = log.ask("r-4"), log.ask("r-5")
    log.answer(fifth)
    log.answer(fourth)
    log.answer(third)
    assert len(judge(log, chain()).disorder) == len(OUTCOMES)
    sixth = asked_under_a_schema_of_its_own(log, "r-6")
    log._numbers["s-1"]["id-r-6"] = 5
    log.answer(sixth)
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("has number 5 of s-1, due is 6")


@pytest.mark.parametrize(
    ("rejected", "number", "wrong"),
    [
        (0, 4, ["has number 4 of s-1, due is 3"]),
        (1, 3, []),
        (1, 4, []),
        (1, 5, ["has number 5 of s-1, due is 3"]),
        (1, 2, ["has number 2 of s-1, due is 3"]),
        (2, 5, []),
    ],
)
def test_one_that_was_rejected_may_have_taken_a_number(log, rejected, number, wrong):
    for name in range(rejected):
        log.reject("redact", log.ask(f"r-late-{name}"))
    log._numbers["s-1"]["id-r-6"] = number
    log.answer(log.ask("r-6"))
    found = judge(log, chain()).tables
    assert [line.partition(" ")[2] for line in found] == wrong


def test_what_was_rejected_has_taken_one_number_and_no_more(log):
    log.reject("redact", log.ask("r-late"))
    for name, number in (("r-6", 4), ("r-7", 6)):
        log._numbers["s-1"][f"id-{name}"] = number
        log.answer(log.ask(name))
    [wrong] = judge(log, chain()).tables
    assert wrong.endswith("has number 6 of s-1, due is 5")


def test_one_that_waited_stands_behind_the_earlier_ones_of_its_session(log):
    third, fourth = log.ask("r-3"), asked_under_a_schema_of_its_own(log, "r-4")
    log.answer(fourth)
    log.answer(third)
    assert len(judge(log, chain()).disorder) == len(OUTCOMES)


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


def test_every_kind_of_failure_is_counted_among_the_failures(log):
    log.ask("r-3")
    judged = judge(log, chain())
    assert set(judged.wrong()) == {
        "effects",
        "folds",
        "runs",
        "lost",
        "invented",
        "duplicates",
        "disorder",
        "offsets",
        "letters",
        "tables",
    }
    assert judged.failures == [*judged.lost, *judged.offsets]
