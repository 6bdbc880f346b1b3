"""What clients hear of a server that is told to stop: the real one, over a log in memory."""

import asyncio
import contextlib
import logging

import httpx
import pytest
import websockets

from edge.answering.bounds import Bounds
from edge.protocols import serving
from edge.protocols.serving import is_a_fault
from tests.edge.chat_client import connect, frames_until, send
from tests.edge.fake_log import FakeLog, a_gateway, a_key
from tests.edge.http_client import frames_of
from tests.edge.protocols.graphql.graphql_client import PROTOCOL
from tests.edge.protocols.told_server import be_told, serve_until_told

CLOSED = 1001, "the gateway is shutting down: reconnect"
RESUME = "the gateway is shutting down: resume from the last cursor"


@pytest.fixture
def gateway(tmp_path):
    return a_gateway(tmp_path, FakeLog(), Bounds(late_s=1.0))


@pytest.fixture
def stopped(gateway, caplog):
    """Serve, have a client do something, and return what it returned and what the server logged."""

    def run(client):
        key = a_key(gateway)
        told = serve_until_told(gateway, lambda address: asyncio.run(client(address, key)))
        return told, [one for one in caplog.records if one.name == "uvicorn.error"]

    return run


async def the_close(socket):
    """Return code and reason of the end of a connection."""
    with contextlib.suppress(websockets.ConnectionClosed):
        async with asyncio.timeout(60):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


def test_an_idle_chat_is_closed_with_a_reason(stopped):
    async def client(address, key):
        async with connect(f"ws://{address}/v1/chat", key) as socket:
            await send(socket, type="resume", request_id="nothing", cursor="")
            await socket.recv()
            be_told()
            return await the_close(socket)

    assert stopped(client) == (CLOSED, [])


def test_the_reader_of_an_answer_is_told_from_where_to_resume(stopped):
    async def client(address, key):
        async with connect(f"ws://{address}/v1/chat", key) as socket:
            await send(socket, type="message", text="What is due?")
            [accepted] = await frames_until(socket, "accepted")
            be_told()
            frames = await frames_until(socket, "error")
            return accepted, frames[-1], await the_close(socket)

    (accepted, problem, close), logged = stopped(client)
    assert problem["status"] == 503
    assert RESUME in problem["detail"]
    assert problem["cursor"] == accepted["cursor"]
    assert problem["request_id"] == accepted["request_id"]
    assert close == CLOSED
    assert logged == []


def test_a_subscription_is_closed_with_a_reason(stopped):
    async def client(address, key):
        async with connect(f"ws://{address}/graphql", key, subprotocols=[PROTOCOL]) as socket:
            await send(socket, type="connection_init")
            await socket.recv()
            be_told()
            return await the_close(socket)

    assert stopped(client) == (CLOSED, [])


@pytest.mark.parametrize("stream", [True, False])
def test_who_waits_over_http_gets_a_problem(gateway, stopped, stream):
    async def client(address, key):
        headers = {"Authorization": f"Bearer {key}"}
        body = {"text": "What is due?", "stream": stream}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as http:
            asking = asyncio.create_task(http.post(f"http://{address}/v1/messages", json=body))
            while not gateway.dispatch.waiting:  # noqa: ASYNC110 - in the server's thread
                await asyncio.sleep(0.01)
            be_told()
            return await asking

    response, logged = stopped(client)
    problem = frames_of(response)[-1] if stream else response.json()
    assert (problem["status"], problem["detail"]) == (503, RESUME)
    assert logged == []


def test_who_is_not_gone_in_time_is_cut_and_that_is_no_fault(gateway, stopped, monkeypatch):
    monkeypatch.setattr(serving, "DRAIN_S", 0)
    logging.getLogger("uvicorn.error").addFilter(is_a_fault)

    async def client(address, key):
        async with connect(f"ws://{address}/v1/chat", key) as socket:
            await send(socket, type="message", text="What is due?")
            await frames_until(socket, "accepted")
            be_told()
            await socket.wait_closed()

    try:
        _, logged = stopped(client)
    finally:
        logging.getLogger("uvicorn.error").removeFilter(is_a_fault)
    assert [one.getMessage() for one in logged if one.exc_info] == []
    assert len(logged) == 1  # how many were cut
