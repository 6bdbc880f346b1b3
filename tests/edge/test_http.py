"""The HTTP interface over a log in memory: shapes, limits and errors of the contract."""

from __future__ import annotations

import base64
import json
import re
import threading

import httpx
import pytest
from structlog.testing import capture_logs

from edge.http import create_app
from edge.keys import instant
from schemas import (
    Batch,
    ChunksCut,
    ChunksIndexed,
    ChunksRetrieved,
    DocumentRef,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    Manifest,
    Passage,
    QuestionAsked,
)
from tests.edge.fake_log import Answers, FakeLog, a_citation, a_key, an_edge, an_entry
from tests.fakes import a_meta

DOCUMENT = {"uri": "https://acme.test/vat", "media_type": "text/plain", "content": "VAT is due."}


class Client:
    """An HTTP client of an application in this process."""

    def __init__(self, app, key):
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://gateway",
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )

    async def __call__(self, method, path, body=None, **more):
        if body is not None:
            more["json"] = body
        return await self.http.request(method, path, **more)


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
async def edge(tmp_path, log):
    edge = an_edge(tmp_path, log)
    edge.start()
    yield edge
    await edge.stop()


@pytest.fixture
def app(edge):
    return create_app(edge)


@pytest.fixture
def call(app, edge):
    return Client(app, a_key(edge))


def is_problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert {"type", "title", "status", "detail", "request_id", "trace_id"} <= set(problem)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["trace_id"] == response.headers["traceparent"].split("-")[1]
    assert "Traceback" not in response.text
    return problem


def answers_with(*texts, **more):
    def answer(event):
        return Answers(event).whole(*texts, **more) if isinstance(event, QuestionAsked) else ()

    return answer


def events_of(text):
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


# ---------------------------------------------------------------------- who calls


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic abc", "ph_x"])
async def test_without_a_valid_key_nothing_is_answered(app, header):
    headers = {} if header is None else {"Authorization": header}
    call = Client(app, "")
    for method, path in [("GET", "/v1/documents"), ("POST", "/v1/messages")]:
        response = await call(method, path, headers=headers)
        is_problem(response, 401)
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_and_an_expired_key_are_no_keys(app, edge):
    entry, secret = edge.keys.create("acme")
    assert (await Client(app, secret)("GET", "/v1/documents")).status_code == 200
    edge.keys.revoke(entry.id)
    is_problem(await Client(app, secret)("GET", "/v1/documents"), 401)
    _, expired = edge.keys.create("acme", ttl_s=-1)
    is_problem(await Client(app, expired)("GET", "/v1/documents"), 401)


async def test_a_key_does_what_its_scopes_say_and_no_more(app, edge):
    read_only = Client(app, a_key(edge, scopes=["read"]))
    assert "write" in is_problem(await read_only("POST", "/v1/documents", DOCUMENT), 403)["detail"]
    is_problem(await Client(app, a_key(edge, scopes=["write"]))("POST", "/v1/messages"), 403)


@pytest.mark.parametrize(
    "named",
    [
        {"headers": {"X-Tenant": "globex"}},
        {"params": {"tenant": "globex"}},
        {"body": {**DOCUMENT, "tenant": "globex"}},
    ],
)
async def test_another_tenant_than_the_keys_own_is_refused(call, log, named):
    body = named.pop("body", DOCUMENT)
    is_problem(await call("POST", "/v1/documents", body, **named), 403)
    assert not log.published(DocumentSubmitted)


# ---------------------------------------------------------------------- every response


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/messages", 405),
        ("GET", "/v1/documents/none", 404),
        ("DELETE", "/v1/documents/none", 404),
        ("GET", "/v1/messages/none", 404),
        ("GET", "/v1/messages/none/timeline", 404),
        ("GET", "/v1/documents?limit=many", 422),
        ("GET", "/v1/documents?limit=0", 422),
    ],
)
async def test_every_error_is_a_problem(call, method, path, status):
    is_problem(await call(method, path), status)


