"""A worker that is away, and questions that pile up: the gateway refuses, and recovers."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = pytest.mark.stack

SOON_S = 60.0  # for what a worker found at its start to be done, on a busy machine
BUDGET_MS = 240_000  # of those that wait for it to start


def search(client: httpx.Client, budget_ms: int = BUDGET_MS) -> httpx.Response:
    return client.post("/v1/search", json={"text": "compressor", "budget_ms": budget_ms})


def until(what, limit_s=SOON_S):
    """Ask again until it is so; return the last answer."""
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.2)
    return found


def is_refusal(response: httpx.Response, status: int) -> bool:
    if response.status_code != status:
        return False
    assert response.headers["content-type"] == "application/problem+json"
    assert 1 <= int(response.headers["retry-after"]) <= 75
    assert response.json()["retryable"]
    return True


def metric(client: httpx.Client, name: str) -> float:
    """Add up the values of a metric of the gateway."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def behind(running, step: str) -> int:
    told = json.loads(running.playhead("lag", "--steps", step, "--json").stdout)
    return told["lag"]


def test_questions_that_nobody_works_on_are_refused_and_taken_again(running, workshop):
    if running.stack is None:
        pytest.skip("it stops a component of a stack of its own")
    share = running.settings.unanswered_per_tenant_max
    with (
        running.client(workshop, "--scopes", "read,metrics") as client,
        running.client("garden") as others,
        ThreadPoolExecutor(share) as pool,
    ):
        client.timeout = others.timeout = BUDGET_MS / 1_000 + 30
        answered = search(client)
        assert answered.status_code == 200
        request = answered.json()["request_id"]
        running.stack.stop_component("worker")
        try:
            waiting = [pool.submit(search, client) for _ in range(share)]
            until(lambda: metric(client, "playhead_gateway_unanswered") == share)
            assert is_refusal(search(client), 429)  # above the tenant's share

            # another tenant has a share, but the step stands still: a short budget is hopeless. Some
            # are let through first to see whether it does, at intervals that double
            late = until(lambda: (r := search(others, 2_000)).status_code == 503 and r, 120)
            assert is_refusal(late, 503)
            assert "longer than its 2 s" in late.json()["detail"]
            assert metric(client, "playhead_gateway_shed_total") >= 2
            assert behind(running, "redact") >= share

            # what reads goes on, and the gateway stays in service
            assert client.get(f"/v1/messages/{request}/timeline").status_code == 200
            assert client.get("/v1/documents").status_code == 200
            assert client.get("/readyz").status_code == 200
        finally:
            running.stack.start_component("worker")
        assert {one.result().status_code for one in waiting} == {200}  # not one was lost
        assert until(lambda: search(others).status_code == 200)
        assert search(client).status_code == 200
        until(lambda: client.get("/readyz").json()["shedding"] == {})
        until(lambda: behind(running, "redact,rewrite,retrieve") == 0)
        assert metric(client, "playhead_gateway_unanswered") == 0
