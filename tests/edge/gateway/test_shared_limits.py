"""Limits that an operator set, held by gateways over one log, in every protocol."""

# ruff: noqa: ASYNC110 - a test waits for what another task does

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import replace

import pytest

from edge.gateway.idempotency import Idempotency
from edge.listening.log_index import LogIndex
from edge.protocols.http.app import create_app
from edge.protocols.openapi_document import LIMITED
from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from streams.log.configuration import LIMITS, configuration, load
from tests.edge.chat_client import connect, frames_until, send
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import FakeLog, a_gateway, a_key
from tests.edge.gateway.test_embedding_desk import TwoAtOnce
from tests.edge.http_client import (
    DOCUMENT,
    HttpClient,
    answers_with,
    frames_of,
    is_problem,
    outcomes_of,
    passages_for,
)
from tests.edge.protocols.graphql.graphql_client import problems
from tests.edge.protocols.mcp.mcp_client import connected, texts_of

QUESTION = {"text": "When is VAT due?"}
CHAT = {"model": "playhead", "messages": [{"role": "user", "content": "When is VAT due?"}]}
WORDS = "this tenant used 1 of the 1 questions that it may in a minute"
MUTATION = 'mutation { ask(text: "When is VAT due?") { requestId } }'


@pytest.fixture
def limited():
    """What an operator set; a test may change it at any moment."""
    return {}


@pytest.fixture
def log():
    log = FakeLog()
    log.time_ms = time.time_ns() // 1_000_000
    log.answer = lambda event: (
        answers_with("In ", "May.")(event)
        if isinstance(event, QuestionAsked)
        else outcomes_of(event, "withdrawn" if isinstance(event, DocumentWithdrawn) else "indexed")
    )
    return log


@pytest.fixture
def make(limited, bounds):
    """Make gateways, each with a run folder; those of one folder share their keys."""

    def make(folder, log):
        folder.mkdir(exist_ok=True)
        parts = {"configurations": Following(limited), "embedder": TwoAtOnce()}
        return a_gateway(folder, log, bounds, parts)

    return make


class Following(dict):
    """Configurations of which the limits are what a test says at the moment."""

    def __init__(self, limited):
        super().__init__(load())
        self._limited = limited

    def get(self, name, default=None):
        if name == LIMITS:
            self[LIMITS] = _same(self.get_plain(LIMITS), configuration(LIMITS, self._limited))
        return super().get(name, default)

    def get_plain(self, name):
        return super().get(name)


def _same(before, now):
    return before if before is not None and before.digest == now.digest else now


@pytest.fixture
async def gateways(make, tmp_path, log):
    two = make(tmp_path / "a", log), make(tmp_path / "b", log.beside())
    for gateway in two:
        gateway.start()
    yield two
    for gateway in two:
        await gateway.stop()


def clients(gateways, tenant="acme"):
    return [HttpClient(create_app(one), a_key(one, tenant)) for one in gateways]


async def read(gateways, questions=0, documents=0, tenant="acme"):
    """Wait until each gateway has read what all of them took in."""
    async with asyncio.timeout(60):
        for gateway in gateways:
            while (
                gateway.use.used((tenant, ""), "questions") < questions
                or gateway.use.used((tenant, ""), "documents") < documents
                or gateway.use._pending
            ):
                await asyncio.sleep(0.005)


async def test_one_limit_holds_for_all_gateways_and_for_one_tenant_alone(gateways, limited):
    limited["tenants"] = {"acme": {"questions_per_minute": 3}}
    one, other = clients(gateways)
    left = []
    for number, call in enumerate((one, other, one)):
        answer = await call("POST", "/v1/messages", QUESTION)
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == (
            '"tenant-questions-per-minute";q=3;qu="requests";w=60'
        )
        left.append(answer.headers["ratelimit"].split(";")[1])
        await read(gateways, questions=number + 1)
    assert left == ["r=2", "r=1", "r=0"]
    for call in (one, other):
        problem = is_problem(await call("POST", "/v1/messages", QUESTION), 429)
        assert problem["detail"].startswith("this tenant used 3 of the 3 questions")
        assert 1 <= problem["retry_after_s"] <= 82
    [globex, _] = clients(gateways, "globex")
    answer = await globex("POST", "/v1/messages", QUESTION)
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