async def test_every_response_has_its_ids_and_goes_on_with_the_callers_trace(call):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    given = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    response = await call("GET", "/healthz", headers=given)
    assert response.headers["x-request-id"]
    assert re.fullmatch(
        rf"00-{trace}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", response.headers["traceparent"]
    )
    for bad in (
        "nonsense",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"ff-{trace}-00f067aa0ba902b7-01",
    ):
        response = await call("GET", "/healthz", headers={"traceparent": bad})
        assert trace not in response.headers["traceparent"]
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", response.headers["traceparent"])


async def test_an_unforeseen_error_tells_the_client_nothing(call, edge):
    def broken(_tenant):
        raise RuntimeError("secret words")

    edge.documents.all = broken
    with capture_logs() as logged:
        problem = is_problem(await call("GET", "/v1/documents"), 500)
    assert "secret" not in json.dumps(problem)
    [line] = logged
    assert "secret" not in str(line)
    assert line["request"] == problem["request_id"]
    assert "in broken" in line["places"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"text": "\\ud800"}', b"", b"nope"])
async def test_malformed_json_is_400(call, body):
    is_problem(await call("POST", "/v1/messages", content=body), 400)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"text": ""},
        {"text": 1},
        {"text": "x" * 20_001},
        {"text": "x", "max_tokens": 0},
        {"text": "x", "budget_ms": 1},
        {"text": "x", "session_id": "no spaces"},
        {"text": "x", "session_id": "é"},
        {"text": "x", "response_schema": "x"},
    ],
)
async def test_an_invalid_message_is_422_and_says_which_field(call, body):
    problem = is_problem(await call("POST", "/v1/messages", body), 422)
    assert "x" * 50 not in problem["detail"]


@pytest.mark.parametrize(
    "change",
    [
        {"content": None},
        {"content_base64": "eA=="},
        {"content": None, "content_base64": "not base64"},
        {"media_type": "application/pdf"},
        {"chunk_policy": "none"},
        {"uri": ""},
        {"metadata": {"k": "v" * 513}},
        {"metadata": {"k": ["v"]}},
    ],
)
async def test_an_invalid_document_is_422(call, log, change):
    is_problem(await call("POST", "/v1/documents", {**DOCUMENT, **change}), 422)
    assert not log.published(DocumentSubmitted)


async def test_bodies_over_the_limit_are_413(tmp_path, log):
    edge = an_edge(tmp_path / "small", log, document_bytes_max=1_000)
    edge.start()
    call = Client(create_app(edge), a_key(edge))
    is_problem(await call("POST", "/v1/documents", {**DOCUMENT, "content": "x" * 1_001}), 413)
    is_problem(await call("POST", "/v1/documents", {**DOCUMENT, "content": "x" * 2_000_000}), 413)
    is_problem(await call("POST", "/v1/messages", {"text": "x" * 2_000_000}), 413)

    async def chunked():
        for _ in range(40):
            yield b"x" * 65_536

    is_problem(await call("POST", "/v1/messages", content=chunked()), 413)
    await edge.stop()


async def test_a_broker_that_is_away_is_503_with_retry_after(call, log):
    log.broker = False
    for path, body in [("/v1/documents", DOCUMENT), ("/v1/messages", {"text": "x"})]:
        response = await call("POST", path, body)
        assert is_problem(response, 503)["retryable"]
        assert int(response.headers["retry-after"]) >= 1
    response = await call("GET", "/readyz")
    assert "kafka" in is_problem(response, 503)["detail"]
    assert (await call("GET", "/healthz")).status_code == 200
    log.broker = True
    assert (await call("GET", "/readyz")).status_code == 200


async def test_openapi_lists_the_routes(call):
    found = (await call("GET", "/openapi.json")).json()
    assert {"/v1/documents", "/v1/messages", "/v1/search"} <= set(found["paths"])
    assert found["paths"]["/v1/messages"]["post"]["requestBody"]["content"]["application/json"]


async def test_the_page_runs_its_own_script_and_no_other(call):
    response = await call("GET", "/")
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
    assert "http://" not in response.text
    assert "https://" not in response.text


# ---------------------------------------------------------------------- documents


