"""Judged answers: on a log in memory, and as rows."""

from evals.judged_rows import JudgedRow
from evals.question_set import SetPassage
from schemas import (
    Ask,
    ChunksRetrieved,
    HeadScore,
    Passage,
    QuestionRedacted,
    StepVersion,
    Verdict,
)
from streams.log.configuration import configuration
from tests.fakes import a_meta
from tests.memory_log import MemoryLog
from tests.replay.little_log import configuration_set, put
from tests.streams.operations.reviews.records import a_judgement, a_release

DRAWS_ALL = configuration("moderate", {"review": {"share": 1.0}})


def a_passage(chunk="c-1", text="It is due. It is paid in May."):
    return Passage(
        chunk=chunk, document="d-1", version=1, number=0, title="VAT", uri="u", text=text, tokens=9
    )


def before_of(request, tenant="acme", score=0.1):
    """What steps write of a question before it is answered."""
    step = StepVersion(name="redact", code="test", configuration="")
    common = {"ask": Ask(), "subject": "asker"}
    redacted = QuestionRedacted(
        meta=a_meta(tenant=tenant, request=request, id=f"redacted-{request}", step=step),
        outcome="redacted",
        text="Is it due?",
        verdict=Verdict(allowed=True, scores=(HeadScore(head="harm", score=score),)),
        **common,
    )
    retrieved = ChunksRetrieved(
        meta=a_meta(tenant=tenant, request=request, id=f"retrieved-{request}", step=step),
        outcome="retrieved",
        question="Is it due?",
        query="Is VAT due?",
        passages=(a_passage(), a_passage("c-2", "It rains.")),
        **common,
    )
    return redacted, retrieved


def a_log(*events):
    """A log with a configuration that draws all, and these events."""
    log = MemoryLog()
    put(log, configuration_set(DRAWS_ALL), key=DRAWS_ALL.digest.encode())
    for event in events:
        put(log, event)
    return log


def answered(request="r-1", *grades, tenant="acme", reviewers="ab", **more):
    """What lies on the log of an answer and of what was said of it."""
    release = a_release(request, digest=DRAWS_ALL.digest, tenant=tenant, **more)
    judgements = [
        a_judgement(request, reviewer, grade, tenant=tenant)
        for reviewer, grade in zip(reviewers, grades, strict=False)
    ]
    return [*before_of(request, tenant), release, *judgements]


def a_row(number=0, *grades, **changed):
    """A row of the file."""
    values = {
        "id": f"r-{number}",
        "tenant": "acme",
        "group": f"g-{number}",
        "question": "When was the lighthouse built?",
        "answer": "The lighthouse was built in 1887.",
        "finish_reason": "stop",
        "grades": grades or ("right", "right"),
        "citations_wrong": 0,
        "passages": (SetPassage("p-1", "Lighthouse", "The lighthouse was built in 1887."),),
        "cited": (("p-1", "The lighthouse was built in 1887."),),
        "question_scores": {"harm": 0.1},
    }
    return JudgedRow(**{**values, **changed})
