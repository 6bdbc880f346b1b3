"""Limits of a tenant, held by two gateways of one stack, and read from its log."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from tests.end_to_end.gateways_beside import at, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

MOST = 4
MINUTE_S = 60


@pytest.fixture
def tenant():
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def in_force(running, tmp_path, tenant):
    """Put limits of the tenant in force until the end of the test."""

    def put(**limits):
        path = tmp_path / "limits.json"
        values = {"tenants": {tenant: limits, "watcher": {"questions_per_minute": 10**6}}}
        path.write_text(json.dumps(values))
        done = running.playhead("config", "set", "limits", str(path), "--json")
        assert done.returncode == 0, done.stderr

    yield put
    running.playhead("config", "roll-back", "limits", "--to", "shipped")


def searched(client):
    return client.post("/v1/search", json={"text": "compressor"})


def asked_in_turn(clients):
    """Search by each client in turn until each was refused; when those began that were answered."""
    answered, refused = [], {}
    for number in range(20 * MOST):
        at = number % len(clients)
        began_s = time.monotonic()
        answer = searched(clients[at])
        if answer.status_code == 200:
            answered.append((began_s, time.monotonic()))
        elif answer.status_code == 429:
            refused[at] = answer
        if len(refused) == len(clients):
            break
    return answered, refused


def test_two_gateways_hold_one_limit_and_ingest_has_another(running, tenant, in_force, beside):
    in_force(questions_per_minute=MOST, documents=1)
    urls = running.settings.gateway, beside.url
    for url in urls:  # each follows the log
        with at(url, running, "watcher") as client:
            until(lambda client=client: "ratelimit" in searched(client).headers)
    with at(urls[0], running, tenant) as one, at(urls[1], running, tenant) as other:
        answered, refused = asked_in_turn((one, other))
        assert len(refused) == 2
        for answer in refused.values():
            assert answer.headers["ratelimit"].startswith('"tenant-questions-per-minute";r=0;t=')
            assert "questions that it may in a minute" in answer.json()["detail"]
        for first_s, _ in answered:
            within = [
                1
                for began_s, end_s in answered
                if first_s <= began_s and end_s < first_s + MINUTE_S
            ]
            assert len(within) <= MOST + 1  # one may be on its way from the other
        # what is stored is another limit, and asks nobody to wait for questions
        state = running.submit(tenant, "The compressor is never lent out.", uri="a.md")
        assert state["status"] == "indexed"
        body = {"uri": "b.md", "media_type": "text/markdown", "content": "More."}
        for client in (one, other):
            until(lambda client=client: client.get("/v1/documents").json()["documents"])
            full = client.post("/v1/documents", json=body)
            assert (full.status_code, full.json()["retryable"]) == (429, False)
    told = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    assert told.returncode == 0, told.stdout