def outcomes_of(event, last="indexed"):
    """What ingest and index would write for a request about a document."""
    ref = DocumentRef(document=event.meta.session, version=1, uri="u")
    manifest = Manifest(
        checksum="c", parser="p", parser_version="1", policy="procedural", chunks=("c-1", "c-2")
    )
    cut = {"indexed": "cut", "unchanged": "unchanged", "withdrawn": "withdrawn"}[last]
    meta = a_meta(
        tenant=event.meta.tenant,
        session=event.meta.session,
        request=event.meta.request,
        at=event.meta.at + 1,
    )
    return [
        ChunksCut(
            meta=meta,
            document=ref,
            batch=Batch(number=0, last=True),
            outcome=cut,
            manifest=manifest if last == "indexed" else None,
        ),
        ChunksIndexed(
            meta=meta,
            document=ref,
            batch=Batch(number=0, last=True),
            outcome=last,
            visible=last == "indexed",
            manifest=manifest if last == "indexed" else None,
        ),
    ]


async def test_a_document_is_sealed_published_and_accepted(call, edge, log):
    response = await call(
        "POST", "/v1/documents", {**DOCUMENT, "title": "VAT", "metadata": {"y": 1}}
    )
    assert response.status_code == 202
    taken = response.json()
    assert set(taken) == {"document_id", "request_id"}
    assert response.headers["x-request-id"] == taken["request_id"]
    [event] = log.published(DocumentSubmitted)
    assert event.meta.id == event.meta.request == taken["request_id"]
    assert event.meta.session == event.document == taken["document_id"]
    assert event.meta.trace == response.headers["traceparent"]
    assert event.metadata == {"y": "1"}
    assert b"VAT" not in event.content.ciphertext
    assert edge.keyring.unseal("acme", event.content) == b"VAT is due."
    view = (await call("GET", f"/v1/documents/{taken['document_id']}")).json()
    assert view["status"] == "accepted"
    assert view["title"] == "VAT"
    assert view["uri"] == DOCUMENT["uri"]


async def test_bytes_travel_as_base64(call, edge, log):
    body = {"uri": "u", "media_type": "text/html; charset=latin-1"}
    encoded = base64.b64encode(b"\xe9").decode()
    response = await call("POST", "/v1/documents", {**body, "content_base64": encoded})
    assert response.status_code == 202
    [event] = log.published(DocumentSubmitted)
    assert edge.keyring.unseal("acme", event.content) == b"\xe9"
    assert event.media_type == "text/html"


async def test_a_document_goes_from_accepted_to_indexed_to_deleted(call, log):
    log.answer = lambda event: outcomes_of(
        event, "withdrawn" if isinstance(event, DocumentWithdrawn) else "indexed"
    )
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    path = f"/v1/documents/{taken['document_id']}"
    view = (await call("GET", path)).json()
    assert view["status"] == "indexed"
    assert view["version"] == 1
    assert view["chunks"] == 2
    assert view["manifest"]["chunks"] == ["c-1", "c-2"]
    assert view["request_id"] == taken["request_id"]
    response = await call("DELETE", path)
    assert response.status_code == 202
    assert (await call("GET", path)).json()["status"] == "deleted"


async def test_documents_of_another_tenant_do_not_exist(call, app, edge):
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    other = Client(app, a_key(edge, "globex"))
    assert (await other("GET", "/v1/documents")).json()["documents"] == []
    is_problem(await other("GET", f"/v1/documents/{taken['document_id']}"), 404)
    is_problem(await other("DELETE", f"/v1/documents/{taken['document_id']}"), 404)


async def test_a_document_has_a_timeline_in_its_tenant_and_no_answer(call, app, edge):
    taken = (await call("POST", "/v1/documents", DOCUMENT)).json()
    path = f"/v1/messages/{taken['request_id']}"
    assert (await call("GET", f"{path}/timeline")).json()["steps"][0]["step"] == "gateway"
    is_problem(await call("GET", path), 404)
    is_problem(await Client(app, a_key(edge, "globex"))("GET", f"{path}/timeline"), 404)


