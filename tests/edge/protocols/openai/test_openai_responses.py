"""Responses, by OpenAI's own client, unmodified, with a gateway on a port."""

from __future__ import annotations

import json

import openai
import pytest
from msgspec.structs import replace

from schemas import ToolCall
from tests.edge.fake_log import Answers, a_citation, a_key, an_entry
from tests.edge.http_client import answers_with, rejected
from tests.edge.protocols.openai.asking import LOOKUP, QUESTION, asked, respond, streamed, words

SCHEMA = {"type": "object", "properties": {"due": {"type": "boolean"}}, "required": ["due"]}
AS_JSON = {"format": {"type": "json_schema", "name": "due", "schema": SCHEMA, "strict": True}}
REQUIRED = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model",
    "previous_response_id", "instructions", "output", "error", "tools", "tool_choice",
    "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty",
    "frequency_penalty", "top_logprobs", "temperature", "reasoning", "user", "usage",
    "max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata",
    "safety_identifier", "prompt_cache_key",
}  # fmt: skip
"""What the Open Responses specification wants in a response, of 2026-04-24."""


# ---------------------------------------------------------------------- answers


async def test_a_question_is_answered_with_annotations_and_usage(client, gateway, log):
    log.answer = answers_with("VAT is due.", " Always.", citations=(a_citation(),))
    response = await respond(client, max_output_tokens=99, metadata={"ticket": "7"})
    [question] = asked(log)
    assert response.id == f"resp_{question.meta.request}"
    assert (response.status, response.output_text) == ("completed", "VAT is due. Always.")
    [annotation] = response.output[0].content[0].annotations
    assert (annotation.type, annotation.file_id, annotation.filename) == (
        "file_citation",
        "d-1",
        "VAT",
    )
    assert (annotation.start_index, annotation.end_index) == (0, len("VAT is due."))
    assert (response.usage.input_tokens, response.usage.output_tokens) == (7, 3)
    assert (response.metadata, response.max_output_tokens) == ({"ticket": "7"}, 99)
    assert set(response.to_dict()) >= REQUIRED
    assert question.ask.max_tokens == 99
    assert words(gateway, question) == QUESTION


async def test_a_page_of_the_web_is_cited_by_its_address(client, log):
    cited = replace(a_citation(), uri="https://acme.test/vat", quote="said otherwise")
    log.answer = answers_with("VAT is due.", citations=(cited,))
    [annotation] = (await respond(client)).output[0].content[0].annotations
    assert (annotation.type, annotation.url, annotation.title) == (
        "url_citation",
        "https://acme.test/vat",
        "VAT",
    )
    assert (annotation.start_index, annotation.end_index) == (0, len("VAT is due."))


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": "Is VAT\ndue?"}],
        [{"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Is VAT"}, {"type": "input_text", "text": "due?"}]}],
        [{"role": "developer", "content": "Be a pirate."},
         {"type": "reasoning", "id": "rs_1", "summary": []},
         {"role": "user", "content": "Is VAT\ndue?"}],
    ],
)  # fmt: skip
async def test_an_input_is_read_item_by_item(client, gateway, log, given):
    log.answer = answers_with("x")
    await respond(client, given)
    assert words(gateway, asked(log)[0]) == "Is VAT\ndue?"


async def test_what_changes_nothing_is_named(client, log):
    log.answer = answers_with("x")
    response = await respond(
        client,
        [{"role": "system", "content": "whatever"}, {"role": "user", "content": QUESTION}],
        instructions="Be a pirate.",
        temperature=0.5,
        truncation="auto",
        text={"verbosity": "low"},
    )
    assert response.playhead["ignored"] == [
        "instructions",
        "temperature",
        "truncation",
        "text.verbosity",
        "input[system]",
    ]
    assert (response.instructions, response.temperature) == ("Be a pirate.", 0.5)


# ---------------------------------------------------------------------- streams


async def test_a_stream_is_the_documented_events_and_ends_with_the_whole(client, log):
    log.answer = answers_with("VAT ", "is due.", citations=(a_citation(),))
    events = await streamed(client)
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.annotation.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == events[-1].response.output_text == "VAT is due."
    assert events[0].response.status == "in_progress"
    assert {event.item_id for event in events[3:9]} == {events[-1].response.output[0].id}
    whole = (await client.responses.retrieve(events[-1].response.id)).to_dict()
    assert whole["output"] == events[-1].response.to_dict()["output"]


async def test_a_stream_names_its_events_and_ends_with_done(call, log):
    log.answer = answers_with("x")
    body = {"model": "playhead", "input": QUESTION, "stream": True}
    response = await call("POST", "/v1/responses", body)
    assert response.text.startswith("event: response.created\ndata: {")
    assert response.text.endswith("\n\ndata: [DONE]\n\n")


async def test_the_clients_own_stream_helper_puts_the_events_together(client, log):
    log.answer = answers_with("VAT ", "is due.")
    async with client.responses.stream(model="playhead", input=QUESTION) as stream:
        async for _ in stream:
            pass
        response = await stream.get_final_response()
    assert response.output_text == "VAT is due."


