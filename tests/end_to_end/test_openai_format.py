"""OpenAI's own client and a whole stack."""

import json

import openai
import pytest

from replay.log import BrokerLog
from replay.one_request import events_of
from schemas import FeedbackGiven, QueryRewritten

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
