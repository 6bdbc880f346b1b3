"""The description of the interface and its pages."""

from __future__ import annotations

import pytest


async def test_openapi_lists_the_routes(call):
    found = (await call("GET", "/openapi.json")).json()
    assert {"/v1/documents", "/v1/messages", "/v1/search"} <= set(found["paths"])
    assert {"/v1/models", "/v1/models/{name}"} <= set(found["paths"])
    assert {"/v1/review/next", "/v1/review/agreement"} <= set(found["paths"])
    bodies = ("/v1/messages", "/v1/chat/completions", "/v1/feedback", "/v1/review/judge")
    for path in (*bodies, "/v1/review/undo"):
        body = found["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"]["required"]


@pytest.mark.parametrize("path", ["/", "/review"])
async def test_a_page_runs_its_own_script_and_no_other(call, path):
    response = await call("GET", path)
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
    assert "http://" not in response.text
    assert "https://" not in response.text
