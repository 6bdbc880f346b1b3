"""OpenAI's own client, unmodified, with a gateway on a port."""

from __future__ import annotations

import asyncio
import json

import msgspec
import openai
import pytest
from msgspec.structs import replace

from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from schemas import QuestionAsked, ToolCall
from tests.edge.conftest import address_of
from tests.edge.fake_log import Answers, a_citation, a_key, an_entry
from tests.edge.http_client import HttpClient, answers_with, rejected

VAT = [{"role": "user", "content": "Is VAT due?"}]
SCHEMA = {"type": "object", "properties": {"due": {"type": "boolean"}}, "required": ["due"]}
BROKEN = {"type": "json_schema", "json_schema": {"name": "due", "schema": {"type": "banana"}}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://acme.test/a.png"}}
AS_JSON = {"type": "json_schema", "json_schema": {"name": "due", "schema": SCHEMA}}


LOOKUP = {
    "type": "function",
    "function": {
        "name": "lookup",
        "description": "Looks a rate up.",
        "parameters": {"type": "object", "properties": {"country": {"type": "string"}}},
        "strict": True,
    },
}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "19 percent"}


def chat(client, messages=VAT, **more):
    return client.chat.completions.create(model="playhead", messages=messages, **more)


async def streamed(client, messages=VAT, **more):
    return [chunk async for chunk in await chat(client, messages, stream=True, **more)]


async def until(is_so):
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def read_into(chunks, stream):
    async for chunk in stream:
        chunks.append(chunk)


def text_of(chunks):
    return "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)


def asked(log):
    return log.published(QuestionAsked)


# ---------------------------------------------------------------------- models


async def test_the_models_are_the_platform_and_its_routes(client):
    listed = [model.id async for model in client.models.list()]
    assert listed == ["playhead", "chat"]
    assert (await client.models.retrieve("chat")).owned_by == "playhead"
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("gpt-4o")
    assert caught.value.code == "model_not_found"


async def test_a_gateway_without_an_embedder_says_so(client):
    with pytest.raises(openai.InternalServerError) as caught:
        await client.embeddings.create(model="playhead", input="a")
    assert caught.value.code == "no_embedder"


# ---------------------------------------------------------------------- answers


async def test_a_chat_is_answered_with_citations_and_usage(client, gateway, log):
    log.answer = answers_with("VAT ", "is due.", citations=(a_citation(),))
    answer = await chat(client, max_completion_tokens=99)
    [question] = asked(log)
    [choice] = answer.choices
    assert answer.id == f"chatcmpl-{question.meta.request}"
    assert (choice.message.content, choice.finish_reason) == ("VAT is due.", "stop")
    assert choice.message.citations[0]["quote"] == "VAT is due."
    cited = choice.message.annotations[0].url_citation
    assert (cited.url, cited.start_index, cited.end_index) == ("file:vat", 0, len("VAT is due."))
    assert answer.usage.to_dict() == {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "total_tokens": 10,
    }
    assert gateway.keyring.unseal("acme", question.text) == b"Is VAT due?"
    assert question.ask.max_tokens == 99


async def test_parts_of_a_message_are_its_lines(client, gateway, log):
    log.answer = answers_with("x")
    parts = [{"type": "text", "text": "Is VAT"}, {"type": "text", "text": "due?"}]
    await chat(client, [{"role": "user", "content": parts}])
    assert gateway.keyring.unseal("acme", asked(log)[0].text) == b"Is VAT\ndue?"


async def test_what_changes_nothing_is_named(client, log):
    log.answer = answers_with("x")
    messages = [{"role": "system", "content": "Be a pirate."}, *VAT]
    answer = await chat(client, messages, temperature=0.7, seed=4, user="jane")
    assert answer.playhead["ignored"] == ["temperature", "seed", "user", "messages[system]"]
    assert answer.playhead["history"] == "none"


