"""The Model Context Protocol over HTTP: by the SDK's own client, and by hostile ones."""

import asyncio
import json
import sys

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from edge.problems import Problem
from edge.protocols.origins import check_origin
from schemas import CancellationRequested, QuestionAsked
from tests.edge.fake_log import a_citation, a_key
from tests.edge.http_client import answers_with, is_problem, passages_for
from tests.edge.protocols.mcp.mcp_client import HEADERS, address, connected, links_of, texts_of

CALL = {"name": "ask", "arguments": {"text": "When is VAT due?"}}


def message(method="tools/call", params=None, **more):
    given = CALL if params is None else params
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": given, **more}


@pytest.fixture
async def post(served, gateway):
    key = a_key(gateway)
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {key}", **HEADERS}, timeout=60
    ) as http:

        async def call(body=None, method="POST", **headers):
            content = body if isinstance(body, bytes) else json.dumps(body or message()).encode()
            given = {"Content-Type": "application/json", **headers}
            return await http.request(method, address(served), content=content, headers=given)

        yield call


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_asks_and_is_told_of_progress(served, gateway, log, mode):
    log.answer = answers_with("VAT is due ", "in May.", citations=(a_citation(),))
    told = []

    async def progress(_count, _total, text):
        told.append(text)

    async with connected(served, a_key(gateway), mode) as client:
        tools = (await client.list_tools()).tools
        assert [one.name for one in tools] == ["search", "ask"]
        arguments = {"text": "When is VAT due?", "session_id": "s-1"}
        result = await client.call_tool("ask", arguments, progress_callback=progress)
    assert not result.is_error
    assert texts_of(result) == ["VAT is due in May."]
    assert links_of(result) == ["playhead://documents/d-1/chunks/c-1"]
    answer = result.structured_content
    assert answer["session_id"] == "s-1"
    assert answer["citations"][0]["quote"] == "VAT is due."
    assert "".join(told) == "VAT is due in May."
    [asked] = log.published(QuestionAsked)
    assert asked.meta.request == answer["request_id"]


async def test_a_client_searches(served, gateway, log):
    log.answer = passages_for(gateway)
    async with connected(served, a_key(gateway)) as client:
        result = await client.call_tool("search", {"text": "VAT", "k": 3, "filters": {"y": 1}})
    assert texts_of(result) == ["Ask Jane Doe."]
    assert result.structured_content["passages"][0]["score"] == 0.5
    assert links_of(result) == ["playhead://documents/d-1/chunks/c-1"]
    [asked] = log.published(QuestionAsked)
    assert (asked.ask.mode, asked.ask.passages_max, asked.ask.filters) == ("search", 3, {"y": "1"})


HOSTILE = [
    ({}, "text: Field required"),
    ({"text": ""}, "text: "),
    ({"text": "x" * 20_001}, "text: "),
    ({"text": "a", "tenant": "other"}, "tenant: Extra inputs"),
    ({"text": "a", "session_id": "../../etc"}, "session"),
    ({"text": "a", "max_tokens": 10**9}, "max_tokens: "),
    ({"text": {"$ne": 1}}, "text: "),
    ({"text": "a", "budget_ms": -1}, "budget_ms: "),
]


async def test_hostile_arguments_are_a_result_that_a_model_can_read(served, gateway, log):
    async with connected(served, a_key(gateway)) as client:
        results = [await client.call_tool("ask", arguments) for arguments, _ in HOSTILE]
    for result, (_, said) in zip(results, HOSTILE, strict=True):
        assert result.is_error
        assert said in texts_of(result)[0]
        assert result.meta["playhead/problem"]["status"] == 422
    assert not log.published(QuestionAsked)


async def test_an_unknown_tool_is_an_error_of_the_protocol(served, gateway):
    async with connected(served, a_key(gateway)) as client:
        with pytest.raises(MCPError, match="no such tool"):
            await client.call_tool("rm", {})


async def test_a_key_without_the_scope_is_told_which(served, gateway):
    async with connected(served, a_key(gateway, scopes=["write"])) as client:
        result = await client.call_tool("ask", {"text": "a"})
        with pytest.raises(MCPError, match="lacks the scope ask"):
            await client.list_resources()
    assert result.is_error
    assert "lacks the scope ask" in texts_of(result)[0]


async def test_calls_need_no_handshake_and_a_repeat_is_one_question(post, log):
    """Two gateways behind one address serve two messages of one client."""
    log.answer = answers_with("In May.")
    replies = [await post(message(id=number), **{"Idempotency-Key": "k"}) for number in (7, 8)]
    assert [one.status_code for one in replies] == [200, 200]
    assert all("mcp-session-id" not in one.headers for one in replies)
    assert len(log.published(QuestionAsked)) == 1


async def test_a_client_that_leaves_is_followed_no_longer_and_its_answer_ends(served, gateway, log):
    gateway.cancelling._abandoned_s = 0.05
    async with connected(served, a_key(gateway)) as client:
        asking = asyncio.create_task(client.call_tool("ask", {"text": "a", "budget_ms": 60_000}))
        async with asyncio.timeout(60):
            while not log.published(QuestionAsked):  # noqa: ASYNC110 - the log has no event for it
                await asyncio.sleep(0.01)
        assert gateway.dispatch.waiting == 1
        asking.cancel()
        async with asyncio.timeout(60):
            while gateway.dispatch.waiting:  # noqa: ASYNC110 - nor has the dispatch
                await asyncio.sleep(0.01)
            while not log.published(CancellationRequested):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)


