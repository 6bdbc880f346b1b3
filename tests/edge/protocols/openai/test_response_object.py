"""What a response repeats of its request, and how it says what became of it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocols.openai.annotations import annotations_of, chat_annotations_of
from edge.protocols.openai.response_object import (
    FIXED,
    REPEATED,
    Particulars,
    ResponseObject,
    particulars_of,
)
from edge.protocols.openai.responses_request import ResponseBody
from edge.requests.limits import PARTICULARS_MAX

CITED = {"document_id": "d", "chunk_id": "c", "title": "", "uri": "vat.md", "quote": "is due"}


def particulars(**fields):
    body = ResponseBody.model_validate({"model": "playhead", "input": "q", **fields})
    return particulars_of(body, ["temperature"], "none")


def finished(finish_reason, told=None, **more):
    answer = {
        "text": "VAT is due.",
        "citations": [CITED],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "finish_reason": finish_reason,
        "degraded": ["rerank"],
        **more,
    }
    return ResponseObject("r", "s", 7, told or particulars()).finished(answer, 9)


def test_what_was_not_sent_is_as_they_have_it():
    response = finished("stop")
    assert {name: response[name] for name in REPEATED} == dict(REPEATED)
    assert {name: response[name] for name in FIXED} == dict(FIXED)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"store": False}, {"store": False}),
        ({"previous_response_id": "resp_1"}, {"previous_response_id": "resp_1"}),
        ({"text": {"verbosity": "low"}}, {"text": {"format": {"type": "text"}}}),
        (
            {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}},
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "n",
                        "schema": {},
                        "strict": None,
                        "description": None,
                    }
                }
            },
        ),
        (
            {"tools": [{"type": "function", "name": "f"}], "tool_choice": "none"},
            {
                "tools": [
                    {
                        "type": "function",
                        "name": "f",
                        "description": None,
                        "parameters": None,
                        "strict": None,
                    }
                ],
                "tool_choice": "none",
            },
        ),
    ],
)
def test_what_was_sent_is_repeated_and_read_back_alike(sent, told):
    again = Particulars.read(particulars(**sent).text().encode())
    response = finished("stop", again)
    assert {name: response[name] for name in told} == told
    assert again.stored == (sent.get("store") is not False)


@pytest.mark.parametrize(
    ("finish_reason", "status", "why"),
    [
        ("stop", "completed", None),
        ("extractive", "completed", None),
        ("not_found", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("refused", "incomplete", "content_filter"),
        ("cancelled", "cancelled", None),
        ("retracted", "incomplete", "content_filter"),
    ],
)
def test_how_an_answer_ended_is_said_in_their_words(finish_reason, status, why):
    response = finished(finish_reason, reason="not allowed")
    of_message = "incomplete" if status == "cancelled" else status  # a message has no other
    assert (response["status"], response["output"][0]["status"]) == (status, of_message)
    assert response["incomplete_details"] == (why and {"reason": why})
    assert response["completed_at"] == (9 if status == "completed" else None)
    assert response["playhead"]["finish_reason"] == finish_reason
    assert response["playhead"]["degraded"] == ["rerank"]


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=5))
def test_of_an_input_too_long_the_newest_items_are_kept(sizes):
    items = [{"type": "message", "n": n, "text": "x" * size} for n, size in enumerate(sizes)]
    text = Particulars("playhead", input=items).text()
    kept = orjson.loads(text)["input"]
    assert len(text) <= PARTICULARS_MAX
    assert kept == items[len(items) - len(kept) :]
    if sum(sizes) < PARTICULARS_MAX // 2:
        assert kept == items
    assert kept


@given(st.text("ab is due", max_size=30), st.text("ab is due", max_size=9))
def test_an_annotation_is_of_the_words_that_are_quoted_or_of_all(text, quote):
    cited = {**CITED, "quote": quote}
    [one], [other] = annotations_of(text, [cited]), chat_annotations_of(text, [cited])
    span = text[one["start_index"] : one["end_index"]]
    assert span == (quote if quote and quote in text else text)
    assert other["url_citation"]["start_index"] == one["start_index"]
    assert one["filename"] == other["url_citation"]["url"] == "vat.md"
