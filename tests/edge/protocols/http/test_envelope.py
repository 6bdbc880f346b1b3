"""What every response has in common."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from structlog.testing import capture_logs

from edge.protocols.http.envelope import LEFT, Envelope
from tests.edge.http_client import (
    DOCUMENT,
    is_problem,
)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/messages", 405),
        ("GET", "/v1/me/", 404),
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


@pytest.mark.parametrize(
    ("path", "cached", "runs"),
    [
        ("/v1/me", "no-store", "sandbox"),
        ("/v1/nothing", "no-store", "sandbox"),
        ("/v1/sessions", "no-store", "sandbox"),
        ("/mcp", "no-store", "sandbox"),
        ("/", "no-cache", "script-src 'sha256-"),
    ],
)
async def test_nothing_that_is_answered_is_kept_or_runs_but_our_own_pages(call, path, cached, runs):
    headers = (await call("GET", path)).headers
    assert headers["cache-control"] == cached
    assert runs in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_framework_tells_nothing_of_its_own(app):
    """It would count by whatever host a client names, and keep the words of errors."""
    assert not any(app._telemetry[what] for what in ("tracing", "metrics", "logs"))


async def test_an_unforeseen_error_tells_the_client_nothing(call, gateway):
    def broken(*_):
        raise RuntimeError("secret words")

    gateway.documents.heads = broken
    with capture_logs() as logged:
        problem = is_problem(await call("GET", "/v1/documents"), 500)
    assert "secret" not in json.dumps(problem)
    [line] = logged
    assert "secret" not in str(line)
    assert line["request"] == problem["request_id"]
    assert "in broken" in line["places"]


@pytest.mark.parametrize("left", LEFT)
async def test_a_client_that_goes_away_is_no_error_of_the_gateway(left):
    async def app(_scope, _receive, _send):
        raise left

    scope = {"type": "websocket", "path": "/v1/chat", "headers": []}
    with capture_logs() as logged:
        await Envelope(app)(scope, None, None)
    [line] = logged
    assert (line["event"], line["log_level"]) == ("a client went away", "info")


def served(app, sent):
    """Serve one request of an app as the server does: in a task that it may cancel."""

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/documents", "headers": []}
    return asyncio.ensure_future(Envelope(app)(scope, None, send))


async def test_a_request_that_a_stop_cuts_off_may_be_sent_again():
    async def app(_scope, _receive, _send):
        await asyncio.Event().wait()

    sent = []
    request = served(app, sent)
    await asyncio.sleep(0)
    request.cancel()
    await request
    start, body = sent
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"1"
    problem = json.loads(body["body"])
    assert problem["retryable"]
    assert problem["type"].endswith("stopping")
    assert "Idempotency-Key" in problem["detail"]


async def test_a_response_that_a_stop_cuts_off_in_the_middle_does_not_begin_anew():
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    sent = []
    request = served(app, sent)
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert [message.get("status") for message in sent] == [200]


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


async def test_a_request_that_says_its_length_in_two_ways_is_refused(call):
    headers = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    response = await call("POST", "/v1/messages", content=b"{}", headers=headers)
    problem = is_problem(response, 400)
    assert problem["type"].endswith("two-lengths")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/openapi.json"])
async def test_who_looks_whether_a_page_is_there_is_told_as_who_reads_it(call, path):
    head, get = await call("HEAD", path), await call("GET", path)
    assert head.status_code == get.status_code
    assert head.headers["content-type"] == get.headers["content-type"]
    assert (head.content, {"x-request-id", "traceparent"} <= set(head.headers)) == (b"", True)


@pytest.mark.parametrize("path", ["/login", "/login/callback", "/v1/messages/r", "/v1/documents"])
async def test_nothing_else_is_done_by_looking(call, path):
    assert (await call("HEAD", path)).status_code == 405
