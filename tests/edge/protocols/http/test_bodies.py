"""Bodies that are malformed, invalid or too large."""

from __future__ import annotations

import pytest

from edge.protocols.http.app import create_app
from schemas import (
    DocumentSubmitted,
)
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import (
    DOCUMENT,
    HttpClient,
    is_problem,
)


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
    gateway = a_gateway(tmp_path / "small", log, document_bytes_max=1_000)
    gateway.start()
    call = HttpClient(create_app(gateway), a_key(gateway))
    is_problem(await call("POST", "/v1/documents", {**DOCUMENT, "content": "x" * 1_001}), 413)
    is_problem(await call("POST", "/v1/documents", {**DOCUMENT, "content": "x" * 2_000_000}), 413)
    is_problem(await call("POST", "/v1/messages", {"text": "x" * 2_000_000}), 413)

    async def chunked():
        for _ in range(40):
            yield b"x" * 65_536

    is_problem(await call("POST", "/v1/messages", content=chunked()), 413)
    await gateway.stop()
