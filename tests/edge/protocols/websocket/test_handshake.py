"""The handshake: who may connect, and how it is said that one may not."""

from __future__ import annotations

import json

import pytest
import websockets

from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from tests.edge.chat_client import connect
from tests.edge.fake_log import a_key


async def refusal(connecting):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connecting
    response = refused.value.response
    problem = json.loads(response.body)
    assert response.status_code == problem["status"]
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["trace_id"] == response.headers["traceparent"].split("-")[1]
    return problem


@pytest.mark.parametrize(
    ("scopes", "status"), [(["read"], 101), (["write"], 403), (["restore"], 403)]
)
async def test_a_key_must_be_allowed_to_read(url, gateway, scopes, status):
    connecting = connect(url, a_key(gateway, scopes=scopes))
    if status == 101:
        async with connecting as socket:
            assert socket.subprotocol is None
    else:
        assert "scope ask" in (await refusal(connecting))["detail"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?tenant=globex", []),
        ("?tenant=globex&tenant=acme", []),
        ("?tenant=acme&tenant=globex", []),
        ("", ["globex"]),
        ("", ["globex", "acme"]),
        ("?tenant=acme", ["globex"]),
    ],
)
async def test_another_tenant_than_the_keys_is_refused_wherever_it_is_named(
    url, gateway, query, headers
):
    key = a_key(gateway)
    named = [("Authorization", f"Bearer {key}"), *(("X-Tenant", name) for name in headers)]
    connecting = websockets.connect(url + query, additional_headers=named)
    assert (await refusal(connecting))["status"] == 403
    async with connect(f"{url}?tenant=acme", key):
        pass


@pytest.mark.parametrize(
    "subprotocols", [["playhead"], ["bearer."], ["playhead", "bearer.ph_nonsense"], ["ph_x"]]
)
async def test_a_subprotocol_without_a_valid_key_opens_nothing(url, subprotocols):
    assert (await refusal(websockets.connect(url, subprotocols=subprotocols)))["status"] == 401


async def test_the_key_is_not_told_back(url, gateway):
    key = a_key(gateway)
    async with websockets.connect(url, subprotocols=[f"bearer.{key}"]) as socket:
        assert key not in str(socket.response.headers)
        assert socket.subprotocol is None


@pytest.mark.parametrize("bounds", [Bounds(connections=Shares(1, 9, 9, 0))])
async def test_connections_in_all_are_limited_and_counted_until_they_end(url, gateway):
    async with connect(url, a_key(gateway)):
        problem = await refusal(connect(url, a_key(gateway, "globex")))
        assert (problem["status"], problem["retryable"]) == (503, True)
    async with connect(url, a_key(gateway, "globex")):
        assert len(gateway.connections) == 1


async def test_a_refused_handshake_holds_nothing(url, gateway):
    await refusal(connect(url, "ph_nonsense"))
    assert len(gateway.connections) == 0


@pytest.mark.parametrize(("path", "told"), [("/nowhere", 1000), ("/v1/chat", 401)])
async def test_a_websocket_passes_nothing_that_the_framework_wraps_around_functions(
    app, monkeypatch, path, told
):
    monkeypatch.setattr(app, "build_middleware_stack", None)
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": path,
        "headers": [],
        "query_string": b"",
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, None, send)
    assert sent[0].get("code", sent[0].get("status")) == told
    assert scope["state"]["request_id"], "the envelope is not passed by"
