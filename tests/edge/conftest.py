"""A gateway over a log in memory: in this process, or served on a port."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future

import pytest
import uvicorn

from edge.answering.bounds import Bounds
from edge.protocols import pacing
from edge.protocols.http.app import create_app
from tests.edge.fake_log import FakeLog, a_gateway, a_key
from tests.edge.http_client import HttpClient


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def bounds():
    return Bounds(late_s=1.0, stop_s=1.0)


@pytest.fixture
def settings():
    """What the gateway is set to, beside the tests' own."""
    return {}


@pytest.fixture
async def gateway(tmp_path, log, bounds, settings):
    return a_gateway(tmp_path, log, bounds, **settings)


@pytest.fixture
async def app(gateway):
    gateway.start()
    yield create_app(gateway)
    await gateway.stop()


@pytest.fixture
def call(app, gateway):
    return HttpClient(app, a_key(gateway))


@contextlib.asynccontextmanager
async def serving(gateway):
    """Serve a gateway on a free port.

    These are the parts of uvicorn's serve(), without the loop that looks ten times a second whether
    to stop, and without the tenth of a second that its shutdown sleeps.
    """
    server = uvicorn.Server(
        uvicorn.Config(create_app(gateway), port=0, log_config=None, **pacing.of_server())
    )
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    [listening] = server.servers
    try:
        yield server
    finally:
        listening.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        if server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks, timeout=1)
        for task in server.server_state.tasks:
            task.cancel()
        await server.lifespan.shutdown()


def address_of(server):
    """Return host and port of a server."""
    [listening] = server.servers
    return "{}:{}".format(*listening.sockets[0].getsockname())


@pytest.fixture
async def served(gateway):
    """Serve the gateway."""
    async with serving(gateway) as server:
        yield server


@pytest.fixture
def url(served):
    """The address of its chat."""
    return f"ws://{address_of(served)}/v1/chat"


@pytest.fixture
def stack(tmp_path, log, bounds, monkeypatch):
    """Serve a gateway on a thread; the environment points to it."""
    gateway = a_gateway(tmp_path / "run", log, bounds)
    begun = Future()

    async def serve():
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serving(gateway) as server:
            begun.set_result((address_of(server), lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    address, stop = begun.result(60)
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("PLAYHEAD_GATEWAY", f"http://{address}")
    monkeypatch.setenv("PLAYHEAD_KEY", a_key(gateway))
    yield gateway
    stop()
    thread.join(5)
