"""Requests for responses that are refused, odd or repeated, by OpenAI's own client."""

from __future__ import annotations

import openai
import pytest

from tests.edge.http_client import answers_with
from tests.edge.protocols.openai.asking import LOOKUP, QUESTION, asked, respond, words


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [LOOKUP, LOOKUP]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{**LOOKUP, "parameters": {"type": "banana"}}]}, "tools"),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": 7}}}},
            "text",
        ),
        ({"extra_body": {"frobnicate": 1}}, "frobnicate"),
        ({"input": ""}, "input"),
        ({"input": "  "}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "reasoning", "summary": []}]}, "input"),
        ({"input": [{"role": "assistant", "content": "x"}]}, "input"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            "input",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
            "input",
        ),
        (
            {
                "input": [
                    {"role": "user", "content": "x"},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                ]
            },
            "input",
        ),
    ],
)
async def test_what_cannot_be_honoured_is_refused(client, log, more, param):
    with pytest.raises(openai.BadRequestError) as caught:
        await respond(client, **{"given": more.pop("input", QUESTION), **more})
    error = caught.value
    assert (error.code, error.param) == ("unsupported_parameter", param)
    assert not asked(log)


WRONG = [7, -1.5, True, "x" * 300, "", [], [7], {}, {"type": 7}, {"type": "x"}, None]


@pytest.mark.parametrize(
    "name",
    [
        "model", "input", "instructions", "previous_response_id", "stream", "store",
        "max_output_tokens", "text", "tools", "tool_choice", "metadata", "temperature", "top_p",
        "parallel_tool_calls", "truncation", "reasoning", "include", "tenant", "user",
    ],
)  # fmt: skip
async def test_a_wrong_kind_of_value_is_a_bad_request_or_nothing_at_all(call, log, name):
    log.answer = answers_with("x")
    for value in WRONG:
        body = {"model": "playhead", "input": QUESTION, name: value}
        response = await call("POST", "/v1/responses", body)
        assert response.status_code in (200, 400, 403, 404), (value, response.text)
        if response.status_code != 200:
            error = response.json()["error"]
            assert error["param"] in (name, None), (value, error)
            assert "Traceback" not in error["message"]


@pytest.mark.parametrize(("query", "param"), [("limit=0", "limit"), ("order=up", "order")])
async def test_a_wrong_question_about_items_names_what_is_wrong(call, query, param):
    response = await call("GET", f"/v1/responses/x/input_items?{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b'{"model":"playhead","input":"\\ud800"}', b'{"input":"\xff"}'],
)
async def test_what_is_no_request_is_a_bad_request(call, log, content):
    response = await call("POST", "/v1/responses", content=content)
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code", "request_id"}
    assert not asked(log)


async def test_what_is_long_or_odd_is_taken_or_told(call, gateway, log):
    log.answer = answers_with("x")
    said = [{"role": ("user", "assistant")[n % 2], "content": f"m {n}"} for n in range(1_001)]
    taken = await call("POST", "/v1/responses", {"model": "playhead", "input": said})
    assert taken.status_code == 200
    nul = await call("POST", "/v1/responses", {"model": "playhead", "input": "VAT\0?"})
    assert nul.status_code == 200
    assert words(gateway, asked(log)[-1]) == "VAT\0?"
    huge = await call("POST", "/v1/responses", content=b" " * 10_000_000)
    assert (huge.status_code, huge.json()["error"]["code"]) == (413, "too_large")
    long = {"model": "playhead", "input": QUESTION, "instructions": "x" * 200_000}
    told = await call("POST", "/v1/responses", long)
    assert (told.status_code, told.json()["error"]["code"]) == (413, "too_large")


async def test_a_repeat_with_a_key_is_the_same_response(client, log):
    log.answer = answers_with("x")
    headers = {"Idempotency-Key": "k-1"}
    first, second = [await respond(client, extra_headers=headers) for _ in range(2)]
    assert (first.id, first.output) == (second.id, second.output)
    assert len(asked(log)) == 1
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        await respond(client, "Another?", extra_headers=headers)
    assert caught.value.code == "idempotency_key_reused"
