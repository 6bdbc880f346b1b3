"""Tools in the shapes of OpenAI's and Anthropic's interfaces, against servers that speak them over HTTP."""

import json

import pytest

from agents.errors import Transient
from connectors.providers.native_tools import CALLS_MAX, CHARACTERS_MAX, GrowingCalls
from schemas import ToolExchange
from tests.connectors.providers.fake_providers import serving
from tests.connectors.providers.providing import PROMPT, a_request, generated, providers, text_of

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "weather", "description": "Weather of a city.", "parameters": PARAMETERS}
TOOLS = json.dumps([TOOL])
BEFORE = ToolExchange(id="c0", name="weather", arguments='{"city":"Bergen"}', result="degrees: 3")
USAGE = {"prompt_tokens": 11, "completion_tokens": 3}


async def asked(folder, kind, script, **fields):
    async with (
        serving(script) as (fake, url),
        providers(folder, p={"url": url, "kind": kind, "auth": "env:HOME"}) as connector,
    ):
        parts = await generated(connector, a_request(tools=TOOLS, **fields))
    [(_, _, body)] = fake.requests
    return body, parts


def openai_delta(*calls, text=None, reason=None):
    delta = {"content": text, "tool_calls": list(calls)}
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


async def openai_calls(answer):
    """Two calls, in pieces and beside each other, as OpenAI streams them."""
    await answer.head()
    function = {"name": "weather", "arguments": ""}
    await answer.event(
        openai_delta({"index": 0, "id": "c1", "type": "function", "function": function})
    )
    await answer.event(openai_delta({"index": 0, "function": {"arguments": '{"city"'}}))
    other = {"name": "weather", "arguments": '{"city":"Rome"}'}
    await answer.event(
        openai_delta({"index": 1, "id": "c2", "type": "function", "function": other})
    )
    await answer.event(openai_delta({"index": 0, "function": {"arguments": ':"Oslo"}'}}))
    await answer.event(openai_delta(reason="tool_calls"))
    await answer.event({"model": "m-1", "choices": [], "usage": USAGE})
    await answer.event("[DONE]")


async def anthropic_calls(answer):
    """A word and two calls, as Anthropic streams them."""
    await answer.head()
    usage = {"input_tokens": 11, "output_tokens": 1}
    await answer.event({"type": "message_start", "message": {"model": "m-1", "usage": usage}})
    blocks = [("text", "", ""), ("tool_use", "c1", "Oslo"), ("tool_use", "c2", "Rome")]
    for index, (kind, call, city) in enumerate(blocks):
        block = {"type": kind, "id": call, "name": "weather", "input": {}}
        await answer.event({"type": "content_block_start", "index": index, "content_block": block})
        pieces = ['{"city"', f':"{city}"}}'] if city else []
        for piece in pieces:
            delta = {"type": "input_json_delta", "partial_json": piece}
            await answer.event({"type": "content_block_delta", "index": index, "delta": delta})
        await answer.event({"type": "content_block_stop", "index": index})
    end = {"stop_reason": "tool_use"}
    await answer.event({"type": "message_delta", "delta": end, "usage": {"output_tokens": 3}})
    await answer.event({"type": "message_stop"})


SCRIPTS = {"openai": openai_calls, "anthropic": anthropic_calls}


@pytest.mark.parametrize("kind", SCRIPTS)
async def test_calls_come_whole_on_the_last_part(tmp_path, kind):
    _, parts = await asked(tmp_path, kind, SCRIPTS[kind])
    last = parts[-1]
    assert [(one.id, one.name, json.loads(one.arguments)) for one in last.tool_calls] == [
        ("c1", "weather", {"city": "Oslo"}),
        ("c2", "weather", {"city": "Rome"}),
    ]
    assert (last.last, last.finish_reason, text_of(parts)) == (True, "tool_calls", "")
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (11, 3)
    assert not any(part.tool_calls for part in parts[:-1])


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("weather", {"type": "function", "function": {"name": "weather"}}),
    ],
)
async def test_openai_is_given_tools_and_results_in_its_shapes(tmp_path, choice, told):
    body, _ = await asked(tmp_path, "openai", openai_calls, tool_choice=choice, exchanges=(BEFORE,))
    assert body["tools"] == [{"type": "function", "function": TOOL}]
    assert body["tool_choice"] == told
    call = {
        "id": "c0",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Bergen"}'},
    }
    assert body["messages"] == [
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c0", "content": "degrees: 3"},
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("weather", {"type": "tool", "name": "weather"}),
    ],
)
async def test_anthropic_is_given_tools_and_results_in_its_shapes(tmp_path, choice, told):
    body, _ = await asked(
        tmp_path, "anthropic", anthropic_calls, tool_choice=choice, exchanges=(BEFORE,)
    )
    assert body["tools"] == [
        {"name": "weather", "description": "Weather of a city.", "input_schema": PARAMETERS}
    ]
    assert body["tool_choice"] == told
    use = {"type": "tool_use", "id": "c0", "name": "weather", "input": {"city": "Bergen"}}
    assert body["messages"][1:] == [
        {"role": "assistant", "content": [use]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c0", "content": "degrees: 3"}],
        },
    ]


@pytest.mark.parametrize("kind", SCRIPTS)
async def test_a_request_without_tools_says_nothing_of_them(tmp_path, kind):
    async with (
        serving(SCRIPTS[kind]) as (fake, url),
        providers(tmp_path, p={"url": url, "kind": kind, "auth": "env:HOME"}) as connector,
    ):
        await generated(connector, a_request())
    assert not {"tools", "tool_choice"} & set(fake.requests[0][2])


async def endless(answer):
    await answer.head()
    for _ in range(40):
        piece = {"index": 0, "function": {"name": "weather", "arguments": "x" * 9_000}}
        await answer.event(openai_delta(piece))


async def many(answer):
    await answer.head()
    await answer.event(
        openai_delta(*({"index": n, "function": {"name": "f"}} for n in range(CALLS_MAX + 1)))
    )


@pytest.mark.parametrize(("script", "words"), [(endless, "without end"), (many, "more than 32")])
async def test_a_provider_that_asks_for_too_much_is_left(tmp_path, script, words):
    with pytest.raises(Transient, match=words):
        await asked(tmp_path, "openai", script, max_tokens=400)


def test_a_call_without_an_id_gets_one_that_no_other_has():
    calls = GrowingCalls()
    calls.add(0, None, "weather", None)
    calls.add(1, None, "", "{}")
    [one] = calls.whole(a_request(exchanges=(BEFORE,)))
    assert (one.id, one.arguments) == ("call_2", "{}")
    calls.add(0, None, None, "x" * CHARACTERS_MAX)
    with pytest.raises(Transient):
        calls.add(0, None, None, "x")
