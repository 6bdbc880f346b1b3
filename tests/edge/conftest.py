"""A gateway over a log in memory: in this process, or served on a port."""

import asyncio
import threading
import time

import pytest
import uvicorn

from edge.answering.bounds import Bounds
from edge.protocols.http.app import create_app
from tests.edge.fake_log import FakeLog, a_gateway, a_key
from tests.edge.http_client import HttpClient


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def bounds():
    return Bounds(late_s=1.0)


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


@pytest.fixture
async def url(gateway):
    """Serve the gateway; the address of its chat."""
    config = uvicorn.Config(
        create_app(gateway), port=0, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    # the parts of its serve() without the loop that looks ten times a second whether to stop
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"ws://127.0.0.1:{port}/v1/chat"
    await server.shutdown()


@pytest.fixture
def stack(tmp_path, log, bounds, monkeypatch):
    """Serve a gateway on a thread; the environment points to it."""
    gateway = a_gateway(tmp_path / "run", log, bounds)
    server = uvicorn.Server(uvicorn.Config(create_app(gateway), port=0, log_config=None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("PLAYHEAD_GATEWAY", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("PLAYHEAD_KEY", a_key(gateway))
    yield gateway
    server.should_exit = True
    thread.join(5)
