"""OpenAI's own client and a whole stack."""

import json

import numpy as np
import openai
import pytest

from replay.log import BrokerLog
from replay.one_request import events_of
from schemas import FeedbackGiven, QueryRewritten, QuestionRedacted, TokensGenerated

pytestmark = pytest.mark.stack

QUESTION = {"role": "user", "content": "How long may a torque wrench be borrowed?"}
FOLLOW_UP = {"role": "user", "content": "What does it cost to return it late?"}


@pytest.fixture
def client(running, workshop):
    with openai.OpenAI(
        base_url=f"{running.settings.gateway}/v1", api_key=running.key(workshop), max_retries=0
    ) as client:
        yield client


def of_request(running, request, kind):
    log = BrokerLog(running.settings)
    try:
        return [event for event in events_of(log, request) if isinstance(event, kind)]
    finally:
        log.close()


def test_a_conversation_goes_on_in_its_session_and_is_judged(running, workshop, client):
    first = client.chat.completions.create(model="playhead", messages=[QUESTION])
    [choice] = first.choices
    assert "three days" in choice.message.content
    assert choice.message.citations[0]["uri"] == "handbook.md"
    said = [QUESTION, {"role": "assistant", "content": choice.message.content}, FOLLOW_UP]
    chunks = list(
        client.chat.completions.create(
            model="playhead", messages=said, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "two euros" in text
    told = chunks[-2].playhead
    assert (told["history"], told["session_id"]) == ("known", first.playhead["session_id"])
    [rewritten] = of_request(running, told["request_id"], QueryRewritten)
    assert "torque wrench" in rewritten.query
    with running.client(workshop) as http:
        body = {"request_id": first.id, "rating": 1, "comment": "Beatriz Almeida agrees."}
        given = http.post("/v1/feedback", json=body)
    assert given.status_code == 202
    [feedback] = of_request(running, given.json()["request_id"], FeedbackGiven)
    assert feedback.about == first.playhead["request_id"]
    assert b"Beatriz" not in feedback.comment.ciphertext


def test_a_response_goes_on_from_another_and_is_read_again(running, workshop, client):
    first = client.responses.create(
        model="playhead", input=QUESTION["content"], metadata={"ticket": "7"}
    )
    assert "three days" in first.output_text
    assert first.output[0].content[0].annotations[0].filename
    *_, last = client.responses.create(
        model="playhead",
        input=FOLLOW_UP["content"],
        previous_response_id=first.id,
        stream=True,
    )
    assert last.type == "response.completed"
    assert "two euros" in last.response.output_text
    [rewritten] = of_request(running, last.response.playhead["request_id"], QueryRewritten)
    assert "torque wrench" in rewritten.query
    again = client.responses.retrieve(first.id)
    assert (again.output, again.metadata) == (first.output, {"ticket": "7"})
    [item] = client.responses.input_items.list(last.response.id).data
    assert item.content[0].text == FOLLOW_UP["content"]


def test_texts_are_embedded_and_too_long_a_one_is_refused(client):
    given = ["a torque wrench", "a wrench for torque", "value added tax"]
    answer = client.embeddings.create(model="playhead", input=given)
    one, near, far = [np.array(each.embedding) for each in answer.data]
    assert one @ one == pytest.approx(1)
    assert one @ near > one @ far
    assert answer.usage.prompt_tokens > 0
    with pytest.raises(openai.BadRequestError, match=r"input\[1\] is longer"):
        client.embeddings.create(model="playhead", input=["a", "long " * 600])


def object_or_error(client, schema):
    wanted = {"type": "json_schema", "json_schema": {"name": "loan", "schema": schema}}
    try:
        answer = client.chat.completions.create(
            model="playhead", messages=[QUESTION], response_format=wanted, max_tokens=60
        )
    except openai.InternalServerError as error:
        return {error.code: ""}
    return json.loads(answer.choices[0].message.content)


def test_json_is_answered_or_an_error(client):
    schema = {
        "type": "object",
        "properties": {"days": {"type": "string", "maxLength": 20}},
        "required": ["days"],
        "additionalProperties": False,
    }
    [name] = object_or_error(client, schema)
    assert name in ("days", "step_failed", "deadline_passed")


def test_arithmetic_is_worked_out_on_the_log(running, client):
    question = {"role": "user", "content": "How much is 12 * 49.90 + 3?"}
    answer = client.chat.completions.create(model="playhead", messages=[question])
    assert answer.choices[0].message.content == "12 * 49.90 + 3 is 601.8."
    assert answer.playhead["finish_reason"] == "calculated"
    [generated] = of_request(running, answer.playhead["request_id"], TokensGenerated)
    assert [one.kind for one in generated.meta.effects] == ["Begin", "Calculate"]


LOAN = {
    "type": "function",
    "function": {
        "name": "loan_status",
        "description": "Says whether a tool of the workshop is lent out.",
        "parameters": {
            "type": "object",
            "properties": {"tool": {"type": "string", "maxLength": 40}},
            "required": ["tool"],
        },
    },
}


def test_a_tool_of_the_client_is_asked_for_and_its_result_answered_from(running, client):
    question = {"role": "user", "content": "Is the torque wrench of Beatriz Almeida lent out?"}
    first = client.chat.completions.create(
        model="playhead", messages=[question], tools=[LOAN], tool_choice="required"
    )
    [choice] = first.choices
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls
    assert call.function.name == "loan_status"
    assert set(json.loads(call.function.arguments)) == {"tool"}
    result = "The torque wrench of Beatriz Almeida is lent out until Friday."
    said = [
        question,
        choice.message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": result},
    ]
    second = client.chat.completions.create(
        model="playhead", messages=said, tools=[LOAN], tool_choice="none"
    )
    assert result in second.choices[0].message.content
    assert (second.playhead["history"], second.playhead["session_id"]) == (
        "known",
        first.playhead["session_id"],
    )
    [redacted] = of_request(running, second.playhead["request_id"], QuestionRedacted)
    assert "Beatriz" not in redacted.exchanges[0].result
    [generated] = of_request(running, second.playhead["request_id"], TokensGenerated)
    assert generated.answer.citations[0].document == "tool/loan_status"