async def test_a_stream_adds_up_to_the_answer(client, log):
    log.answer = answers_with("VAT ", "is due.", citations=(a_citation(),))
    chunks = await streamed(client, stream_options={"include_usage": True})
    assert text_of(chunks) == "VAT is due."
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 10
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].choices[0].delta.citations[0]["document_id"] == "d-1"
    assert {chunk.id for chunk in chunks} == {f"chatcmpl-{asked(log)[0].meta.request}"}
    assert all("usage" in chunk.model_fields_set for chunk in chunks)
    assert not any("usage" in chunk.model_fields_set for chunk in await streamed(client))


async def test_a_stream_ends_with_done(call, log):
    log.answer = answers_with("x")
    body = {"model": "playhead", "messages": VAT, "stream": True}
    response = await call("POST", "/v1/chat/completions", body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("\n\ndata: [DONE]\n\n")


async def test_a_repeat_with_a_key_is_the_same_answer(client, log):
    log.answer = answers_with("x")
    headers = {"Idempotency-Key": "k-1"}
    first, second = [await chat(client, extra_headers=headers) for _ in range(2)]
    assert first == second
    assert len(asked(log)) == 1
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        await chat(client, extra_headers=headers, max_tokens=9)
    assert caught.value.code == "idempotency_key_reused"


# ---------------------------------------------------------------------- histories


async def test_who_sends_the_history_goes_on_in_its_session(client, log):
    log.answer = answers_with(" VAT is due. ")
    first = await chat(client)
    messages = [
        {"role": "system", "content": "whatever"},
        *VAT,
        {"role": "assistant", "content": first.choices[0].message.content.strip()},
        {"role": "user", "content": "And when?"},
    ]
    chunks = await streamed(client, messages)
    said = [*messages, {"role": "assistant", "content": text_of(chunks)}]
    third = await chat(client, [*said, {"role": "user", "content": "Where?"}])
    assert len({question.meta.session for question in asked(log)}) == 1
    assert chunks[-1].playhead["history"] == third.playhead["history"] == "known"


async def test_equal_beginnings_are_conversations_of_their_own(client, log):
    log.answer = answers_with("x")
    for _ in range(2):
        await chat(client)
    assert len({question.meta.session for question in asked(log)}) == 2


async def test_a_history_that_the_log_does_not_know_is_said_to_be_unknown(client, log):
    log.answer = answers_with("x")
    messages = [*VAT, {"role": "assistant", "content": "Made up."}, *VAT]
    answer = await chat(client, messages)
    assert answer.playhead["history"] == "unknown"
    more = [*messages, {"role": "assistant", "content": "x"}, *VAT]
    assert (await chat(client, more)).playhead["history"] == "partial"
    assert len({question.meta.session for question in asked(log)}) == 1


async def test_a_history_is_its_users_own(client, gateway, served, log):
    log.answer = answers_with("x")
    await chat(client)
    other = client.with_options(api_key=a_key(gateway))
    history = [*VAT, {"role": "assistant", "content": "x"}, *VAT]
    assert (await chat(other, history)).playhead["history"] == "unknown"
    assert (await chat(client, history)).playhead["history"] == "known"


async def test_a_session_may_be_named(client, log):
    log.answer = answers_with("x")
    answer = await chat(client, metadata={"session_id": "s-7"})
    assert asked(log)[0].meta.session == answer.playhead["session_id"] == "s-7"
    assert answer.playhead["history"] == "named"


# ---------------------------------------------------------------------- where an answer ends


@pytest.mark.parametrize("stop", ["is", ["never", "is", "due"]])
async def test_an_answer_ends_for_a_client_where_it_says_so(client, log, stop):
    log.answer = answers_with("VAT i", "s due.")
    [choice] = (await chat(client, stop=stop)).choices
    assert (choice.message.content, choice.finish_reason) == ("VAT ", "stop")
    chunks = await streamed(client, stop=stop)
    assert text_of(chunks) == "VAT "
    said = [*VAT, {"role": "assistant", "content": text_of(chunks)}, *VAT]
    assert (await chat(client, said)).playhead["history"] == "known"


# ---------------------------------------------------------------------- JSON


async def test_json_is_answered_where_it_is_asked_for(client, log):
    log.answer = answers_with('{"due":', " true}")
    answer = await chat(client, response_format=AS_JSON)
    assert json.loads(answer.choices[0].message.content) == {"due": True}
    assert json.loads(asked(log)[0].ask.response_schema) == SCHEMA
    await chat(client, response_format={"type": "json_object"})
    assert json.loads(asked(log)[1].ask.response_schema) == {"type": "object"}
    assert text_of(await streamed(client, response_format=AS_JSON)) == '{"due": true}'


@pytest.mark.parametrize("text", ["It is due.", '{"due": 1}'])
async def test_what_is_no_json_of_the_schema_is_an_error_and_no_word_of_it_is_sent(
    client, log, text
):
    log.answer = answers_with(text)
    with pytest.raises(openai.InternalServerError) as caught:
        await chat(client, response_format=AS_JSON)
    assert caught.value.code == "no_json"
    seen = []
    with pytest.raises(openai.APIError):
        await read_into(seen, await chat(client, response_format=AS_JSON, stream=True))
    assert len(seen) == 1
    assert text_of(seen) == ""


async def test_a_restored_value_that_breaks_the_json_is_an_error(client, gateway, served, log):
    entry = an_entry(gateway.keyring, "acme", "<PERSON_1>", "PERSON", 'Jane "J" Doe')
    log.answer = answers_with('{"name": "<PERSON_1>"}', entries=(entry,))
    key = a_key(gateway, scopes=["read", "restore"])
    with pytest.raises(openai.InternalServerError):
        await chat(client.with_options(api_key=key), response_format={"type": "json_object"})


# ---------------------------------------------------------------------- what can't be taken back


def restarting(*texts):
    """An answer that starts over with other stretches."""

    def answer(event):
        answers = Answers(event)
        again = [answers.tokens(text, 5 + n, restart=not n) for n, text in enumerate(texts)]
        return [answers.tokens("VAT is", 0), *again, answers.released("".join(texts), 9)]

    return answer


async def test_an_answer_that_starts_over_with_the_same_words_goes_on(client, log):
    log.answer = restarting("VAT", " is due.")
    assert text_of(await streamed(client)) == "VAT is due."


@pytest.mark.parametrize("texts", [("No", " VAT."), ("VAT",)])
async def test_an_answer_that_starts_over_with_other_words_is_an_error(client, log, texts):
    log.answer = restarting(*texts)
    with pytest.raises(openai.APIError) as caught:
        await streamed(client)
    assert caught.value.code == "answer_replaced"
    assert (await chat(client)).choices[0].message.content == "".join(texts)


def retracting(event):
    answers = Answers(event)
    return [answers.tokens("bad", 0), answers.retracted("not allowed", 0)]


async def test_a_retracted_answer_is_a_refusal(client, log):
    log.answer = retracting
    [choice] = (await chat(client)).choices
    assert (choice.message.content, choice.message.refusal) == (None, "not allowed")
    assert choice.finish_reason == "content_filter"
    chunks = await streamed(client)
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert chunks[-1].choices[0].delta.refusal == "not allowed"
    for content in ("bad", None):
        again = [*VAT, {"role": "assistant", "content": content}, *VAT]
        assert (await chat(client, again)).playhead["history"] == "unknown"


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": [LOOKUP, LOOKUP]}, "tools"),
        (
            {"tools": [LOOKUP], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"messages": [*VAT, CALLED]}, "messages"),
        ({"messages": [*VAT, RESULT]}, "messages"),
        ({"messages": [*VAT, CALLED, {**RESULT, "tool_call_id": "c2"}]}, "messages"),
        ({"messages": [*VAT, CALLED, RESULT, RESULT]}, "messages"),
        ({"messages": [*VAT, CALLED, RESULT, CALLED, RESULT]}, "messages"),
        ({"messages": [CALLED, RESULT]}, "messages"),
        ({"response_format": BROKEN}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"n": 2}, "n"),
        ({"stop": ["\n"], "response_format": AS_JSON}, "stop"),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, "messages"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "user", "content": None}]}, "messages"),
        ({"messages": [*VAT, {"role": "assistant", "content": "It"}]}, "messages"),
    ],
)
async def test_what_cannot_be_honoured_is_refused(client, log, more, param):
    with pytest.raises(openai.BadRequestError) as caught:
        await chat(client, **more)
    error = caught.value
    assert (error.code, error.param) == ("unsupported_parameter", param)
    assert error.type == "invalid_request_error"
    assert not asked(log)


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": 10**6},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "c"}]},
        {"messages": [{"role": "user", "content": [{"type": "poem", "poem": {}}]}]},
        {"stop": ["x"] * 5},
        {"stop": [""]},
        {"extra_body": {"temperature": "hot"}},
        {"extra_body": {"seed": "x"}},
        {"messages": [{"role": "user", "content": "x" * 30_000}]},
        {"metadata": {"session_id": "../../etc"}},
        {"response_format": {"type": "grammar"}},
        {"extra_body": {"model": ["playhead"]}},
    ],
)
async def test_what_is_no_chat_request_is_a_bad_request(client, log, more):
    with pytest.raises(openai.APIStatusError) as caught:
        await chat(client, **more)
    assert caught.value.status_code in (400, 413)
    assert caught.value.type == "invalid_request_error"
    assert not asked(log)


