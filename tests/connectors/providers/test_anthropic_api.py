"""Anthropic's interface through its SDK, against a server that speaks it over HTTP."""

import asyncio
import json

import pytest

from agents.errors import Permanent, Transient
from schemas import Usage
from streams.running.breaker import Overdue
from tests.connectors.providers.fake_providers import anthropic_says, serving
from tests.connectors.providers.providing import (
    PROMPT,
    SECRET,
    STABLE,
    a_request,
    generated,
    providers,
    text_of,
)

SCHEMA = '{"type": "object", "properties": {"who": {"type": "string"}}}'


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("A_PLANTED_KEY", SECRET)


async def asked(folder, request=None, script=anthropic_says, **entry):
    """Return what a server was sent, and the parts that came of it."""
    own = {"kind": "anthropic", "auth": "env:A_PLANTED_KEY", **entry}
    async with (
        serving(script) as (fake, url),
        providers(folder, p={"url": url, **own}) as connector,
    ):
        parts = await generated(connector, request or a_request())
    return fake.requests, parts


async def test_a_text_comes_in_parts_with_model_usage_and_price(tmp_path):
    async def script(answer):
        await anthropic_says(answer, "The", " buyer", " pays.")

    request = a_request(
        input_price=3_000, output_price=15_000, system="Be brief.", stop=("\n", "END")
    )
    [sent], parts = await asked(tmp_path, request, script)
    assert text_of(parts) == "The buyer pays."
    assert (parts[-1].finish_reason, parts[-1].model) == ("stop", "m-1")
    assert parts[-1].usage == Usage(prompt_tokens=11, completion_tokens=3)
    assert parts[-1].cost_micros == 33 + 45
    assert sent[0] == "POST /v1/messages HTTP/1.1"
    assert SECRET in "".join(sent[1].values())
    assert sent[1]["anthropic-version"]
    assert sent[1]["accept-encoding"] == "identity"
    assert sent[2] == {
        "model": "big",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": True,
        "system": "Be brief.",
        "stop_sequences": ["END"],
    }


async def test_a_beginning_that_stays_is_marked_for_the_cache(tmp_path):
    request = a_request(stable_characters=len(STABLE) + 12)
    [sent], _ = await asked(tmp_path, request)
    kept, rest = sent[2]["messages"][0]["content"]
    assert (kept["text"] + rest["text"], kept["cache_control"]) == (PROMPT, {"type": "ephemeral"})
    [sent], _ = await asked(tmp_path, request, prompt_cache=False)
    assert sent[2]["messages"][0]["content"] == PROMPT


async def test_a_schema_goes_as_a_format(tmp_path):
    [sent], _ = await asked(tmp_path, a_request(json_schema=SCHEMA))
    assert sent[2]["output_config"] == {
        "format": {"type": "json_schema", "schema": json.loads(SCHEMA)}
    }


async def test_a_text_that_is_cut_says_so(tmp_path):
    async def script(answer):
        await anthropic_says(answer, "The", reason="max_tokens")

    _, parts = await asked(tmp_path, None, script)
    assert parts[-1].finish_reason == "length"


async def test_the_environment_changes_neither_key_nor_address(tmp_path, monkeypatch):
    async with serving(anthropic_says) as (other, url):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
        [sent], _ = await asked(tmp_path, auth="")
        assert other.requests == []
    assert "another" not in "".join(sent[1].values())


def answers(status, body=b'{"type":"error","error":{"type":"x","message":"Who pays?"}}', **headers):
    async def script(answer):
        await answer.head(status, "application/json", **headers)
        await answer.send(body)

    return script


def says_then(*pieces, reason=None):
    async def script(answer):
        await answer.head()
        for piece in pieces:
            await answer.send(piece)

    return script


BAD = {
    "no credential": (answers(401), Permanent, "401: it does not take our credential"),
    "no model": (answers(404), Permanent, "404: it has no such model"),
    "asks for patience": (answers(429, retry_after="7"), Transient, "answered 429"),
    "overloaded": (answers(529), Transient, "answered 529"),
    "redirect": (answers(307, location="http://127.0.0.1:1/"), Permanent, "another address"),
    "a large error": (answers(500, b"x" * 5_000_000), Transient, "answered 500"),
    "no events": (answers(200), Permanent, "stream of events"),
    "garbage": (says_then(b"event: x\ndata: {]\n\n"), Transient, "that is none"),
    "an error amid": (says_then(b'data: {"type":"error","error":{"message":"Who pays?"}}\n\n'), Transient, "an error"),
    "closes amid": (says_then(b'data: {"type":"ping"}\n\n'), Transient, "before its last token"),
    "half a character": (says_then(b'data: {"type":"\xc3"}\n\n'), Transient, "UTF-8"),
    "a long line": (says_then(b"data: ", *[b"x" * 65_536] * 800), Transient, "1 MiB"),
    "refused": (lambda answer: anthropic_says(answer, reason="refusal"), Permanent, "refusal"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_what_a_bad_server_does_is_a_short_error_without_what_was_sent(tmp_path, name):
    script, kind, why = BAD[name]
    with pytest.raises(kind, match=why) as raised:
        await asked(tmp_path, None, script, tries_max=1)
    assert type(raised.value) in {Transient, Permanent}
    for hidden in ("pays", SECRET, "127.0.0.1"):
        assert hidden not in str(raised.value)
    if "patience" in name:
        assert raised.value.retry_after_s == 7


async def test_a_server_that_hangs_is_left(tmp_path):
    async def hang(_answer):
        await asyncio.Event().wait()

    with pytest.raises(Overdue, match="within its bounds"):
        await asked(tmp_path, None, hang, first_token_timeout_s=0.3)


async def test_nobody_there_is_transient(tmp_path):
    entry = {"kind": "anthropic", "url": "http://127.0.0.1:1", "tries_max": 1}
    async with providers(tmp_path, p=entry) as connector:
        with pytest.raises(Transient, match="provider p is away"):
            await generated(connector)