async def test_without_a_key_a_client_is_told_how_to_get_in(served, post):
    problem = await post(Authorization="")
    is_problem(problem, 401)
    challenge = problem.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    where = challenge.split('resource_metadata="')[1].split('"')[0]
    async with httpx.AsyncClient(timeout=60) as http:
        metadata = (await http.get(where)).json()
    assert metadata["resource"] == address(served)
    assert metadata["bearer_methods_supported"] == ["header"]


async def test_a_key_that_ends_ends_what_is_followed(served, gateway, log):
    record, key = gateway.keys.create("acme")
    async with connected(served, key) as client:
        asking = asyncio.create_task(client.call_tool("ask", {"text": "a"}))
        async with asyncio.timeout(60):
            while not log.published(QuestionAsked):  # noqa: ASYNC110 - the log has no event for it
                await asyncio.sleep(0.01)
        gateway.keys.revoke(record.id)
        result = await asking
    assert result.is_error
    assert "revoked" in texts_of(result)[0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-Tenant": "other"}, 403),
        ({"Authorization": "Bearer ph_wrong"}, 401),
        ({"MCP-Protocol-Version": "1999-01-01"}, 400),
        ({"Accept": "text/html"}, 406),
    ],
)
async def test_what_a_request_says_beside_its_message_is_held_against_it(
    post, log, headers, status
):
    assert (await post(**headers)).status_code == status
    assert not log.published(QuestionAsked)


def test_pages_of_this_machine_may_call():
    for origin in (None, "http://localhost:3000", "http://127.0.0.1", "https://chat.acme.test"):
        check_origin(origin, "https://chat.acme.test")
    with pytest.raises(Problem):
        check_origin("https://chat.acme.test.evil.test", "https://chat.acme.test")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_messages_are_posted(post, method):
    response = await post(method=method)
    is_problem(response, 405)
    assert response.headers["allow"] == "POST"


NO_MESSAGES = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"1e999",
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    json.dumps([message()] * 3).encode(),
    json.dumps(message(jsonrpc="1.0")).encode(),
    json.dumps(message(id={"a": 1})).encode(),
    json.dumps(message("no/such/method")).encode(),
    json.dumps(message(params={"name": ["ask"], "arguments": "x"})).encode(),
]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32_700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"a":NaN}}', -32_700),
        (b"[]", -32_600),
        (json.dumps(message(id=None)).encode(), -32_600),
        (json.dumps(message(id=True)).encode(), -32_600),
        (json.dumps(message(id=10**30)).encode(), -32_600),
        (json.dumps(message(params=["secret"])).encode(), -32_600),
        (json.dumps(message({"secret": 1})).encode(), -32_600),
        (json.dumps(message(jsonrpc="secret")).encode(), -32_600),
    ],
)
async def test_what_is_no_message_is_told_in_the_protocols_shape_without_its_values(
    post, body, code
):
    response = await post(body)
    assert response.status_code == 400
    told = response.json()
    assert (told["jsonrpc"], told["id"], told["error"]["code"]) == ("2.0", None, code)
    assert "secret" not in response.text


async def test_the_sdk_reads_what_was_checked(post, log, gateway):
    """A number that is none of JSON's, or stands twice, is the same to both."""
    log.answer = passages_for(gateway)
    sent = message(params={"name": "search", "arguments": {"text": "a", "filters": {"y": 10**30}}})
    assert '"isError":false' in (await post(sent)).text
    log.answer = answers_with("In May.")
    spelt = json.dumps(message()).replace('"id": 1', '"id": null, "id": 1').encode()
    assert '"id":1,' in (await post(spelt)).text
    is_problem(await post(**{"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28", ""])
async def test_a_message_that_is_none_is_an_error_and_nothing_more(post, log, version):
    headers = {"MCP-Protocol-Version": version} if version else {}
    for body in NO_MESSAGES:
        response = await post(body, **headers)
        assert response.status_code < 500
        assert response.status_code >= 400 or "error" in response.text
        assert "Traceback" not in response.text
    assert not log.published(QuestionAsked)


async def test_a_body_has_a_bound(post):
    is_problem(await post(b" " * 262_145), 413)


async def test_a_cancellation_of_nothing_is_taken(post):
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}}
    assert (await post(note)).status_code == 202


async def test_an_error_of_ours_is_told_by_its_ids_alone(served, gateway, log, monkeypatch):
    def broken(_event):
        raise RuntimeError("the secret of acme")

    log.answer = broken
    async with connected(served, a_key(gateway)) as client:
        result = await client.call_tool("ask", {"text": "a"})
    assert result.is_error
    assert "secret" not in result.model_dump_json()
    assert result.meta["playhead/problem"]["status"] == 500


def test_a_gateway_does_not_import_the_sdk_before_it_is_asked_for():
    import subprocess

    code = "import sys, edge.protocols.serving; print([m for m in sys.modules if m == 'mcp'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
