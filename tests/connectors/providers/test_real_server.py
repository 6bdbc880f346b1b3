"""OpenAI's interface as llama.cpp's server speaks it, and as the fake does: one contract for both.

The fake stands for servers that misbehave, so what it says when it behaves must be what a real one says.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from agents.answering.distilling import asking, kept, schema_of, tokens_of
from agents.answering.excerpts import Excerpt
from agents.errors import Permanent
from agents.structured import breach
from infra.local.parts import all_parts
from infra.triton.install import CHAT
from schemas import Ask
from tests.agents.test_generate import CONFIGURATION, an_event
from tests.connectors.providers.fake_providers import (
    FakeAnswer,
    FakeHTTPServer,
    openai_says,
    serving,
)
from tests.connectors.providers.providing import CALL, a_request, generated, providers, text_of
from tests.connectors.providers.test_native_tools import BEFORE, PARAMETERS, TOOLS
from tests.fakes import FakeEffects

KEY = "sk-of-the-test"
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    }
)


async def said_by_the_fake(answer: FakeAnswer):
    """Behave as a small model would."""
    _, headers, body = answer.request
    if headers.get("authorization") != f"Bearer {KEY}":
        await answer.head(401, "application/json")
    elif "response_format" in body or "json_schema" in body:
        chosen = '{"tool": "weather", "arguments": {"city": "Oslo"}}'
        said = chosen if "anyOf" in json.dumps(body) else '{"city": "Paris"}'
        await openai_says(answer, said[:7], said[7:])
    else:
        words = [" Paris", " is", " the", " capital", " of", " France", ".\n", "More"]
        most = body["max_tokens"]
        await openai_says(answer, *words[:most], reason="length" if most < len(words) else "stop")


@pytest.fixture(scope="module")
def real():
    """The address of llama.cpp's server."""
    part = all_parts()["triton"]
    if not part.present:
        pytest.skip("llama.cpp is part of Triton's, which is not fetched: `playhead parts`")
    python, gguf = (
        part.place / "venv" / "bin" / "python",
        part.place / "models-data" / CHAT / "model.gguf",
    )
    program = Path(__file__).with_name("llama_server.py")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [python, program, gguf], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture(params=["the fake", pytest.param("llama.cpp", marks=pytest.mark.slow)])
async def url(request):
    if request.param == "llama.cpp":
        yield request.getfixturevalue("real")
        return
    async with serving(said_by_the_fake) as (fake, address):
        assert isinstance(fake, FakeHTTPServer)
        yield address


@pytest.fixture(params=["chat", "completions"])
def entry(request, url, tmp_path):
    (tmp_path / "key").write_text(KEY)
    return {
        "kind": "openai",
        "url": f"{url}/v1",
        "api": request.param,
        "auth": f"file:{tmp_path}/key",
    }


async def asked(folder, entry, **fields):
    request = a_request(prompt="The capital of France is", model="any", **fields)
    async with providers(folder, p=entry) as connector:
        return await generated(connector, request)


async def test_tokens_come_and_the_last_part_says_how_it_ended(tmp_path, entry):
    parts = await asked(tmp_path, entry, max_tokens=4, input_price=1_000)
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert text_of(parts)
    assert parts[-1].finish_reason == "length"
    assert parts[-1].usage.completion_tokens >= 3
    assert parts[-1].usage.prompt_tokens >= 5
    assert parts[-1].cost_micros == parts[-1].usage.prompt_tokens
    assert "/" not in parts[-1].model
    assert parts[-1].model


async def test_a_stop_ends_the_text_and_is_no_part_of_it(tmp_path, entry):
    parts = await asked(tmp_path, entry, max_tokens=60, stop=("\n", "."))
    assert parts[-1].finish_reason == "stop"
    assert re.fullmatch(r"[^\n.]+", text_of(parts))