async def test_who_sets_none_is_told_of_none_and_the_log_has_the_key_and_the_size(gateways, log):
    [call, _] = clients(gateways)
    for path, body in (("/v1/messages", QUESTION), ("/v1/documents", DOCUMENT)):
        answer = await call("POST", path, body)
        assert "ratelimit" not in answer.headers
        assert "ratelimit-policy" not in answer.headers
    [key] = gateways[0].keys.all("acme")
    [asked], [submitted] = log.published(QuestionAsked), log.published(DocumentSubmitted)
    assert (asked.key, submitted.key) == (key.id, key.id)
    assert submitted.size == len(DOCUMENT["content"])


async def test_each_protocol_refuses_alike_and_puts_nothing_on_the_log(
    make, limited, log, tmp_path
):
    limited["tenants"] = {"*": {"questions_per_minute": 1}}
    gateway = make(tmp_path, log)
    async with serving(gateway) as server:
        [call] = clients([gateway])
        await refuses_over_http(call, gateway)
        key, address = a_key(gateway), address_of(server)
        async with connect(f"ws://{address}/v1/chat", key) as socket:
            await send(socket, type="message", id="m-1", text="x")
            frame = (await frames_until(socket, "error"))[-1]
        assert (frame["status"], frame["id"], WORDS in frame["detail"]) == (429, "m-1", True)
        assert frame["retry_after_s"] >= 1
        async with connected(server, key) as client:
            result = await client.call_tool("ask", {"text": "x"})
        assert result.is_error
        assert WORDS in json.dumps(texts_of(result))
    assert len(log.published(QuestionAsked)) == 1


async def refuses_over_http(call, gateway):
    streamed = await call("POST", "/v1/messages", {**QUESTION, "stream": True})
    assert frames_of(streamed)[-1]["type"] == "completed"
    assert streamed.headers["ratelimit"].startswith('"tenant-questions-per-minute";r=0;t=')
    await read([gateway], questions=1)
    for path, body in (("/v1/messages", {**QUESTION, "stream": True}), ("/v1/search", QUESTION)):
        problem = is_problem(await call("POST", path, body), 429)
        assert WORDS in problem["detail"]
    chat = await call("POST", "/v1/chat/completions", CHAT)
    assert chat.status_code == 429
    assert WORDS in chat.json()["error"]["message"]
    assert chat.headers["ratelimit"].startswith('"tenant-questions-per-minute";r=0;t=')
    [of_graphql] = await problems(call, MUTATION)
    assert (of_graphql["status"], WORDS in of_graphql["detail"]) == (429, True)
    assert of_graphql["retry_after_s"] >= 1


BODIES = {
    "/v1/messages": QUESTION,
    "/v1/search": QUESTION,
    "/v1/documents": DOCUMENT,
    "/v1/chat/completions": CHAT,
    "/v1/responses": {"model": "playhead", "input": "When is VAT due?"},
    "/v1/embeddings": {"model": "playhead", "input": ["a"]},
}


async def test_every_answer_of_a_limited_route_tells_of_a_limit_as_openapi_says(
    gateways, limited, log
):
    limited["tenants"] = {"*": {"questions_per_minute": 50, "documents_per_minute": 50}}
    [call, _] = clients(gateways)
    answer = log.answer
    passages = passages_for(gateways[0])
    log.answer = lambda event: (
        passages(event)
        if isinstance(event, QuestionAsked) and event.ask.mode == "search"
        else answer(event)
    )
    assert {("post", path) for path in BODIES} == LIMITED
    described = (await call("GET", "/openapi.json")).json()["paths"]
    for path, body in BODIES.items():
        response = await call("POST", path, body)
        assert response.is_success
        assert re.fullmatch(
            r'"tenant-(questions|documents)-per-minute";r=4\d;t=\d\d', response.headers["ratelimit"]
        )
        told = described[path]["post"]["responses"][str(response.status_code)]["headers"]
        assert {"RateLimit", "RateLimit-Policy"} <= set(told)
    assert "ratelimit" not in (await call("GET", "/v1/documents")).headers