def retracting(event):
    answers = Answers(event)
    return [answers.tokens("bad", 0), answers.retracted("not allowed", 0)]


async def test_a_retracted_answer_is_incomplete_and_a_refusal(client, log):
    log.answer = retracting
    for response in (await respond(client), (await streamed(client))[-1].response):
        assert response.status == "incomplete"
        assert response.incomplete_details.reason == "content_filter"
        [part] = response.output[0].content
        assert (part.type, part.refusal, response.output_text) == ("refusal", "not allowed", "")
    assert (await client.responses.retrieve(response.id)).status == "incomplete"


async def test_an_answer_that_was_cut_is_incomplete(client, log):
    def cut(event):
        [*text, released] = Answers(event).whole("VAT is")
        return [*text, replace(released, answer=replace(released.answer, finish_reason="length"))]

    log.answer = cut
    response = await respond(client)
    assert (response.status, response.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )
    assert (await streamed(client))[-1].type == "response.incomplete"


async def test_an_answer_that_starts_over_with_other_words_fails(client, log):
    def restarting(event):
        answers = Answers(event)
        again = answers.tokens("No VAT.", 5, restart=True)
        return [answers.tokens("VAT is", 0), again, answers.released("No VAT.", 9)]

    log.answer = restarting
    last = (await streamed(client))[-1]
    assert (last.type, last.response.status) == ("response.failed", "failed")
    assert last.response.playhead["error"] == "answer-replaced"
    assert (await client.responses.retrieve(last.response.id)).output_text == "No VAT."


async def test_a_question_that_failed_is_an_error_and_a_failed_response(client, log):
    log.answer = lambda event: [rejected(event)]
    with pytest.raises(openai.InternalServerError) as caught:
        await respond(client)
    assert caught.value.code == "step_failed"
    last = (await streamed(client))[-1]
    assert (last.type, last.response.error.code) == ("response.failed", "server_error")
    again = await client.responses.retrieve(last.response.id)
    assert (again.status, again.error.code) == ("failed", "server_error")


# ---------------------------------------------------------------------- JSON


async def test_json_is_answered_or_an_error_and_never_prose(client, log):
    log.answer = answers_with('{"due":', " true}")
    response = await respond(client, text=AS_JSON)
    assert json.loads(response.output_text) == {"due": True}
    assert json.loads(asked(log)[0].ask.response_schema) == SCHEMA
    assert response.text.format.to_dict() == {"description": None, **AS_JSON["format"]}
    log.answer = answers_with("It is due.")
    with pytest.raises(openai.InternalServerError) as caught:
        await respond(client, text=AS_JSON)
    assert caught.value.code == "no_json"
    events = await streamed(client, text=AS_JSON)
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.failed",
    ]
    assert (await client.responses.retrieve(events[-1].response.id)).status == "failed"


# ---------------------------------------------------------------------- going on


async def test_who_names_the_response_before_goes_on_in_its_session(client, log):
    log.answer = answers_with("VAT is due.")
    first = await respond(client)
    second = await respond(client, "And when?", previous_response_id=first.id)
    one, other = asked(log)
    assert one.meta.session == other.meta.session
    assert second.previous_response_id == first.id
    assert second.playhead["history"] == "known"


async def test_who_sends_the_output_back_goes_on_in_its_session(client, log):
    log.answer = answers_with("VAT is due.")
    first = await respond(client)
    given = [
        {"role": "user", "content": QUESTION},
        *(item.to_dict() for item in first.output),
        {"role": "user", "content": "And when?"},
    ]
    second = await respond(client, given)
    assert second.playhead["history"] == "known"
    assert len({question.meta.session for question in asked(log)}) == 1
    chat = await client.chat.completions.create(
        model="playhead",
        messages=[
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": "VAT is due."},
            {"role": "user", "content": "And where?"},
        ],
    )
    assert chat.playhead["history"] == "known"


@pytest.mark.parametrize("whose", ["another user", "another tenant", "nobody", "store"])
async def test_nobody_goes_on_from_or_reads_what_is_not_theirs_to_read(client, gateway, log, whose):
    log.answer = answers_with("x")
    made = await respond(client, store=whose != "store")
    key = a_key(gateway, "globex" if whose == "another tenant" else "acme")
    other = client if whose in ("nobody", "store") else client.with_options(api_key=key)
    name = "resp_0" if whose == "nobody" else made.id
    with pytest.raises(openai.NotFoundError) as caught:
        await respond(other, previous_response_id=name)
    assert (caught.value.code, caught.value.param) == (
        "previous_response_not_found",
        "previous_response_id",
    )
    with pytest.raises(openai.NotFoundError):
        await other.responses.retrieve(name)
    with pytest.raises(openai.NotFoundError):
        await other.responses.input_items.list(name)
    assert len(asked(log)) == 1


