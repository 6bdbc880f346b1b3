"""Connecting: an outage is told at once, and its end is noticed within a second."""

import asyncio
import contextlib
import os
import subprocess
import sys

import grpc
import pytest
from weaviate.proto.v1 import search_get_pb2

from agents.errors import Transient
from connectors.weaviate.connecting import WeaviateConnection, new_client
from streams.settings import Settings


async def served(port=0, status=grpc.StatusCode.OK, heard=None):
    """A gRPC server that answers a search with nothing, or with a status."""

    async def answer(request, context):
        if heard is not None:
            heard.append((request, dict(context.invocation_metadata())))
        if status is not grpc.StatusCode.OK:
            await context.abort(status, "as the test wants")
        return b""

    handlers = {"Search": grpc.unary_unary_rpc_method_handler(answer)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("weaviate.v1.Weaviate", handlers),)
    )
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port


async def called(channel):
    return await channel.unary_unary("/weaviate.v1.Weaviate/Search")(b"", timeout=5)


async def test_where_nobody_answers_the_client_is_told_at_once_and_finds_the_server_again():
    server, port = await served()
    address = WeaviateConnection.from_params("127.0.0.1", 1, False, "127.0.0.1", port, False)
    async with address._grpc_channel({}, None, is_async=True) as channel:
        assert await called(channel) == b""
        await server.stop(None)
        for _ in range(5):
            with pytest.raises(ConnectionError):
                await called(channel)
        server, _ = await served(port)
        answer = None
        while answer is None:
            with contextlib.suppress(ConnectionError):
                answer = await called(channel)
            await asyncio.sleep(0.05)
        assert answer == b""
        await server.stop(None)


async def test_a_search_goes_past_the_client_and_is_told_at_once_where_nobody_answers(tmp_path):
    heard = []
    server, port = await served(heard=heard)
    (tmp_path / "key").write_text("secret")
    settings = Settings(weaviate_grpc=f"127.0.0.1:{port}", weaviate_key_file=str(tmp_path / "key"))
    client = new_client(settings)
    request = search_get_pb2.SearchRequest(collection="Chunk", tenant="acme")
    assert not (await client.search(request)).results
    [(sent, metadata)] = heard
    assert search_get_pb2.SearchRequest.FromString(sent) == request
    assert metadata["authorization"] == "Bearer secret"
    await server.stop(None)
    with pytest.raises(ConnectionError):
        await client.search(request)
    server, _ = await served(port, heard=heard)
    while len(heard) == 1:
        with contextlib.suppress(ConnectionError):
            await client.search(request)
        await asyncio.sleep(0.05)
    await client.close()
    await server.stop(None)


async def test_other_statuses_of_a_search_are_told_as_they_are():
    server, port = await served(status=grpc.StatusCode.RESOURCE_EXHAUSTED)
    client = new_client(Settings(weaviate_grpc=f"127.0.0.1:{port}"))
    with pytest.raises(grpc.aio.AioRpcError, match="RESOURCE_EXHAUSTED"):
        await client.search(search_get_pb2.SearchRequest())
    await client.close()
    await server.stop(None)


@pytest.mark.parametrize("secure", [False, True])
async def test_after_an_outage_it_connects_again_within_a_second(monkeypatch, secure):
    given = {}
    kind = "secure_channel" if secure else "insecure_channel"
    monkeypatch.setattr(
        grpc.aio, kind, lambda target, *args, **rest: given.update(dict(args[-1]), at=target)
    )
    WeaviateConnection.from_params("h", 1, secure, "h", 2, secure)._grpc_channel(
        {}, None, is_async=True
    )
    assert given["at"] == "h:2"
    assert given["grpc.max_reconnect_backoff_ms"] <= 1_000
    assert given["grpc.default_authority"] == "h"


async def test_other_statuses_reach_the_client_as_they_are():
    server, port = await served(status=grpc.StatusCode.RESOURCE_EXHAUSTED)
    address = WeaviateConnection.from_params("127.0.0.1", 1, False, "127.0.0.1", port, False)
    async with address._grpc_channel({}, None, is_async=True) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="RESOURCE_EXHAUSTED"):
            await called(channel)
    await server.stop(None)


@pytest.mark.parametrize(
    ("http", "host", "port", "secure"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 8080, False),
        ("http://index.test", "index.test", 80, False),
        ("https://index.test", "index.test", 443, True),
        ("https://index.test:8443", "index.test", 8443, True),
        ("http://[::1]:8080", "::1", 8080, False),
    ],
)
def test_an_address_is_read_from_its_settings(http, host, port, secure):
    client = new_client(Settings(weaviate_http=http, weaviate_grpc="grpc.test:50051"))
    where = client._connection._connection_params
    assert (where.http.host, where.http.port, where.http.secure) == (host, port, secure)
    assert (where.grpc.host, where.grpc.port, where.grpc.secure) == ("grpc.test", 50051, secure)


@pytest.mark.parametrize(("content", "sent"), [("secret\n", "Bearer secret"), ("", None)])
def test_the_key_is_read_from_its_file_where_there_is_one(tmp_path, content, sent):
    path = tmp_path / "weaviate.key"
    path.write_text(content)
    client = new_client(Settings(weaviate_key_file=str(path)))
    assert client._connection.get_current_bearer_token() == (sent or "")


def test_a_key_that_can_not_be_read_names_the_setting_and_not_the_key(tmp_path):
    with pytest.raises(Transient, match=r"IsADirectoryError\): see weaviate_key_file"):
        new_client(Settings(weaviate_key_file=str(tmp_path)))


def test_the_client_shows_nobody_a_warning_that_is_none_of_its_own():
    """Its import has all of them shown: at the end of a verb, a socket of another client."""
    code = "import connectors.weaviate, socket\nsocket.socket()\nimport weaviate.classes.data"
    quiet = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=quiet, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