async def test_an_idempotent_repeat_takes_nothing_of_a_limit_and_is_told_how_it_stands(
    gateways, limited
):
    limited["keys"] = {"*": {"questions_per_minute": 1}}
    [call, _] = clients(gateways)
    for _ in range(3):
        answer = await call("POST", "/v1/messages", QUESTION, headers={"Idempotency-Key": "once"})
        assert answer.status_code == 200
        assert answer.headers["ratelimit"].startswith('"key-questions-per-minute";r=0')
        await read(gateways, questions=1)
    limited["keys"] = {"*": {"documents_per_minute": 1, "documents": 9}}
    for _ in range(3):
        answer = await call("POST", "/v1/documents", DOCUMENT, headers={"Idempotency-Key": "d"})
        assert answer.status_code == 202
        assert answer.headers["ratelimit"].startswith('"key-documents-per-minute";r=0')
        await read(gateways, documents=1)


async def test_a_tenant_at_its_limit_of_documents_still_chats_and_the_other_way_round(
    gateways, limited
):
    limited["tenants"] = {"acme": {"documents": 1, "questions_per_minute": 2}}
    one, other = clients(gateways)
    assert (await one("POST", "/v1/documents", DOCUMENT)).status_code == 202
    await read(gateways, documents=1)
    second = {**DOCUMENT, "uri": "https://acme.test/2"}
    for call in (one, other):
        response = await call("POST", "/v1/documents", second)
        problem = is_problem(response, 429)
        assert not problem["retryable"]
        assert "withdraw some" in problem["detail"]
        assert response.headers["ratelimit-policy"] == (
            '"tenant-stored-documents";q=1;qu="documents"'
        )
        assert (await call("POST", "/v1/messages", QUESTION)).status_code == 200
        assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202  # a new version
    await read(gateways, questions=2, documents=3)
    is_problem(await one("POST", "/v1/messages", QUESTION), 429)
    withdrawn = (await one("GET", "/v1/documents")).json()["documents"][0]["document_id"]
    assert (await one("DELETE", f"/v1/documents/{withdrawn}")).status_code == 202
    async with asyncio.timeout(60):
        while any(one.documents.stored("acme").documents for one in gateways):
            await asyncio.sleep(0.005)
    assert (await other("POST", "/v1/documents", second)).status_code == 202
    is_problem(await other("POST", "/v1/messages", QUESTION), 429)


async def test_questions_at_once_are_counted_over_the_gateways(gateways, limited, log):
    limited["tenants"] = {"*": {"questions_at_once": 1}}
    answer, log.answer = log.answer, lambda _: ()
    one, other = clients(gateways)
    waiting = asyncio.create_task(one("POST", "/v1/messages", {**QUESTION, "budget_ms": 60_000}))
    await read(gateways, questions=1)
    problem = is_problem(await other("POST", "/v1/messages", QUESTION), 429)
    assert "1 questions of this tenant have no answer yet, and 1 may be so" in problem["detail"]
    limited.update(tenants={}, keys={"*": {"questions_at_once": 1}})
    problem = is_problem(await one("POST", "/v1/messages", QUESTION), 429)
    assert "1 questions of this key have no answer yet, and 1 may be so" in problem["detail"]
    for outcome in answer(log.published(QuestionAsked)[0]):
        log.append(outcome)
    assert (await waiting).status_code == 200
    async with asyncio.timeout(60):
        while gateways[1].admission.unanswered:
            await asyncio.sleep(0.005)
    assert (await other("POST", "/v1/messages", {**QUESTION, "budget_ms": 100})).status_code != 429


