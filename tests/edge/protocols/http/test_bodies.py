"""Bodies that are malformed, invalid or too large."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import Request

from edge.answering.bounds import Bounds, Pace
from edge.problems import Problem
from edge.protocols.http.app import create_app
from edge.protocols.http.bodies import read_body
from schemas import (
    DocumentSubmitted,
)
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import (
    DOCUMENT,
    HttpClient,
    answers_with,
    is_problem,
)
from tests.virtual_time import virtual_time


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
        {"media_type": "image/x-icon"},
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


def a_body(*parts, then=None):
    """Receive a body in parts, and then what is said; without, nothing comes any more."""
    left = list(parts)

    async def receive():
        if left:
            return {"type": "http.request", "body": left.pop(0), "more_body": True}
        if then is None:
            await asyncio.Event().wait()
        return then

    return receive


LAST = {"type": "http.request", "body": b"", "more_body": False}


QUICK = Pace(grace_s=0.05, bytes_per_s=1_000)


async def read(receive, *, limit=100, headers=(), pace=QUICK):
    counted = []
    request = Request({"type": "http", "headers": list(headers)}, receive)
    return await read_body(request, limit, counted.append, pace), counted


async def test_a_body_is_read_in_its_parts_and_counted_by_them():
    assert await read(a_body(b"ab", b"c", then=LAST)) == (b"abc", [2, 1, 0])


@pytest.mark.parametrize("parts", [[], [b"x" * 20]])
async def test_a_body_that_does_not_move_is_given_up(parts):
    with pytest.raises(Problem) as refused:
        await read(a_body(*parts))
    assert (refused.value.status, refused.value.retryable) == (408, True)
    assert refused.value.headers["Connection"] == "close"
    assert f"{20 * len(parts)} bytes" in refused.value.detail
    assert "1000 bytes a second" in refused.value.detail


async def test_a_body_that_moves_may_take_longer_than_the_grace():
    async def receive():
        await asyncio.sleep(QUICK.grace_s / 2)
        return {"type": "http.request", "body": b"x" * 100, "more_body": next(more)}

    more = iter([True] * 9 + [False])
    with virtual_time():
        data, _ = await read(receive, limit=1_000, pace=replace(QUICK, bytes_per_s=1))
    assert len(data) == 1_000


@pytest.mark.parametrize("length", [b"101", b"9" * 5_000, b"\xb2"])
async def test_a_length_is_believed_where_it_is_too_large_and_never_a_fault(length):
    told = [(b"content-length", length)]
    if length == b"\xb2":  # a digit to Python, no number
        assert (await read(a_body(then=LAST), headers=told))[0] == b""
        return
    with pytest.raises(Problem) as refused:
        await read(a_body(then=LAST), headers=told)
    assert (refused.value.status, refused.value.headers["Connection"]) == (413, "close")


@pytest.mark.parametrize("bounds", [Bounds(pace=Pace(grace_s=0.2))])
async def test_bodies_that_never_end_shut_no_other_key_out(url, gateway, log):
    """Nine of the largest at once filled the gateway for all."""
    log.answer = answers_with("x")
    address = urlsplit(url)
    key = a_key(gateway)
    head = (
        f"POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        "Content-Length: 30000000\r\n\r\n"
    ).encode()
    connections = [await asyncio.open_connection(address.hostname, address.port) for _ in range(9)]
    for _, writer in connections:
        writer.write(head + b"x" * 100)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        response = await client.post(
            f"http://{address.netloc}/v1/messages",
            headers={"Authorization": f"Bearer {a_key(gateway, 'globex')}"},
            json={"text": "x"},
        )
    assert response.status_code == 200
    async with asyncio.timeout(60):
        answers = [await reader.read() for reader, _ in connections]  # each connection ends
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert gateway.admission.bodies_bytes == 0
    for _, writer in connections:
        writer.close()
