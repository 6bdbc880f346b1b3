"""OpenAI's interface: what a good server is sent and says, and what comes of a bad one."""

import asyncio
import email.utils
import json
import time

import pytest

from agents.errors import Permanent, Transient
from schemas import Usage
from streams.running.breaker import Overdue
from streams.settings import BadSetting
from tests.connectors.providers.fake_providers import USAGE, chunk, openai_says, serving
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


async def asked(folder, request=None, script=openai_says, **entry):
    """Return what a server was sent, and the parts that came of it."""
    async with (
        serving(script) as (fake, url),
        providers(folder, p={"kind": "openai", "url": f"{url}/v1", **entry}) as connector,
    ):
        parts = await generated(connector, request or a_request())
    return fake.requests, parts


async def test_a_text_comes_in_parts_with_model_usage_and_price(tmp_path):
    async def script(answer):
        await openai_says(answer, " The", " buyer", " pays.")

    request = a_request(input_price=1_000, output_price=3_000)
    [sent], parts = await asked(tmp_path, request, script)
    assert text_of(parts) == " The buyer pays."
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].finish_reason, parts[-1].model) == ("stop", "m-1")
    assert parts[-1].usage == Usage(prompt_tokens=11, completion_tokens=3)
    assert parts[-1].cost_micros == 11 + 9
    assert sent[0] == "POST /v1/chat/completions HTTP/1.1"
    assert sent[1]["accept-encoding"] == "identity"
    assert "authorization" not in sent[1]


@pytest.mark.parametrize(
    ("entry", "fields", "expected"),
    [
        (
            {},
            {},
            {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 9, "stream": True},
        ),
        (
            {},
            {"system": "Be brief."},
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": PROMPT},
                ]
            },
        ),
        ({"api": "completions"}, {"system": "Be brief."}, {"prompt": f"Be brief.\n\n{PROMPT}"}),
        ({}, {"stop": tuple("abcdef")}, {"stop": list("abcd")}),
        ({"tokens_field": "max_completion_tokens"}, {}, {"max_completion_tokens": 9}),
        (
            {},
            {"json_schema": SCHEMA, "stop": ("\n",)},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": json.loads(SCHEMA), "strict": True},
                }
            },
        ),
        ({"grammar": "json_schema"}, {"json_schema": SCHEMA}, {"json_schema": json.loads(SCHEMA)}),
    ],
)
async def test_a_request_is_spelt_as_the_server_reads_it(tmp_path, entry, fields, expected):
    [sent], _ = await asked(tmp_path, a_request(**fields), **entry)
    assert {name: sent[2].get(name) for name in expected} == expected
    assert not ("stop" in sent[2] and fields.get("json_schema"))


async def test_a_key_goes_into_its_header_and_retention_and_cache_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("A_PLANTED_KEY", f"{SECRET}\n")
    request = a_request(stable_characters=len(STABLE))
    entry = {"auth": "env:A_PLANTED_KEY"}
    [sent], _ = await asked(tmp_path, request, **entry)
    assert sent[1]["authorization"] == f"Bearer {SECRET}"
    assert sent[2]["store"] is False
    assert len(sent[2]["prompt_cache_key"]) == 32
    azure = {
        **entry,
        "auth_header": "api-key",
        "query": {"api-version": "2026-01-01"},
        "prompt_cache": False,
    }
    [sent], _ = await asked(tmp_path, request, **azure, retention=True)
    assert sent[0] == "POST /v1/chat/completions?api-version=2026-01-01 HTTP/1.1"
    assert sent[1]["api-key"] == SECRET
    assert sent[2]["store"] is True
    assert "prompt_cache_key" not in sent[2]


async def test_a_key_is_read_anew_for_each_call(tmp_path):
    key = tmp_path / "key"
    entry = {"kind": "openai", "auth": f"file:{key}"}
    async with (
        serving(openai_says) as (fake, url),
        providers(tmp_path, p={**entry, "url": url}) as connector,
    ):
        for value in ("one", "two"):
            key.write_text(value)
            await generated(connector)
    assert [headers["authorization"] for _, headers, _ in fake.requests] == [
        "Bearer one",
        "Bearer two",
    ]


