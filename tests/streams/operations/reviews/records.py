"""Released answers, retractions and judgements, as they lie on the log."""

from schemas import (
    Answer,
    AnswerJudged,
    AnswerReleased,
    AnswerRetracted,
    Citation,
    StepVersion,
    Usage,
    Verdict,
)
from tests.fakes import NOW_US, a_meta

ALL, NONE = "a" * 64, "b" * 64
"""Digests of configurations that draw every answer, and none."""
CONFIGURED = {ALL: {"review": {"share": 1.0}}, NONE: {"review": {"share": 0.0}}}


def a_release(
    request="r-1", *, digest=ALL, attempt=1, subject="asker", finish="stop", tenant="acme"
):
    meta = a_meta(
        tenant=tenant,
        request=request,
        id=f"answer-{request}-{attempt}",
        attempt=attempt,
        step=StepVersion(name="moderate", code="test", configuration=digest),
    )
    answer = Answer(
        text="It is due.",
        citations=(Citation(document="d-1", chunk="c-1", title="t", uri="u", quote="It is due."),),
        usage=Usage(),
        finish_reason=finish,
        question="Is it due?",
        query="Is VAT due?",
    )
    return AnswerReleased(
        meta=meta, text="It is due.", answer=answer, verdict=Verdict(allowed=True), subject=subject
    )


def a_retraction(request="r-1", attempt=1):
    meta = a_meta(request=request, id=f"retraction-{request}", attempt=attempt)
    verdict = Verdict(allowed=False)
    return AnswerRetracted(meta=meta, reason="not allowed", verdict=verdict, subject="asker")


def a_judgement(
    about="r-1",
    reviewer="one",
    grade="right",
    number=0,
    *,
    answer="",
    at=NOW_US,
    tenant="acme",
    **more,
):
    own = f"judged-{about}-{reviewer}-{number}"
    return AnswerJudged(
        meta=a_meta(tenant=tenant, request=own, id=own, at=at),
        about=about,
        answer=answer or f"answer-{about}-1",
        sample=ALL,
        reviewer=reviewer,
        grade=grade,
        **more,
    )


def shuffled(draw, events):
    """Return events as two readers of two topics might hand them over: each topic in its order."""
    topics = {}
    for event in events:
        topics.setdefault(type(event), []).append(event)
    lanes = [list(lane) for lane in topics.values()]
    found = []
    while any(lanes):
        lane = draw([one for one in lanes if one])
        found.append(lane.pop(0))
    return found
