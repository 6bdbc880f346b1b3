"""The timeline of a request."""

from __future__ import annotations

from edge.answering.request_timeline import KINDS, timeline_of
from edge.listening.known_requests import known_from
from schemas import (
    Ask,
    Cause,
    ChunksRetrieved,
    EventRejected,
    InboxDocument,
    PolicyDecision,
    QuestionAsked,
    StepVersion,
)
from tests.edge.answering.histories import QUESTION, WHOLE, entries_of
from tests.fakes import a_meta

REQUEST = known_from(QUESTION, 0)


async def timeline(events):
    asked = []

    async def read_back(request, kinds):
        asked.append((request, kinds))
        return entries_of(events)

    told = await timeline_of(REQUEST, read_back)
    assert asked == [(REQUEST, KINDS)]
    return told


def test_every_record_of_a_request_is_of_a_kind_that_is_read():
    assert {QuestionAsked, EventRejected} < set(KINDS)
    assert InboxDocument not in KINDS  # it may hold plain text
    assert len(set(KINDS)) == len(KINDS)


async def test_a_timeline_tells_steps_and_times_and_no_text():
    told = await timeline([QUESTION, *WHOLE])
    assert told["request_id"] == "r-1"
    assert told["session_id"] == "s-1"
    assert told["records"] == 4
    assert {step["step"] for step in told["steps"]} == {"gateway", "moderate"}
    assert all(step["after_ms"] >= 0 for step in told["steps"])
    assert [stage["stage"] for stage in told["stages"]] == ["release"]
    assert "VAT" not in str(told)


async def test_a_request_of_which_nothing_is_read_has_an_empty_timeline():
    told = await timeline([])
    assert (told["records"], told["steps"], told["took_ms"]) == (0, [], 0.0)


async def test_whoever_may_not_see_a_document_is_not_told_that_it_was_hidden():
    decision = PolicyDecision(policy="p", action="read", allowed=0, denied=1)
    retrieved = ChunksRetrieved(
        meta=a_meta(cause=Cause(topic="t", partition=0, offset=0, id="c"), step=StepVersion(name="retrieve", code="c", configuration="")),
        outcome="empty", subject="u", question="q", query="q", ask=Ask(), policies=(decision,),
    )  # fmt: skip
    told = await timeline([QUESTION, retrieved])
    assert "retrieve" in {step["step"] for step in told["steps"]}
    assert "polic" not in str(told)