async def test_documents_are_listed_in_pages(call):
    for number in range(5):
        await call("POST", "/v1/documents", {**DOCUMENT, "uri": f"u{number}"})
    first = (await call("GET", "/v1/documents?limit=3")).json()
    second = (await call("GET", f"/v1/documents?limit=3&after={first['next']}")).json()
    ids = [one["document_id"] for page in (first, second) for one in page["documents"]]
    assert len(ids) == len(set(ids)) == 5
    assert second["next"] is None


# ---------------------------------------------------------------------- messages


async def test_a_message_is_answered_as_json(call, edge, log):
    log.answer = answers_with("VAT ", "is due.", citations=(a_citation(),))
    response = await call("POST", "/v1/messages", {"text": "Is VAT due?", "session_id": "s-9"})
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {
        "request_id",
        "session_id",
        "text",
        "citations",
        "usage",
        "finish_reason",
        "degraded",
    }
    assert answer["text"] == "VAT is due."
    assert answer["session_id"] == "s-9"
    assert answer["citations"][0]["quote"] == "VAT is due."
    [asked] = log.published(QuestionAsked)
    assert b"VAT" not in asked.text.ciphertext
    assert edge.keyring.unseal("acme", asked.text) == b"Is VAT due?"
    assert asked.text.key == f"user/{asked.subject}"
    assert asked.ask.deadline > asked.meta.at
    again = (await call("GET", f"/v1/messages/{answer['request_id']}")).json()
    assert again["status"] == "completed"
    assert {key: again[key] for key in answer} == answer


