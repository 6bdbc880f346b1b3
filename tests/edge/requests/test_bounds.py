"""Each list, number and depth of a request at its bound and one beyond, by every way in.

Over HTTP and WebSocket a client is told in words, never with 500; the inbox writes a dead letter.
What is at all bounds at once still fits the log.
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace

import pytest
from confluent_kafka import Message
from msgspec import structs

from connectors.keyring import Keyring
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import Problem
from edge.protocols.contents import validated
from edge.protocols.http.bodies import DocumentBody, MessageBody, SearchBody
from edge.protocols.websocket.client_frames import MessageFrame, ResumeFrame
from edge.requests import limits
from edge.requests.building import RequestBuilder, response_schema_text
from edge.requests.inbox import Inbox
from edge.requests.validity import Refused, check_depth
from schemas import Ask, EventRejected, InboxDocument, InboxQuestion, QuestionAsked
from streams.log.configuration import load
from streams.log.writing import Position, RecordTooLarge, check_size
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.fake_log import a_key
from tests.edge.http_client import DOCUMENT, answers_with, is_problem
from tests.fakes import a_codec

CODEC = a_codec()
WIDE = "\U0001f600"  # four bytes
KEYS = [f"{number:02}" + "k" * (limits.METADATA_KEY_MAX - 2) for number in range(99)]


def labels(count, key=limits.METADATA_KEY_MAX, value=limits.METADATA_VALUE_MAX, letter="v"):
    return {name[:2].ljust(key, "k"): letter * value for name in KEYS[:count]}


def deep(levels):
    """Objects within each other: as many levels as said, the outermost among them."""
    content = {}
    for _ in range(levels - 1):
        content = {"properties": content}
    return content


def a_schema(size):
    """A schema whose text has a size."""
    empty = len(response_schema_text({"title": ""}))
    return {"title": "x" * (size - empty)}


QUESTION = {"text": "x"}
BY_BODY = [
    # model, field, what is at the bound, what is beyond it, what the problem says of it
    (MessageBody, "text", "x" * limits.QUESTION_MAX, "x" * (limits.QUESTION_MAX + 1), "20000"),
    (MessageBody, "session_id", "s" * limits.SESSION_MAX, "s" * (limits.SESSION_MAX + 1), "128"),
    (MessageBody, "max_tokens", limits.ANSWER_TOKENS_MAX, limits.ANSWER_TOKENS_MAX + 1, "4096"),
    (MessageBody, "budget_ms", limits.BUDGET_MS[1], limits.BUDGET_MS[1] + 1, "600000"),
    # the body is the outermost level
    (
        MessageBody,
        "response_schema",
        deep(limits.JSON_DEPTH_MAX - 1),
        deep(limits.JSON_DEPTH_MAX),
        "32 deep",
    ),
    (SearchBody, "k", limits.PASSAGES_MAX, limits.PASSAGES_MAX + 1, "100"),
    (SearchBody, "as_of", limits.INT64_MAX, limits.INT64_MAX + 1, "9223372036854775807"),
    (SearchBody, "filters", labels(limits.FILTERS_MAX), labels(limits.FILTERS_MAX + 1), "16"),
    (SearchBody, "filters", labels(1), labels(1, key=limits.METADATA_KEY_MAX + 1), "64"),
    (SearchBody, "filters", labels(1), labels(1, value=limits.METADATA_VALUE_MAX + 1), "512"),
    (DocumentBody, "uri", "u" * limits.URI_MAX, "u" * (limits.URI_MAX + 1), "2048"),
    (DocumentBody, "title", "t" * limits.TITLE_MAX, "t" * (limits.TITLE_MAX + 1), "1000"),
    (DocumentBody, "groups", ["g"] * limits.GROUPS_MAX, ["g"] * (limits.GROUPS_MAX + 1), "64"),
    (DocumentBody, "groups", ["g" * limits.GROUP_MAX], ["g" * (limits.GROUP_MAX + 1)], "128"),
    (DocumentBody, "metadata", labels(limits.METADATA_MAX), labels(limits.METADATA_MAX + 1), "64"),
    (DocumentBody, "metadata", labels(1), labels(1, key=limits.METADATA_KEY_MAX + 1), "64"),
    (DocumentBody, "metadata", labels(1), labels(1, value=limits.METADATA_VALUE_MAX + 1), "512"),
]
PATHS = {
    MessageBody: ("/v1/messages", QUESTION),
    SearchBody: ("/v1/search", QUESTION),
    DocumentBody: ("/v1/documents", DOCUMENT),
}


@pytest.mark.parametrize(("model", "name", "at", "beyond", "words"), BY_BODY)
async def test_a_body_is_taken_at_each_bound_and_refused_beyond_it(
    call, log, model, name, at, beyond, words
):
    path, body = PATHS[model]
    assert validated({**body, name: at}, model)
    problem = is_problem(await call("POST", path, {**body, name: beyond}), 422)
    assert words in problem["detail"]
    assert name in problem["detail"] or "deep" in words
    assert len(problem["detail"]) < 1_000
    assert not log.entries


@pytest.mark.parametrize(
    ("model", "name", "at", "beyond"),
    [
        (MessageFrame, "text", limits.QUESTION_MAX, limits.QUESTION_MAX + 1),
        (MessageFrame, "session_id", limits.SESSION_MAX, limits.SESSION_MAX + 1),
        (MessageFrame, "id", limits.FRAME_NAME_MAX, limits.FRAME_NAME_MAX + 1),
        (ResumeFrame, "request_id", limits.ID_MAX, limits.ID_MAX + 1),
        (ResumeFrame, "cursor", limits.CURSOR_MAX, limits.CURSOR_MAX + 1),
    ],
)
def test_a_frame_is_taken_at_each_bound_and_refused_beyond_it(model, name, at, beyond):
    frame = {"text": "x", "request_id": "r"}
    assert validated({**frame, name: "x" * at}, model)
    with pytest.raises(Problem, match=f"{name}.*{at}"):
        validated({**frame, name: "x" * beyond}, model)


def test_a_frame_is_no_deeper_than_a_body():
    validated({**QUESTION, "more": deep(limits.JSON_DEPTH_MAX - 1)}, MessageFrame)
    with pytest.raises(Problem, match="32 deep"):
        validated({**QUESTION, "more": deep(limits.JSON_DEPTH_MAX)}, MessageFrame)


@pytest.mark.parametrize("levels", [limits.JSON_DEPTH_MAX + 1, 100_000])
@pytest.mark.parametrize("kind", [list, dict])
def test_any_depth_is_measured_without_depth_of_its_own(levels, kind):
    content = kind()
    for _ in range(levels - 1):
        content = [content] if kind is list else {"a": content}
    with pytest.raises(Refused):
        check_depth(content)


async def test_a_schema_as_deep_as_a_reader_of_json_takes_is_refused_in_words(call):
    schema = '{"properties":' * 980 + "{}" + "}" * 980
    content = f'{{"text":"x","response_schema":{schema}}}'
    response = await call("POST", "/v1/messages", content=content)
    assert "32 deep" in is_problem(response, 422)["detail"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "maxItems": 1_000_000},
        {"type": "object", "minProperties": 30_000},
        {"type": "string", "pattern": "^((a{100}){100}){100}$"},
        {"type": "object", "patternProperties": {"(a{1000}){1000}": {}}},
    ],
)
async def test_a_short_response_schema_that_unfolds_without_end_is_refused(
    call, gateway, log, schema
):
    refused = await call("POST", "/v1/messages", {**QUESTION, "response_schema": schema})
    assert refused.status_code == 422
    assert "lower its minItems, maxItems" in refused.json()["detail"]
    assert log.published(QuestionAsked) == []


@pytest.mark.parametrize(
    "schema", [{"type": "nope"}, {"$ref": "http://x.test/"}, {"pattern": "(?=x)"}]
)
async def test_a_schema_that_no_answer_can_follow_is_asked_of_no_model(call, log, schema):
    refused = await call("POST", "/v1/messages", {**QUESTION, "response_schema": schema})
    assert "no answer could follow it" in is_problem(refused, 422)["detail"]
    query = 'mutation ($s: JSON!) { ask(text: "x", responseSchema: $s) { requestId } }'
    body = {"query": query, "variables": {"s": schema}}
    [error] = (await call("POST", "/graphql", body)).json()["errors"]
    assert error["extensions"]["status"] == 422
    chat = {"messages": [{"role": "user", "content": "x"}], "model": "playhead"}
    chat["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": schema},
    }
    assert (await call("POST", "/v1/chat/completions", chat)).status_code == 400
    assert log.published(QuestionAsked) == []


async def test_a_response_schema_has_a_size(call, gateway, log):
    log.answer = answers_with("x")
    at, beyond = (
        a_schema(size) for size in (limits.RESPONSE_SCHEMA_MAX, limits.RESPONSE_SCHEMA_MAX + 1)
    )
    taken = await call("POST", "/v1/messages", {**QUESTION, "response_schema": at})
    assert taken.status_code == 200
    refused = await call("POST", "/v1/messages", {**QUESTION, "response_schema": beyond})
    assert "32768" in is_problem(refused, 413)["detail"]
    assert gateway.admission.unanswered == 0


# ---------------------------------------------------------------------- the inbox and the producer


@pytest.fixture
def settings_of_inbox(tmp_path):
    return Settings(run=tmp_path / "inbox")


@pytest.fixture
def inbox(settings_of_inbox):
    def send(event):
        done = Future()
        done.set_result(Position(topic_of(event), 0, 0, 0))
        return done

    return Inbox(settings_of_inbox, CODEC, Keyring(settings_of_inbox), send)


A_QUESTION = InboxQuestion(tenant="acme", user="jane", session="s-1", text="x")
A_DOCUMENT = InboxDocument(tenant="acme", uri="u", media_type="text/plain", content=b"x")


@pytest.mark.parametrize(
    ("record", "name", "at", "beyond"),
    [
        (A_QUESTION, "text", "x" * limits.QUESTION_MAX, "x" * (limits.QUESTION_MAX + 1)),
        (A_QUESTION, "user", "u" * limits.USER_MAX, "u" * (limits.USER_MAX + 1)),
        (A_QUESTION, "session", "s" * limits.SESSION_MAX, "s" * (limits.SESSION_MAX + 1)),
        (A_QUESTION, "max_tokens", limits.ANSWER_TOKENS_MAX, limits.ANSWER_TOKENS_MAX + 1),
        (A_QUESTION, "groups", ["g"] * limits.GROUPS_MAX, ["g"] * (limits.GROUPS_MAX + 1)),
        (A_QUESTION, "groups", ["g" * limits.GROUP_MAX], ["g" * (limits.GROUP_MAX + 1)]),
        (A_QUESTION, "idempotency_key", "k" * 255, "k" * 256),
        (A_DOCUMENT, "uri", "u" * limits.URI_MAX, "u" * (limits.URI_MAX + 1)),
        (A_DOCUMENT, "title", "t" * limits.TITLE_MAX, "t" * (limits.TITLE_MAX + 1)),
        (A_DOCUMENT, "groups", ["g" * limits.GROUP_MAX], ["g" * (limits.GROUP_MAX + 1)]),
        (A_DOCUMENT, "groups", ["g"], [""]),
        (A_DOCUMENT, "metadata", labels(limits.METADATA_MAX), labels(limits.METADATA_MAX + 1)),
        (A_DOCUMENT, "metadata", labels(1), labels(1, key=65)),
        (A_DOCUMENT, "metadata", labels(1), labels(1, value=513)),
        (A_DOCUMENT, "idempotency_key", "k" * 255, "k" * 256),
    ],
)
def test_the_inbox_takes_in_at_each_bound_and_rejects_beyond_it(inbox, record, name, at, beyond):
    def made(value):
        plain = CODEC.encode(type(record)(**{**record.to_avro(), name: value}))
        place = {"topic": topic_of(record), "partition": 0, "offset": 0}
        return inbox.request_for(Message(**place, value=plain))

    assert not isinstance(made(at), EventRejected)
    letter = made(beyond)
    assert isinstance(letter, EventRejected)
    assert letter.error in ("Refused", "TooLarge")
    assert letter.message


@pytest.mark.parametrize(
    ("at", "beyond"),
    [
        ({"as_of": limits.INT64_MAX}, {"as_of": limits.INT64_MAX + 1}),
        ({"as_of": -1}, {"as_of": -2}),
        ({"deadline": limits.INT64_MAX}, {"deadline": limits.INT64_MAX + 1}),
        ({"filters": labels(limits.FILTERS_MAX)}, {"filters": labels(limits.FILTERS_MAX + 1)}),
        ({"filters": labels(1)}, {"filters": {"": "v"}}),
        (
            {"response_schema": json.dumps(a_schema(limits.RESPONSE_SCHEMA_MAX - 1))},
            {"response_schema": json.dumps(a_schema(limits.RESPONSE_SCHEMA_MAX + 1))},
        ),
    ],
)
def test_a_producer_goes_by_the_same_bounds(settings_of_inbox, at, beyond):
    build = RequestBuilder(settings_of_inbox, Keyring(settings_of_inbox), edge="producer")
    assert build.question("acme", user="u", text="x", ask=Ask(**at))
    with pytest.raises(Refused):
        build.question("acme", user="u", text="x", ask=Ask(**beyond))


# ---------------------------------------------------------------------- all at once


def fits(event):
    check_size(topic_of(event), event.meta.tenant.encode(), CODEC.encode(event), [])


GROUPS_ASKED_MAX = load()["retrieve"].values["asked_max"]["groups"]
"""A key may have more; whoever asks with it is told so."""


def test_what_is_at_every_bound_at_once_fits_the_log(settings_of_inbox):
    build = RequestBuilder(settings_of_inbox, Keyring(settings_of_inbox), edge="producer")
    wide = labels(limits.FILTERS_MAX, letter=WIDE)
    ask = Ask(
        filters=wide,
        groups=(WIDE * limits.GROUP_MAX,) * GROUPS_ASKED_MAX,
        response_schema=response_schema_text(a_schema(limits.RESPONSE_SCHEMA_MAX)),
        as_of=limits.INT64_MAX,
        deadline=limits.INT64_MAX,
    )
    tenant = "t" * limits.TENANT_MAX
    subject = build.subject(tenant, "u" * limits.USER_MAX)
    identity = build.identities.of_question(tenant, subject, "s" * limits.SESSION_MAX, "f")
    fits(build.ask(identity, WIDE * limits.QUESTION_MAX, ask))
    document = build.document(
        tenant,
        uri=WIDE * limits.URI_MAX,
        content=b"x" * settings_of_inbox.claim_bytes,
        title=WIDE * limits.TITLE_MAX,
        metadata=labels(limits.METADATA_MAX, letter=WIDE),
        groups=(WIDE * limits.GROUP_MAX,) * limits.GROUPS_MAX,
    )
    fits(document)
    with pytest.raises(RecordTooLarge):  # the check can fail
        fits(structs.replace(document, uri="u" * 1_040_001))


async def test_a_record_that_does_not_fit_the_log_is_told_in_words(gateway, log):
    """No limit lets one through; were one to, it would be no error of the gateway's own."""
    caller = replace(await gateway.caller(a_key(gateway)), groups=("g",))

    def send(event):
        raise RecordTooLarge(f"a record of {topic_of(event)} would take too much")

    log.send = send
    question = NewQuestion("x")
    with pytest.raises(Problem) as refused:
        await gateway.reception.ask(caller, gateway.reception.identify(caller, question), question)
    assert (refused.value.status, refused.value.slug) == (413, "too-large")
    assert gateway.admission.unanswered == 0