async def test_a_gateway_that_was_started_again_knows_the_last_minute(make, tmp_path, log, limited):
    limited["tenants"] = {"*": {"questions_per_minute": 2, "tokens_per_minute": 1_000}}
    before = make(tmp_path / "a", log)
    before.start()
    [call] = clients([before])
    for _ in range(2):
        assert (await call("POST", "/v1/messages", QUESTION)).status_code == 200
    await read([before], questions=2)
    assert before.use.used(("acme", ""), "tokens") == 20
    log.write_index()
    await before.stop()
    after = make(tmp_path / "a", log)
    after.start()
    [call] = clients([after])
    assert after.use.used(("acme", ""), "tokens") == 20
    is_problem(await call("POST", "/v1/messages", QUESTION), 429)
    await after.stop()


async def test_tokens_are_told_by_answers_and_hold_the_next_question_back(gateways, limited):
    limited["keys"] = {"*": {"tokens_per_minute": 15}}
    one, other = clients(gateways)
    for number in range(2):  # an answer is of ten
        assert (await one("POST", "/v1/messages", QUESTION)).status_code == 200
        await read(gateways, questions=number + 1)
    problem = is_problem(await one("POST", "/v1/messages", QUESTION), 429)
    assert "this key used 20 of the 15 tokens" in problem["detail"]
    assert (await other("POST", "/v1/messages", QUESTION)).status_code == 200  # another key


async def test_limits_come_into_force_and_go_without_a_restart(gateways, limited):
    [call, _] = clients(gateways)
    assert (await call("POST", "/v1/messages", QUESTION)).status_code == 200
    await read(gateways, questions=1)
    limited["tenants"] = {"*": {"questions_per_minute": 1}}
    is_problem(await call("POST", "/v1/messages", QUESTION), 429)
    limited["tenants"] = {"*": {"questions_per_minute": 0}}
    assert (await call("POST", "/v1/messages", QUESTION)).status_code == 200


async def test_what_admission_refuses_takes_nothing_of_a_limit(gateways, limited, log):
    limited["tenants"] = {"*": {"questions_per_minute": 1, "documents": 1}}
    [call, _] = clients(gateways)
    log.broker = False
    for path, body in (("/v1/messages", QUESTION), ("/v1/documents", DOCUMENT)):
        is_problem(await call("POST", path, body), 503)
    log.broker = True
    assert (await call("POST", "/v1/messages", QUESTION)).status_code == 200
    assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202


# ---------------------------------------------------------------------- embeddings


@pytest.mark.parametrize("whose", ["tenants", "keys"])
async def test_embeddings_and_chats_share_the_limits_of_a_minute_over_all_gateways(
    shared, limited, whose
):
    gateways, [one, other] = shared
    limited[whose] = {"*": {"tokens_per_minute": 12}}
    body = {"model": "playhead", "input": ["a", "b", "c", "d"]}
    response = await one("POST", "/v1/embeddings", body)
    assert response.status_code == 200, response.text
    name = f"{whose[:-1]}-tokens-per-minute"
    assert response.headers["ratelimit-policy"] == f'"{name}";q=12;qu="tokens";w=60'
    await read(gateways, questions=1)
    for call in (one, other):
        refused = await call("POST", "/v1/embeddings", body)
        assert refused.status_code == 429
        assert "used 12 of the 12 tokens" in refused.json()["error"]["message"]
        assert refused.headers["ratelimit"].startswith(f'"{name}";r=0;t=')
        assert is_problem(await call("POST", "/v1/messages", QUESTION), 429)
    limited[whose] = {"*": {"questions_per_minute": 2}}
    assert (await other("POST", "/v1/messages", QUESTION)).status_code == 200
    await read(gateways, questions=2)
    for call in (one, other):
        assert (await call("POST", "/v1/embeddings", body)).status_code == 429