async def test_another_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="gpt-4o", messages=VAT)
    assert caught.value.code == "model_not_found"


async def test_a_wrong_key_and_one_without_the_scope_are_told_so(client, gateway):
    with pytest.raises(openai.AuthenticationError) as caught:
        await chat(client.with_options(api_key="nonsense"))
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError):
        await chat(client.with_options(api_key=a_key(gateway, scopes=["write"])))


@pytest.mark.parametrize("bounds", [Bounds(followed=Shares(9, 9, 0, 0))])
async def test_too_many_at_once_are_told_when_to_come_back(client):
    with pytest.raises(openai.RateLimitError) as caught:
        await chat(client)
    assert caught.value.response.headers["retry-after"]
    assert caught.value.response.headers["x-should-retry"] == "true"


async def test_a_question_that_failed_for_good_is_asked_once(client, log):
    log.answer = lambda event: [rejected(event)]
    patient = client.with_options(max_retries=2)
    with pytest.raises(openai.InternalServerError) as caught:
        await chat(patient)
    assert caught.value.code == "step_failed"
    assert len(asked(log)) == 1
    with pytest.raises(openai.APIError) as caught:
        await streamed(client)
    assert caught.value.code == "step_failed"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"n":' + b"[" * 5_000, b"\xff"])
