"""Frames of an answer as the events of a response, whatever comes in which order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.problems import Problem
from edge.protocols.openai.response_events import ResponseEvents
from edge.protocols.openai.response_object import Particulars, ResponseObject

CITED = {
    "document_id": "d-1",
    "chunk_id": "c-1",
    "title": "VAT",
    "uri": "vat.md",
    "quote": "VAT is due.",
}
CALL = {"id": "c1", "name": "lookup", "arguments": '{"a": 1}'}
LAST = {"response.completed", "response.incomplete", "response.failed"}


def events_of(schema=""):
    return ResponseEvents(ResponseObject("r-1", "s-1", 7, Particulars("playhead")), schema)


def delta(text):
    return {"type": "delta", "text": text}


def completed(text, finish_reason="stop", **more):
    return {
        "type": "completed",
        "text": text,
        "citations": [CITED],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "finish_reason": finish_reason,
        "degraded": [],
        **more,
    }


def told(frames, schema=""):
    """Play frames to their end, as a route does."""
    events = events_of(schema)
    sent = events.first()
    try:
        for frame in frames:
            sent += events.take(frame)
    except Problem as problem:
        sent += events.failed(problem)
    return sent


def kinds(sent):
    return [one["type"].removeprefix("response.") for one in sent]


FRAMES = st.lists(
    st.one_of(
        st.text("ab", max_size=3).map(delta),
        st.just({"type": "restarted"}),
        st.just({"type": "step", "step": "retrieve", "took_ms": 1}),
    ),
    max_size=8,
)
ENDS = st.one_of(
    st.text("ab", max_size=6).map(completed),
    st.sampled_from(
        [
            completed("", "tool_calls", tool_calls=[CALL]),
            completed("cut", "length"),
            completed("stopped", "cancelled"),
            {"type": "retracted", "reason": "not allowed"},
        ]
    ),
)


@given(FRAMES, ENDS)
def test_events_are_numbered_and_the_last_holds_what_was_sent(frames, end):
    sent = told([*frames, end])
    assert [one["sequence_number"] for one in sent] == list(range(len(sent)))
    assert [one["type"] in LAST for one in sent] == [False] * (len(sent) - 1) + [True]
    response = sent[-1]["response"]
    of_event = {"cancelled": "incomplete"}.get(response["status"], response["status"])
    assert sent[-1]["type"] == f"response.{of_event}"
    text = "".join(one["delta"] for one in sent if one["type"] == "response.output_text.delta")
    if response["status"] == "completed" and end["text"]:
        assert text == end["text"] == response["output"][0]["content"][0]["text"]
    json.dumps(sent)


@given(FRAMES, ENDS)
def test_what_is_begun_is_ended_unless_the_response_failed(frames, end):
    sent = told([*frames, end])
    if sent[-1]["type"] == "response.failed":
        return
    named = kinds(sent)
    assert named.count("output_item.added") == named.count("output_item.done")
    added = [one["item"]["id"] for one in sent if one["type"] == "response.output_item.added"]
    done = [one["item"] for one in sent if one["type"] == "response.output_item.done"]
    assert [one["id"] for one in done] == added
    assert sent[-1]["response"]["output"] == done


def test_an_answer_without_a_word_is_a_message_all_the_same():
    assert kinds(told([completed("")]))[2:4] == ["output_item.added", "content_part.added"]


def test_each_call_of_a_tool_is_an_item_of_its_own():
    other = {**CALL, "id": "c2"}
    sent = told([completed("", "tool_calls", tool_calls=[CALL, other])])
    added = [one for one in sent if one["type"] == "response.output_item.added"]
    assert [(one["output_index"], one["item"]["call_id"]) for one in added] == [
        (0, "c1"),
        (1, "c2"),
    ]


def test_who_asks_for_tools_after_some_words_fails():
    sent = told([delta("VAT"), completed("", "tool_calls", tool_calls=[CALL])])
    assert kinds(sent)[-1] == "failed"
    assert sent[-1]["response"]["playhead"]["error"] == "answer-replaced"


def test_json_comes_in_one_piece_or_not_at_all():
    schema = json.dumps({"type": "object", "required": ["a"]})
    sent = told([delta('{"a"'), delta(": 1}"), completed('{"a": 1}')], schema)
    deltas = [one["delta"] for one in sent if one["type"] == "response.output_text.delta"]
    assert deltas == ['{"a": 1}']
    assert kinds(told([delta("{}"), completed("{}")], schema))[2:] == ["failed"]
    stopped = told([delta('{"a"'), completed("", "cancelled")], schema)[-1]["response"]
    assert (stopped["status"], stopped["error"]) == ("cancelled", None)


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limit_exceeded"), (504, "server_error")])
def test_a_failure_says_what_kind_it_is(status, code):
    [event] = events_of().failed(Problem(status, "some-slug", "what to do"))
    assert event["response"]["error"] == {"code": code, "message": "what to do"}
    assert event["response"]["playhead"]["error"] == "some-slug"


def test_a_failure_on_the_log_is_raised_for_the_route_to_tell():
    fields = {
        "type": "error",
        "problem": "urn:playhead:problem:step-failed",
        "status": 502,
        "detail": "d",
        "retryable": False,
        "request_id": "r-1",
    }
    with pytest.raises(Problem) as caught:
        events_of().take(fields)
    assert caught.value.slug == "step-failed"
