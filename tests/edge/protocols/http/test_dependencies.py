"""Who calls, by HTTP: keys, scopes and tenants."""

from __future__ import annotations

import json

import httpx
import pytest

from schemas import (
    DocumentSubmitted,
)
from tests.edge.fake_log import a_key
from tests.edge.http_client import (
    DOCUMENT,
    HttpClient,
    is_problem,
)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic abc", "ph_x"])
async def test_without_a_valid_key_nothing_is_answered(app, header):
    headers = {} if header is None else {"Authorization": header}
    call = HttpClient(app, "")
    for method, path in [("GET", "/v1/documents"), ("POST", "/v1/messages")]:
        response = await call(method, path, headers=headers)
        is_problem(response, 401)
        assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_and_an_expired_key_are_no_keys(app, gateway):
    entry, secret = gateway.keys.create("acme")
    assert (await HttpClient(app, secret)("GET", "/v1/documents")).status_code == 200
    gateway.keys.revoke(entry.id)
    is_problem(await HttpClient(app, secret)("GET", "/v1/documents"), 401)
    _, expired = gateway.keys.create("acme", ttl_s=-1)
    is_problem(await HttpClient(app, expired)("GET", "/v1/documents"), 401)


async def test_a_stream_ends_when_its_key_does_and_says_why(url, gateway, log):
    """Over a real connection: the key is looked up while the stream waits."""
    entry, secret = gateway.keys.create("acme")
    address = url.replace("ws://", "http://").removesuffix("/v1/chat")
    body = {"text": "x", "stream": True}
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
        headers = {"Authorization": f"Bearer {secret}"}
        async with client.stream("POST", "/v1/messages", headers=headers, json=body) as response:
            frames = response.aiter_lines()
            while "accepted" not in await anext(frames):
                pass
            gateway.keys.revoke(entry.id)
            rest = [json.loads(line[6:]) async for line in frames if line.startswith("data: ")]
    assert [(frame["type"], frame["status"]) for frame in rest] == [("error", 401)]
    assert "this key was revoked" in rest[0]["detail"]


async def test_a_key_does_what_its_scopes_say_and_no_more(app, gateway):
    read_only = HttpClient(app, a_key(gateway, scopes=["read"]))
    assert "ingest" in is_problem(await read_only("POST", "/v1/documents", DOCUMENT), 403)["detail"]
    is_problem(await HttpClient(app, a_key(gateway, scopes=["write"]))("POST", "/v1/messages"), 403)


@pytest.mark.parametrize(
    "named",
    [
        {"headers": {"X-Tenant": "globex"}},
        {"params": {"tenant": "globex"}},
        {"params": [("tenant", "globex"), ("tenant", "acme")]},
        {"params": [("tenant", "acme"), ("tenant", "globex")]},
        {"headers": [("X-Tenant", "acme"), ("X-Tenant", "globex")]},
        {"headers": {"X-Tenant": "acme"}, "params": {"tenant": "globex"}},
        {"body": {**DOCUMENT, "tenant": "globex"}},
    ],
)
async def test_another_tenant_than_the_keys_own_is_refused(call, log, named):
    body = named.pop("body", DOCUMENT)
    is_problem(await call("POST", "/v1/documents", body, **named), 403)
    assert not log.published(DocumentSubmitted)