async def test_a_body_that_is_no_json_object_is_a_bad_request(call, content):
    response = await call("POST", "/v1/chat/completions", content=content)
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code", "request_id"}


async def test_a_huge_body_and_a_wrong_method_are_told_in_openais_shape(call, app):
    response = await call("POST", "/v1/chat/completions", content=b" " * 2_000_000)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")
    assert (await call("GET", "/v1/chat/completions")).json()["error"]["code"]
    anonymous = await HttpClient(app, "")("GET", "/v1/models")
    assert anonymous.json()["error"]["code"] == "invalid_api_key"
    assert "error" not in (await call("GET", "/v1/chat-completions")).json()


async def test_a_client_that_leaves_gives_its_place_back(client, gateway, log):
    """The stream is cut in the middle; what it held is free again."""
    log.answer = lambda event: [Answers(event).tokens("VAT ", 0)]
    stream = await chat(client, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    await until(lambda: not gateway.dispatch.waiting)


# ---------------------------------------------------------------------- the client's own tools


def asks_for(keyring, **arguments):
    """An answer that asks for the client's tool, with a value that was redacted."""

    def answer(event):
        if not isinstance(event, QuestionAsked):
            return ()
        entry = an_entry(keyring, "acme", "<PERSON_1>", "PERSON", 'Jane "JD" Doe')
        call = ToolCall(id="c1", name="lookup", arguments=json.dumps(arguments))
        released = Answers(event).released("", 0, entries=(entry,))
        given = replace(released.answer, finish_reason="tool_calls", tool_calls=(call,))
        return [replace(released, answer=given)]

    return answer


async def test_the_tools_of_a_client_are_on_the_log_and_what_is_asked_of_them_comes_back(
    client, gateway, log
):
    log.answer = asks_for(gateway.keyring, country="DE", who="<PERSON_1>")
    answer = await chat(client, tools=[LOOKUP], tool_choice="required")
    [question] = asked(log)
    [offered] = json.loads(question.ask.tools)
    assert (offered["name"], offered["parameters"]) == ("lookup", LOOKUP["function"]["parameters"])
    assert (question.ask.tool_choice, question.exchanges) == ("required", None)
    [choice] = answer.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    [call] = choice.message.tool_calls
    assert (call.id, call.type, call.function.name) == ("c1", "function", "lookup")
    assert json.loads(call.function.arguments) == {
        "country": "DE",
        "who": 'Jane "JD" Doe',
    }


async def test_who_may_not_restore_gets_placeholders(served, gateway, log):
    key = a_key(gateway, scopes=("read",))
    async with openai.AsyncOpenAI(
        base_url=f"http://{address_of(served)}/v1", api_key=key, max_retries=0
    ) as client:
        log.answer = asks_for(gateway.keyring, who="<PERSON_1>")
        answer = await chat(client, tools=[LOOKUP])
    [call] = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"who": "<PERSON_1>"}