# ---------------------------------------------------------------------- many in one request


@pytest.fixture
async def shared(make, tmp_path, log):
    """Two gateways that share their keys and nothing else, and a client of each by one key."""
    beside = log.beside()
    first = make(tmp_path / "a", log)
    (second := tmp_path / "b").mkdir()
    index = LogIndex(second)
    beside.write_index = lambda: index.flush({})
    own = {"log": beside, "publisher": beside, "index": index}
    two = first, replace(first, **own, idempotency=Idempotency(second / "once.sqlite"))
    for gateway in two:
        gateway.start()
    key = a_key(two[0])
    yield two, [HttpClient(create_app(one), key) for one in two]
    for gateway in two:
        await gateway.stop()


FILES = [("file", (f"{number}.txt", b"VAT is due.", "text/plain")) for number in range(4)]
ONCE = {"Idempotency-Key": "k-1"}


async def form(call, files=FILES, **headers):
    return await call("POST", "/v1/documents", files=files, headers=headers or ONCE)


async def test_a_form_that_a_limit_ends_tells_of_each_file_whether_it_is_on_the_log(
    shared, limited, log
):
    gateways, [call, other] = shared
    limited["tenants"] = {"acme": {"documents_per_minute": 2}}
    problem = is_problem(await form(call), 429)
    assert [one["status"] for one in problem["documents"]] == [202, 202, 429, 429]
    assert [one["name"] for one in problem["documents"]] == [name for _, (name, *_) in FILES]
    on_log = log.published(DocumentSubmitted)
    assert [one.get("request_id") for one in problem["documents"]] == [
        *(event.meta.request for event in on_log),
        None,
        None,
    ]
    assert [one.get("document_id") for one in problem["documents"][:2]] == [
        event.document for event in on_log
    ]
    assert "2 of 4 files are on the log" in problem["detail"]
    # what is there takes nothing again, or a form larger than a minute's limit would never end
    await read(gateways, documents=2)
    again = is_problem(await form(other), 429)
    assert again["documents"] == problem["documents"]
    assert len(log.published(DocumentSubmitted)) == 2
    limited["tenants"]["acme"]["documents_per_minute"] = 4
    done = await form(other)
    assert done.status_code == 202, done.text
    assert done.json()["documents"][:2] == problem["documents"][:2]
    assert [one["status"] for one in done.json()["documents"]] == [202] * 4
    names = [event.uri for event in log.published(DocumentSubmitted)]
    assert names == [f"upload/{name}" for _, (name, *_) in FILES]


async def test_a_form_of_which_nothing_has_room_says_so_of_each(shared, limited, log):
    _, [call, _] = shared
    limited["tenants"] = {"acme": {"document_bytes": 5}}
    problem = is_problem(await form(call), 429)
    assert [one["status"] for one in problem["documents"]] == [429] * 4
    assert problem["retryable"] is False
    assert not log.published(DocumentSubmitted)


@pytest.mark.parametrize("protocol", ["http", "form", "graphql"])
async def test_a_repeat_at_another_gateway_takes_nothing_of_a_limit(shared, limited, log, protocol):
    gateways, calls = shared
    limited["tenants"] = {"acme": {"documents_per_minute": 1}}
    told = []
    for call in calls:
        match protocol:
            case "http":
                response = await call("POST", "/v1/documents", DOCUMENT, headers=ONCE)
            case "form":
                response = await form(call, FILES[:1])
            case "graphql":
                mutation = (
                    'mutation { submitDocument(uri: "u", mediaType: "text/plain", content: "x", '
                    'idempotencyKey: "k-1") { requestId } }'
                )
                response = await call("POST", "/graphql", {"query": mutation})
        assert response.status_code in (200, 202), response.text
        told.append(response.json())
        assert "errors" not in told[-1], told
        await read(gateways, documents=1)
    assert told[0] == told[1]
    assert len(log.published(DocumentSubmitted)) == 1