async def test_what_was_asked_is_listed_and_lies_sealed(client, gateway, log):
    log.answer = answers_with("x")
    given = [
        {"role": "user", "content": "Who is Jane Doe?"},
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": QUESTION},
    ]
    made = await respond(client, given)
    listed = await client.responses.input_items.list(made.id, order="asc", limit=2)
    assert [item.role for item in listed.data] == ["user", "assistant"]
    assert listed.data[0].content[0].text == "Who is Jane Doe?"
    assert listed.has_more
    behind = await client.responses.input_items.list(made.id, order="asc", after=listed.last_id)
    assert [item.content[0].text for item in behind.data] == [QUESTION]
    newest = await client.responses.input_items.list(made.id)
    assert newest.data[0].content[0].text == QUESTION
    [question] = asked(log)
    assert b"Jane" not in question.particulars.ciphertext
    assert question.particulars.key == question.text.key


async def test_what_was_asked_by_somebody_erased_is_gone(client, gateway, log):
    log.answer = answers_with("x")
    made = await respond(client)
    gateway.keyring.destroy("acme", asked(log)[0].text.key)
    with pytest.raises(openai.APIStatusError) as caught:
        await client.responses.retrieve(made.id)
    assert (caught.value.status_code, caught.value.code) == (410, "erased")


async def test_a_chat_is_read_again_as_a_response(client, log):
    log.answer = answers_with("VAT is due.")
    chat = await client.chat.completions.create(
        model="playhead", messages=[{"role": "user", "content": QUESTION}]
    )
    response = await client.responses.retrieve(chat.id)
    assert response.output_text == "VAT is due."
    listed = await client.responses.input_items.list(chat.id)
    assert listed.data[0].content[0].text == QUESTION


async def test_what_is_not_there_yet_is_in_progress(client, log):
    log.answer = lambda event: [Answers(event).tokens("VAT ", 0)]
    stream = await respond(client, stream=True)
    async for event in stream:
        if event.type == "response.output_text.delta":
            break
    response = await client.responses.retrieve(f"resp_{asked(log)[0].meta.request}")
    assert (response.status, response.output_text, response.usage) == ("in_progress", "VAT ", None)
    await stream.close()


async def test_a_response_is_not_deleted_nor_cancelled_and_says_why(client, log):
    log.answer = answers_with("x")
    made = await respond(client)
    with pytest.raises(openai.APIStatusError) as caught:
        await client.responses.delete(made.id)
    assert (caught.value.status_code, caught.value.code) == (405, "not_deletable")
    assert "playhead erase" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.cancel(made.id)
    assert caught.value.code == "not_cancellable"
    with pytest.raises(openai.NotFoundError):
        await client.responses.delete("resp_0")
    assert (await client.responses.retrieve(made.id)).id == made.id


# ---------------------------------------------------------------------- the client's own tools


def asks_for(keyring, **arguments):
    def answer(event):
        entry = an_entry(keyring, "acme", "<PERSON_1>", "PERSON", 'Jane "JD" Doe')
        call = ToolCall(id="c1", name="lookup", arguments=json.dumps(arguments))
        released = Answers(event).released("", 0, entries=(entry,))
        given = replace(released.answer, finish_reason="tool_calls", tool_calls=(call,))
        return [replace(released, answer=given)]

    return answer


async def test_a_tool_is_asked_for_and_its_result_goes_on_from_the_response(client, gateway, log):
    log.answer = asks_for(gateway.keyring, country="DE", who="<PERSON_1>")
    first = await respond(client, tools=[LOOKUP], tool_choice="required")
    [call] = first.output
    assert (call.type, call.call_id, call.name) == ("function_call", "c1", "lookup")
    assert json.loads(call.arguments) == {"country": "DE", "who": 'Jane "JD" Doe'}
    assert (first.tools[0].name, first.tool_choice) == ("lookup", "required")
    log.answer = answers_with("VAT is 19 percent.")
    result = {"type": "function_call_output", "call_id": "c1", "output": "19 percent"}
    for given in ([result], [call.to_dict(), result]):
        second = await respond(client, given, previous_response_id=first.id, tools=[LOOKUP])
        assert second.output_text == "VAT is 19 percent."
        question = asked(log)[-1]
        assert question.meta.session == asked(log)[0].meta.session
        assert words(gateway, question) == QUESTION
        [exchange] = json.loads(gateway.keyring.unseal("acme", question.exchanges))
        assert (exchange["id"], exchange["name"], exchange["result"]) == (
            "c1",
            "lookup",
            "19 percent",
        )
    whole = [{"role": "user", "content": QUESTION}, call.to_dict(), result]
    third = await respond(client, whole, tools=[LOOKUP])
    assert third.playhead["history"] == "known"


async def test_a_stream_asks_for_tools_in_events_of_their_own(client, gateway, log):
    log.answer = asks_for(gateway.keyring, country="DE")
    events = await streamed(client, tools=[LOOKUP])
    assert [event.type for event in events[2:]] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[2].item.arguments == ""
    assert events[3].delta == events[4].arguments == events[5].item.arguments
