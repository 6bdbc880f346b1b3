"""The witness over HTTP: statuses as the specification has them, and bounds on every request."""

import asyncio

import httpx
import pytest

from replay.seal.checkpoint import Checkpoint
from replay.witnessing.cosignature import Cosigner, cosignatures
from replay.witnessing.witness_messages import REQUEST_BYTES_MAX, AddCheckpoint, monitored_path
from replay.witnessing.witness_server import WitnessApp
from tests.replay.seal.sealed_log import SIGNER
from tests.replay.witnessing.served import a_state

COSIGNER = Cosigner.new("witness.test/w")
NOTE = Checkpoint("playhead-test/t/0", 3, b"r" * 32, 0, 3).signed(SIGNER)
BODY = AddCheckpoint(0, (), NOTE).spelt()


@pytest.fixture
def state(tmp_path):
    state = a_state(tmp_path, COSIGNER)
    yield state
    state.close()


@pytest.fixture
async def http(state):
    transport = httpx.ASGITransport(WitnessApp(state))
    async with httpx.AsyncClient(transport=transport, base_url="http://w.test") as client:
        yield client


async def test_a_checkpoint_is_cosigned_told_and_shown(http):
    answer = await http.post("/add-checkpoint", content=BODY)
    assert answer.status_code == 200
    assert cosignatures(NOTE + answer.text, [COSIGNER.verifier])
    shown = await http.get(f"/{monitored_path('playhead-test/t/0')}")
    assert (shown.status_code, shown.text) == (200, NOTE + answer.text)
    again = await http.post("/add-checkpoint", content=BODY)
    assert (again.status_code, again.text) == (409, "3\n")
    assert again.headers["content-type"] == "text/x.tlog.size"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/add-checkpoint", b"x" * (REQUEST_BYTES_MAX + 1), 413),
        ("POST", "/add-checkpoint", b"", 400),
        ("GET", "/add-checkpoint", b"", 405),
        ("POST", "/sign-subtree", BODY, 404),
        ("GET", "/", b"", 404),
        ("GET", f"/{'0' * 64}/checkpoint", b"", 404),
        ("GET", "/'%20OR%201=1/checkpoint", b"", 404),
        ("DELETE", f"/{monitored_path('playhead-test/t/0')}", b"", 404),
    ],
)
async def test_what_is_not_asked_rightly_is_refused(http, method, path, content, status):
    answer = await http.request(method, path, content=content)
    assert answer.status_code == status


async def test_of_a_large_request_no_more_is_read_than_is_taken(state):
    parts = 0

    async def receive():
        nonlocal parts
        parts += 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    sent = await _sent(WitnessApp(state), receive)
    assert (sent, parts) == (413, REQUEST_BYTES_MAX // 65_536 + 1)


async def test_a_request_that_does_not_come_is_not_waited_for(state):
    async def receive():
        await asyncio.sleep(3_600)

    assert await _sent(WitnessApp(state, body_s=0.01), receive) == 408


async def test_who_leaves_in_the_middle_is_no_fault(state):
    async def receive():
        return {"type": "http.disconnect"}

    assert await _sent(WitnessApp(state), receive) == 400


async def test_a_witness_that_can_not_keep_anything_cosigns_nothing(http, state):
    state.close()
    answer = await http.post("/add-checkpoint", content=BODY)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert COSIGNER.verifier.name not in answer.text


async def _sent(app, receive):
    statuses = []

    async def send(message):
        statuses.append(message.get("status"))

    scope = {"type": "http", "path": "/add-checkpoint", "method": "POST"}
    await app(scope, receive, send)
    return statuses[0]