async def test_a_message_streams_as_server_sent_events(call, log):
    log.answer = answers_with("VAT ", "is due.")
    response = await call("POST", "/v1/messages", {"text": "x", "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = events_of(response.text)
    assert [frame["type"] for frame in frames] == ["accepted", "delta", "delta", "completed"]
    assert all(frame["request_id"] == response.headers["x-request-id"] for frame in frames)
    assert response.text.count("\nid: ") + response.text.startswith("id: ") == 4


async def test_a_stream_is_resumed_after_the_last_event(call, log):
    log.answer = answers_with("VAT ", "is due.")
    frames = events_of((await call("POST", "/v1/messages", {"text": "x", "stream": True})).text)
    for seen in range(len(frames)):
        resumed = await call(
            "GET",
            f"/v1/messages/{frames[0]['request_id']}",
            headers={"Accept": "text/event-stream", "Last-Event-ID": frames[seen]["cursor"]},
        )
        assert events_of(resumed.text) == frames[seen + 1 :]


async def test_a_cursor_of_somewhere_else_is_refused(call, log):
    log.answer = answers_with("x")
    answer = (await call("POST", "/v1/messages", {"text": "x"})).json()
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "nonsense"}
    is_problem(await call("GET", f"/v1/messages/{answer['request_id']}", headers=headers), 422)


async def test_a_dead_letter_is_a_problem_for_whoever_waits(call, log):
    log.answer = lambda event: [
        EventRejected(
            meta=Answers(event).meta("generate", 0),
            topic="t",
            partition=0,
            offset=0,
            step="generate",
            error="Permanent",
            message="m",
            attempts=1,
        )
    ]
    problem = is_problem(await call("POST", "/v1/messages", {"text": "x"}), 502)
    assert not problem["retryable"]
    frames = events_of((await call("POST", "/v1/messages", {"text": "x", "stream": True})).text)
    assert [frame["type"] for frame in frames] == ["accepted", "error"]
    assert not frames[-1]["retryable"]


async def test_a_deadline_that_passes_is_504_and_names_where_the_answer_will_be(
    call, log, monkeypatch
):
    monkeypatch.setattr("edge.edge.GRACE_S", 0.0)
    monkeypatch.setattr("edge.edge.TICK_S", 0.05)
    problem = is_problem(await call("POST", "/v1/messages", {"text": "x", "budget_ms": 100}), 504)
    assert problem["request_id"] in problem["detail"]
    [asked] = log.published(QuestionAsked)
    for event in Answers(asked).whole("late"):
        log.append(event)
    late = (await call("GET", f"/v1/messages/{problem['request_id']}")).json()
    assert late["text"] == "late"


async def test_a_retracted_answer_has_no_text(call, log):
    def answer(event):
        answers = Answers(event)
        return [answers.tokens("bad", 0), answers.retracted("not allowed", 0)]

    log.answer = answer
    found = (await call("POST", "/v1/messages", {"text": "x"})).json()
    assert found["text"] == ""
    assert found["finish_reason"] == "retracted"
    assert found["reason"] == "not allowed"


async def test_a_session_belongs_to_the_user_who_began_it(call, app, edge, log):
    log.answer = answers_with("x")
    assert (
        await call("POST", "/v1/messages", {"text": "x", "session_id": "s-1"})
    ).status_code == 200
    other = Client(app, a_key(edge))
    is_problem(await other("POST", "/v1/messages", {"text": "x", "session_id": "s-1"}), 403)


async def test_another_users_answer_does_not_exist(call, app, edge, log):
    log.answer = answers_with("x")
    answer = (await call("POST", "/v1/messages", {"text": "x"})).json()
    for other in (a_key(edge), a_key(edge, "globex")):
        is_problem(await Client(app, other)("GET", f"/v1/messages/{answer['request_id']}"), 404)


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        (["read", "restore"], "Ask Jane Doe at jane@acme.test <PERSON_9>"),
        (["read", "restore:PERSON"], "Ask Jane Doe at <EMAIL_ADDRESS_1> <PERSON_9>"),
        (["read"], "Ask <PERSON_1> at <EMAIL_ADDRESS_1> <PERSON_9>"),
    ],
)
async def test_values_are_restored_for_readers_whose_scopes_say_so(app, edge, log, scopes, text):
    entries = (
        an_entry(edge.keyring, "acme", "<PERSON_1>", "PERSON", "Jane Doe"),
        an_entry(edge.keyring, "acme", "<EMAIL_ADDRESS_1>", "EMAIL_ADDRESS", "jane@acme.test"),
    )
    log.answer = answers_with("Ask <PERS", "ON_1> at <EMAIL_ADDRESS_1> <PERSON_9>", entries=entries)
    call = Client(app, a_key(edge, scopes=scopes))
    body = {"text": "x", "stream": True}
    frames = events_of((await call("POST", "/v1/messages", body)).text)
    assert frames[-1]["text"] == text
    assert "".join(frame["text"] for frame in frames if frame["type"] == "delta") == text


async def test_an_erased_value_keeps_its_placeholder(call, edge, log):
    entry = an_entry(edge.keyring, "acme", "<PERSON_1>", "PERSON", "Jane Doe")
    edge.keyring.destroy("acme", entry.value.key)
    log.answer = answers_with("Ask <PERSON_1>", entries=(entry,))
    answer = (await call("POST", "/v1/messages", {"text": "x"})).json()
    assert answer["text"] == "Ask <PERSON_1>"


# ---------------------------------------------------------------------- idempotency


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/messages", {"text": "x"}, QuestionAsked),
        ("/v1/documents", DOCUMENT, DocumentSubmitted),
    ],
)
async def test_the_same_key_and_body_give_the_same_result(call, log, path, body, kind):
    log.answer = answers_with("x")
    first, second = [
        await call("POST", path, body, headers={"Idempotency-Key": "k-1"}) for _ in range(2)
    ]
    assert first.status_code == second.status_code
    assert first.json() == second.json()
    assert len(log.published(kind)) == 1
    other = {**body, "uri": "y", "text": "y"}
    is_problem(await call("POST", path, other, headers={"Idempotency-Key": "k-1"}), 422)


async def test_a_key_is_its_users_own(call, app, edge, log):
    log.answer = answers_with("x")
    other = Client(app, a_key(edge))
    answers = [
        (await who("POST", "/v1/messages", {"text": "x"}, headers={"Idempotency-Key": "k"})).json()
        for who in (call, other)
    ]
    assert answers[0]["request_id"] != answers[1]["request_id"]