async def test_a_stop_is_found_here_where_the_server_does_not_look_for_it(tmp_path):
    async def script(answer):
        await openai_says(answer, "\n\n He", " pays.", "\nText", ": more")

    _, parts = await asked(tmp_path, a_request(stop=("\n",)), script)
    assert text_of(parts) == "He pays."
    assert parts[-1].finish_reason == "stop"


async def test_a_server_that_goes_on_and_on_is_left(tmp_path):
    async def script(answer):
        await answer.head()
        while True:
            await answer.event(chunk("x"))

    _, parts = await asked(tmp_path, a_request(max_tokens=2), script)
    assert len(text_of(parts)) <= 21
    assert parts[-1].finish_reason == "length"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("/srv/models/m.gguf", "m.gguf"),
        ("org/name", "org/name"),
        ("x" * 100_000, "x" * 200),
        (None, "big"),
    ],
)
async def test_a_model_s_name_is_cut_and_tells_no_path_of_the_server(tmp_path, told, kept):
    _, parts = await asked(
        tmp_path, None, sends(data(chunk("a", "stop", model=told)), b"data: [DONE]\n\n")
    )
    assert {part.model for part in parts} == {kept}


async def test_usage_that_no_record_holds_is_bounded(tmp_path):
    async def script(answer):
        await answer.head()
        await answer.event(
            chunk("a", "stop", usage={"prompt_tokens": 2**40, "completion_tokens": -7})
        )

    _, parts = await asked(tmp_path, None, script)
    assert parts[-1].usage == Usage(prompt_tokens=2**31 - 1, completion_tokens=0)


def answers(status, **headers):
    async def script(answer):
        await answer.head(status, **headers)
        await answer.send(b'{"error": {"message": "the prompt was: Who pays?"}}')

    return script


def sends(*pieces, **head):
    async def script(answer):
        await answer.head(**head)
        for piece in pieces:
            await answer.send(piece)

    return script


def data(value):
    return f"data: {json.dumps(value)}\n\n".encode()


