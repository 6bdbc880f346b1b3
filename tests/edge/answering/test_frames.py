"""The fields of frames, as the records spell them."""

from __future__ import annotations

import pytest
from msgspec import structs

from edge.answering import frames
from schemas import Citation, Effect
from tests.edge.answering.histories import ANSWERS, rejected, retrieved
from tests.edge.fake_log import a_citation

NAMED = Citation(
    document="d-2", chunk="c-2", title="of <NAME>", uri="file:x", quote="<NAME> asked."
)


def an_effect(started):
    return Effect(number=0, kind="Begin", request=b"", started=started, took_us=1)


def retrieved_at(at, *effects):
    event = retrieved()
    return structs.replace(event, meta=structs.replace(event.meta, at=at, effects=effects))


@pytest.mark.parametrize(
    ("event", "took_ms"),
    [
        (retrieved_at(9_600, an_effect(1_000), an_effect(9_000)), 9),
        (retrieved_at(9_400, an_effect(1_000)), 8),
        (retrieved_at(1_000, an_effect(9_000)), 0),
        (retrieved_at(9_600), 0),
    ],
    ids=["from the first effect", "rounded", "a clock that was put back", "without effects"],
)
def test_retrieval_took_as_long_as_from_its_first_effect_to_its_record(event, took_ms):
    assert frames.step_of(event) == {"type": "step", "step": "retrieve", "took_ms": took_ms}


def test_an_answer_is_closed_with_the_text_that_was_shown_and_its_sources_restored():
    answer = ANSWERS.released("as written", 0, citations=(a_citation(), NAMED)).answer
    answer = structs.replace(answer, degraded=("rerank",))
    closing = frames.closing_of(answer, "as shown", lambda text: text.replace("<NAME>", "Jane"))
    assert closing == {
        "text": "as shown",
        "citations": [
            {
                "document_id": "d-1",
                "chunk_id": "c-1",
                "title": "VAT",
                "uri": "file:vat",
                "quote": "VAT is due.",
            },
            {
                "document_id": "d-2",
                "chunk_id": "c-2",
                "title": "of Jane",
                "uri": "file:x",
                "quote": "Jane asked.",
            },
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "finish_reason": "stop",
        "degraded": ["rerank"],
    }


def test_what_closes_without_an_answer_has_the_fields_of_one():
    answered = frames.closing_of(ANSWERS.released("x", 0).answer, "x", str)
    cancelled = frames.cancelled("so far")
    assert set(cancelled) == {"type", *answered}
    assert (cancelled["type"], cancelled["finish_reason"]) == ("completed", "cancelled")
    assert (cancelled["text"], cancelled["citations"]) == ("so far", [])
    assert frames.NO_ANSWER["finish_reason"] is None  # what is shared was not written to


@pytest.mark.parametrize(
    ("error", "status", "retryable", "what_to_do"),
    [
        ("Transient", 503, True, "Try again shortly."),
        ("Permanent", 502, False, "An operator finds it among the dead letters."),
        ("Undecodable", 502, False, "An operator finds it among the dead letters."),
    ],
)
def test_who_asked_is_told_who_gave_up_and_whether_to_ask_again(
    error, status, retryable, what_to_do
):
    event = rejected(error)
    problem = frames.problem_of(event)
    assert (problem.status, problem.slug, problem.retryable) == (status, "step-failed", retryable)
    assert problem.detail == f"generate gave up after 5 attempts ({error}). {what_to_do}"
    assert problem.request_id == event.meta.request


def test_a_question_whose_asker_was_erased_meanwhile_is_told_so():
    event = rejected("KeyDestroyed")
    problem = frames.problem_of(event)
    assert (problem.status, problem.slug, problem.retryable) == (410, "erased", False)
    assert problem.request_id == event.meta.request


def test_a_dead_letter_is_told_as_a_document_and_as_a_frame():
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    event = rejected()
    event = structs.replace(event, meta=structs.replace(event.meta, trace=trace))
    document, frame = frames.error_of(event)
    assert (document["request_id"], document["trace_id"]) == (event.meta.request, "a" * 32)
    assert frame == {**document, "type": "error", "problem": document["type"]}