async def test_a_request_that_was_not_taken_in_may_be_repeated(call, log):
    log.answer = answers_with("x")
    log.broker = False
    headers = {"Idempotency-Key": "k"}
    is_problem(await call("POST", "/v1/messages", {"text": "x"}, headers=headers), 503)
    log.broker = True
    assert (await call("POST", "/v1/messages", {"text": "x"}, headers=headers)).status_code == 200


@pytest.mark.parametrize("key", ["x" * 256, "with space"])
async def test_a_malformed_idempotency_key_is_refused(call, key):
    response = await call("POST", "/v1/messages", {"text": "x"}, headers={"Idempotency-Key": key})
    assert response.status_code in (400, 422)
    is_problem(response, response.status_code)


# ---------------------------------------------------------------------- search, timeline, limits


def passages_for(edge):
    def answer(event):
        entry = an_entry(edge.keyring, "acme", "<PERSON_1>", "PERSON", "Jane Doe")
        return [
            ChunksRetrieved(
                meta=Answers(event).meta("retrieve", 0),
                outcome="retrieved",
                subject=event.subject,
                question="q",
                query="q",
                passages=(
                    Passage(
                        chunk="c-1",
                        document="d-1",
                        version=1,
                        number=0,
                        title="VAT",
                        uri="u",
                        text="Ask <PERSON_1>.",
                        tokens=3,
                        score=0.5,
                        entries=(entry,),
                    ),
                ),
                ask=event.ask,
            )
        ]

    return answer


async def test_a_search_answers_with_passages(call, edge, log):
    log.answer = passages_for(edge)
    body = {"text": "vat", "k": 3, "filters": {"year": "2024"}, "as_of": 7}
    response = await call("POST", "/v1/search", body)
    assert response.json() == {
        "request_id": response.headers["x-request-id"],
        "passages": [
            {
                "document_id": "d-1",
                "chunk_id": "c-1",
                "title": "VAT",
                "uri": "u",
                "text": "Ask Jane Doe.",
                "score": 0.5,
            }
        ],
    }
    [asked] = log.published(QuestionAsked)
    assert asked.ask.mode == "search"
    assert (asked.ask.passages_max, asked.ask.as_of) == (3, 7)
    assert asked.ask.filters == {"year": "2024"}


async def test_the_timeline_shows_the_steps(call, log):
    log.answer = answers_with("VAT ", "is due.")
    answer = (await call("POST", "/v1/messages", {"text": "secret words"})).json()
    response = await call("GET", f"/v1/messages/{answer['request_id']}/timeline")
    found = response.json()
    assert {step["step"] for step in found["steps"]} == {"gateway", "moderate"}
    assert "VAT" not in response.text
    assert "secret" not in response.text


async def test_too_many_at_once_are_told_to_wait(call, app, edge, log, monkeypatch):
    monkeypatch.setattr("edge.edge.FOLLOWED_PER_KEY_MAX", 0)
    response = await call("POST", "/v1/messages", {"text": "x"})
    is_problem(response, 429)
    assert response.headers["retry-after"]
    monkeypatch.setattr("edge.edge.FOLLOWED_MAX", 0)
    is_problem(await call("POST", "/v1/messages", {"text": "x"}), 503)
    assert not log.published(QuestionAsked)


def test_keys_are_stored_hashed_and_private(tmp_path):
    from edge.keys import ApiKeys

    store = ApiKeys(tmp_path / "keys.sqlite")
    entry, secret = store.create("acme", user="jane", ttl_s=60)
    assert store.find(secret) == entry
    assert store.find(secret + "x") is None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert (tmp_path / "keys.sqlite").stat().st_mode & 0o077 == 0
    assert entry.as_json()["expires_at"] == instant(entry.created_s + 60)


def test_two_threads_take_one_idempotency_key_once(tmp_path):
    from edge.idempotency import Idempotency

    store = Idempotency(tmp_path / "i.sqlite")
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(store.begin("s", "k", "b")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [False] * 8
    store.taken("s", "k")
    assert store.begin("s", "k", "b")