HALF = 'data: {"choices":[{"delta":{"content":"ö"}}]}'.encode()
DEEP = b"data: " + b'{"error":' * 20_000 + b"\n\n"
BAD = {
    "redirect": (answers(302, location="http://127.0.0.1:1/steal"), Permanent, "another address"),
    "no credential": (answers(401), Permanent, "401: it does not take our credential"),
    "no model": (answers(404), Permanent, "404: it has no such model"),
    "teapot": (answers(418), Permanent, "418: it refuses"),
    "breaks": (answers(500), Transient, "answered 500"),
    "a page": (sends(b"<html>", content_type="text/html"), Permanent, "stream of events"),
    "garbage": (sends(b"data: \x00\x01{]\n\n"), Transient, "no chunk"),
    "another form": (sends(data({"choices": 3})), Transient, "no chunk"),
    "half a character": (sends(HALF[:-6] + b"\n\n"), Transient, "UTF-8"),
    "half a surrogate": (sends(b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n'), Transient, "no chunk"),
    "deep": (sends(DEEP), Transient, "no chunk"),
    "an error amid": (sends(data(chunk("a")), data({"error": {"message": "Who pays?"}})), Transient, "with an error"),
    "closes amid": (sends(data(chunk("a"))), Transient, "before its last token"),
    "closes at once": (sends(), Transient, "before its last token"),
    "cut": (sends(data(chunk("a")), content_length=10_000), Transient, "is away"),
    "a long line": (sends(b"data: ", *[b"x" * 65_536] * 800), Transient, "1 MiB"),
    "a long event": (sends(*[b"data: " + b"x" * 65_000 + b"\n"] * 20), Transient, "1 MiB"),
    "a long body": (sends(*[b": x\n" * 16_384] * 40), Transient, "more than 2,115,584 bytes"),
    "withheld": (sends(data(chunk("a", "content_filter"))), Permanent, "content_filter"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_what_a_bad_server_does_is_a_short_error_without_what_was_sent(tmp_path, name):
    script, kind, why = BAD[name]
    with pytest.raises(kind, match=why) as raised:
        await asked(tmp_path, None, script, tries_max=1)
    assert type(raised.value) in {Transient, Permanent}
    assert len(str(raised.value)) < 120
    assert "pays" not in str(raised.value)
    assert raised.value.__cause__ is None or "sends" not in repr(raised.value.__cause__)


async def test_a_redirect_is_not_followed(tmp_path):
    async with serving(openai_says) as (other, url):
        with pytest.raises(Permanent):
            await asked(tmp_path, None, answers(307, location=f"{url}/v1/chat/completions"))
    assert other.requests == []


async def test_no_variable_of_the_environment_sends_a_prompt_elsewhere(tmp_path, monkeypatch):
    async with serving(openai_says) as (proxy, url):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("ALL_PROXY", url)
        await asked(tmp_path)
        assert proxy.requests == []
        await asked(tmp_path, proxy=url)
        assert len(proxy.requests) == 1


async def test_what_is_said_packed_is_not_unpacked(tmp_path):
    with pytest.raises(Transient, match="before its last token"):
        await asked(
            tmp_path, None, sends(b"\x1f\x8b\x08\x00", content_encoding="gzip"), tries_max=1
        )


async def hang(_answer):
    await asyncio.Event().wait()


async def hang_amid(answer):
    await answer.head()
    await answer.event(chunk("a"))
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("script", "entry"),
    [(hang, {"first_token_timeout_s": 0.2}), (hang_amid, {"total_timeout_s": 0.4})],
)
async def test_a_server_that_hangs_is_left_and_blamed_for_the_call(tmp_path, script, entry):
    with pytest.raises(Overdue, match="within its bounds"):
        await asked(tmp_path, None, script, **entry)


async def test_nobody_there_is_transient(tmp_path):
    async with providers(
        tmp_path, p={"kind": "openai", "url": "http://127.0.0.1:1", "tries_max": 1}
    ) as connector:
        with pytest.raises(Transient, match="provider p is away"):
            await generated(connector)


async def test_another_try_is_made_before_the_first_token_and_none_after_it(tmp_path):
    tries = []

    async def script(answer):
        tries.append(answer)
        if len(tries) == 1:
            await answers(503)(answer)
        else:
            await openai_says(answer, "a")

    _, parts = await asked(tmp_path, None, script)
    assert (text_of(parts), len(tries)) == ("a", 2)
    counted = Counted(sends(data(chunk("a"))))
    with pytest.raises(Transient):
        await asked(tmp_path, None, counted)
    assert counted.calls == 1


class Counted:
    """A script that counts how often it ran."""

    def __init__(self, script):
        self.script, self.calls = script, 0

    async def __call__(self, answer):
        self.calls += 1
        await self.script(answer)


@pytest.mark.parametrize("as_date", [False, True])
async def test_who_asks_to_be_left_alone_is(tmp_path, as_date):
    told = email.utils.formatdate(time.time() + 3_000, usegmt=True) if as_date else "3000"
    script = Counted(answers(429, retry_after=told))
    async with (
        serving(script) as (_, url),
        providers(tmp_path, p={"kind": "openai", "url": url}) as connector,
    ):
        for _ in range(5):
            with pytest.raises(Transient) as raised:
                await generated(connector)
            assert 2_000 < raised.value.retry_after_s <= 3_000
    assert script.calls == 1


@pytest.mark.parametrize("told", ["soon", "", "-3", "9" * 40, "nan", "Tue, 99 Xxx"])
async def test_a_retry_after_that_says_nothing_is_none(tmp_path, told):
    with pytest.raises(Transient) as raised:
        await asked(tmp_path, None, answers(429, retry_after=told), tries_max=1)
    assert raised.value.retry_after_s is None


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:80"])
async def test_an_address_without_scheme_is_refused_at_once(tmp_path, url):
    with pytest.raises(BadSetting, match="p: url must begin"):
        async with providers(tmp_path, p={"kind": "openai", "url": url}):
            pass


async def test_usage_behind_the_end_is_waited_for(tmp_path):
    script = sends(data(chunk("a", "length")), data(USAGE), b"data: [DONE]\n\n")
    _, parts = await asked(tmp_path, None, script)
    assert (parts[-1].finish_reason, parts[-1].usage.prompt_tokens) == ("length", 11)