@pytest.mark.parametrize("grammar", ["response_format", "json_schema"])
async def test_json_follows_its_schema(tmp_path, entry, grammar):
    if entry["api"] == "completions" and grammar == "response_format":
        pytest.skip("a completion has no response_format in llama.cpp")
    parts = await asked(tmp_path, {**entry, "grammar": grammar}, max_tokens=60, json_schema=SCHEMA)
    assert breach(text_of(parts), SCHEMA) == ""


@pytest.mark.slow
async def test_statements_are_chosen_by_numbers_that_there_are(tmp_path, real):
    """Whatever so small a model thinks of them."""
    (tmp_path / "key").write_text(KEY)
    entry = {"kind": "openai", "url": f"{real}/v1", "auth": f"file:{tmp_path}/key"}
    texts = ["The ferry leaves at nine.", "Tickets cost ten crowns.", "It carries sixty cars."]
    statements = tuple(Excerpt(0, "sentence", text, tokens=8) for text in texts)
    request = a_request(
        prompt=asking("When does the ferry leave?", statements),
        model="any",
        json_schema=schema_of(3),
        max_tokens=tokens_of(3),
    )
    async with providers(tmp_path, p=entry) as connector:
        said = text_of(await generated(connector, request))
    assert breach(said, schema_of(3)) == ""
    assert set(kept(said, statements, 100)) <= set(statements)


@pytest.mark.slow
async def test_tools_and_what_they_gave_are_put_before_the_model(tmp_path, real):
    """The model is too small to call a tool by its own shapes, so what it is given is counted."""
    (tmp_path / "key").write_text(KEY)
    entry = {"kind": "openai", "url": f"{real}/v1", "auth": f"file:{tmp_path}/key"}
    sizes = []
    for fields in ({}, {"tools": TOOLS}, {"tools": TOOLS, "exchanges": (BEFORE,)}):
        parts = await asked(tmp_path, entry, max_tokens=4, **fields)
        assert (parts[-1].last, parts[-1].tool_calls) == (True, ())
        sizes.append(parts[-1].usage.prompt_tokens)
    assert sizes == sorted(set(sizes))


async def test_a_model_that_is_held_to_json_names_a_tool_of_the_tenant(tmp_path, entry):
    """What a small model says has the shape, and nothing that it makes up is called."""
    if entry["api"] == "completions":
        pytest.skip("a chat model that goes on with a raw text fills it with line breaks")

    async def say(request, _call=CALL):
        async with providers(tmp_path, p={**entry, "grammar": "json_schema"}) as connector:
            return await generated(connector, request)

    event = an_event(
        question="What is the weather in Oslo?", ask=Ask(tools=TOOLS, tool_choice="required")
    )
    route = {"name": "r", "model": "any", "provider": "p", "tools": "grammar", "trust": "none"}
    configured = {**CONFIGURATION, "routes": {"routes": [route]}, "tools": {"tenants": {}}}
    fx = AskedOfAServer("generate", event, {}, configured)
    fx.say = say
    await fx.execute()
    [record] = fx.outcomes
    [call] = record.answer.tool_calls
    assert (record.answer.finish_reason, call.name) == ("tool_calls", "weather")
    assert breach(call.arguments, json.dumps(PARAMETERS)) == ""


class AskedOfAServer(FakeEffects):
    """Effects whose generations are those of a server."""

    async def _ask_stream(self, number, request):
        for part, response in enumerate(await self.say(request)):
            yield response, self._effect(number, part, request, response)


async def test_a_wrong_key_is_refused(tmp_path, entry):
    (tmp_path / "key").write_text("sk-wrong")
    with pytest.raises(Permanent, match="401: it does not take our credential"):
        await asked(tmp_path, entry)


async def test_who_leaves_early_leaves_the_server_to_others(tmp_path, entry):
    async with providers(tmp_path, p=entry) as connector:
        for _ in range(3):
            parts = connector.generate(a_request(max_tokens=400, model="any"), CALL)
            await anext(parts)
            await parts.aclose()
    assert text_of(await asked(tmp_path, entry, max_tokens=2))
