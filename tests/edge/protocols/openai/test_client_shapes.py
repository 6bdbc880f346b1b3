"""Requests as other programs send them, written after what they document of themselves."""

from __future__ import annotations

import json

import pytest

from edge.client.server_sent_events import events_in
from schemas import QuestionAsked
from tests.edge.fake_log import a_citation
from tests.edge.http_client import answers_with

QUESTION = {"role": "user", "content": "Is VAT due?"}
OPEN_WEBUI = {
    "stream": True,
    "model": "playhead",
    "messages": [{"role": "system", "content": "You help."}, QUESTION],
    "temperature": 0.8,
    "seed": 7,
    "stop": ["||"],
    "top_k": 40,
    "min_p": 0.0,
    "repeat_penalty": 1.1,
    "stream_options": {"include_usage": True},
}
OPEN_WEBUI_TITLE = {
    "model": "playhead",
    "messages": [{"role": "user", "content": "### Task:\nGenerate a title.\nUSER: Is VAT due?"}],
    "stream": False,
    "max_completion_tokens": 1000,
}
LIBRECHAT = {
    "model": "playhead",
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "user": "65f0c1",
    "stream": True,
    "stream_options": {"include_usage": True},
    "stop": ["||>", "\nUser:", "<|diff_marker|>"],
    "messages": [
        {"role": "system", "name": "instructions", "content": "You help."},
        {"role": "user", "content": [{"type": "text", "text": "Is VAT due?"}]},
    ],
}
LANGCHAIN = {
    "messages": [{"content": "You help.", "role": "system"}, {**QUESTION}],
    "model": "playhead",
    "temperature": 0.2,
    "n": 1,
    "stream": False,
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "loan_status",
                "description": "Says what is lent.",
                "parameters": {"type": "object", "properties": {"tool": {"type": "string"}}},
            },
        }
    ],
}
LANGCHAIN_RESPONSES = {
    "model": "playhead",
    "stream": True,
    "temperature": 0.2,
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "input": [
        {"content": "You help.", "role": "system", "type": "message"},
        {"content": "Is VAT due?", "role": "user", "type": "message"},
    ],
}
AGENTS_SDK = {
    "model": "playhead",
    "instructions": "You help.",
    "input": [
        {"role": "user", "content": "Is VAT due?"},
        {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "x"},
        {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "c1",
            "name": "rate",
            "arguments": "{}",
        },
        {
            "id": "fc_2",
            "type": "function_call",
            "status": "completed",
            "call_id": "c2",
            "name": "rate",
            "arguments": '{"of": "books"}',
        },
        {"type": "function_call_output", "call_id": "c1", "output": "19 percent"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "7 percent"}],
        },
    ],
    "tools": [
        {
            "type": "function",
            "name": "rate",
            "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
            "strict": True,
            "description": "Tells a rate.",
        }
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "include": [],
    "stream": True,
    "truncation": "auto",
    "text": {"verbosity": "low"},
    "reasoning": {"effort": "low"},
    "prompt_cache_retention": "24h",
    "metadata": {"trace": "t"},
}


def sent_by(response):
    data = [event.data for event in events_in([response.content])]
    assert data[-1] == "[DONE]"
    return [json.loads(one) for one in data[:-1]]


@pytest.mark.parametrize("shape", [OPEN_WEBUI, LIBRECHAT])
async def test_a_page_streams_an_answer_with_what_it_rests_on(call, log, shape):
    log.answer = answers_with("VAT ", "is due.", citations=(a_citation(),))
    chunks = sent_by(await call("POST", "/v1/chat/completions", shape))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "VAT is due."
    [annotation] = deltas[-1]["annotations"]
    assert annotation["url_citation"]["title"] == "VAT"
    assert chunks[-1]["usage"]["total_tokens"] == 10


@pytest.mark.parametrize("shape", [OPEN_WEBUI_TITLE, LANGCHAIN])
async def test_what_is_not_streamed_is_answered_in_one(call, log, shape):
    log.answer = answers_with("VAT is due.")
    answer = (await call("POST", "/v1/chat/completions", shape)).json()
    assert answer["choices"][0]["message"]["content"] == "VAT is due."
    assert answer["object"] == "chat.completion"


async def test_a_page_that_goes_on_sends_what_it_was_told(call, log):
    log.answer = answers_with("VAT is due.")
    await call("POST", "/v1/chat/completions", OPEN_WEBUI)
    said = {"role": "assistant", "content": "VAT is due."}
    messages = [*OPEN_WEBUI["messages"], said, {"role": "user", "content": "When?"}]
    shape = {**OPEN_WEBUI, "messages": messages}
    chunks = sent_by(await call("POST", "/v1/chat/completions", shape))
    assert chunks[-2]["playhead"]["history"] == "known"
    assert len({one.meta.session for one in log.published(QuestionAsked)}) == 1


async def test_langchain_keeps_nothing_where_it_says_so(call, log):
    log.answer = answers_with("VAT is due.")
    events = sent_by(await call("POST", "/v1/responses", LANGCHAIN_RESPONSES))
    response = events[-1]["response"]
    assert (response["status"], response["store"]) == ("completed", False)
    assert response["playhead"]["ignored"] == ["temperature", "include", "input[system]"]
    assert (await call("GET", f"/v1/responses/{response['id']}")).status_code == 404


async def test_an_agent_brings_the_results_of_several_calls(call, gateway, log):
    log.answer = answers_with("VAT is 19 percent, of books 7.")
    events = sent_by(await call("POST", "/v1/responses", AGENTS_SDK))
    assert events[-1]["type"] == "response.completed"
    [question] = log.published(QuestionAsked)
    exchanges = json.loads(gateway.keyring.unseal("acme", question.exchanges))
    assert [(one["id"], one["result"]) for one in exchanges] == [
        ("c1", "19 percent"),
        ("c2", "7 percent"),
    ]
    path = f"/v1/responses/{events[-1]['response']['id']}/input_items?order=asc"
    listed = (await call("GET", path)).json()["data"]
    assert [item["type"] for item in listed] == [
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert [item["id"] for item in listed[1:3]] == ["fc_1", "fc_2"]