async def test_results_come_back_sealed_in_the_session_that_asked_for_them(client, gateway, log):
    log.answer = asks_for(gateway.keyring, country="DE")
    first = await chat(client, tools=[LOOKUP])
    log.answer = answers_with("VAT is 19 percent.")
    messages = [*VAT, first.choices[0].message.to_dict(), RESULT]
    second = await chat(client, messages, tools=[LOOKUP])
    one, other = asked(log)
    assert (one.meta.session, second.playhead["history"]) == (other.meta.session, "known")
    assert gateway.keyring.unseal("acme", other.text) == b"Is VAT due?"
    assert json.loads(gateway.keyring.unseal("acme", other.exchanges)) == [
        {"id": "c1", "name": "lookup", "arguments": '{"country": "DE"}', "result": "19 percent"}
    ]
    assert b"19 percent" not in msgspec.json.encode(other)
    assert second.choices[0].message.content == "VAT is 19 percent."
    third = [*messages, {"role": "assistant", "content": "VAT is 19 percent."}, *VAT]
    assert (await chat(client, third)).playhead["history"] == "known"


async def test_a_stream_asks_for_tools_in_a_chunk(client, gateway, log):
    log.answer = asks_for(gateway.keyring, country="DE")
    chunks = await streamed(client, tools=[LOOKUP])
    calls = [one for chunk in chunks for one in chunk.choices[0].delta.tool_calls or ()]
    [call] = calls
    assert (call.index, call.id, call.function.name) == (0, "c1", "lookup")
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert text_of(chunks) == ""


async def test_what_is_too_much_of_tools_is_refused(client):
    many = {**LOOKUP, "function": {"name": "f", "parameters": {"x": "y" * 40_000}}}
    with pytest.raises(openai.APIStatusError) as caught:
        await chat(client, tools=[many])
    assert caught.value.status_code == 413
    long = [*VAT, CALLED, {**RESULT, "content": "x" * 70_000}]
    with pytest.raises(openai.APIStatusError) as caught:
        await chat(client, long)
    assert caught.value.status_code == 413
