"""What runs on this machine is reached without a proxy."""

import asyncio
import socket

import grpc
import httpx
import pytest

from infra.local.network import without_proxy

PROXY = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("environment", "excepted"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"no_proxy": ""}, "127.0.0.1,localhost"),
        ({"no_proxy": "a.example, .b"}, "a.example,.b,127.0.0.1,localhost"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "b,a,127.0.0.1,localhost"),
        ({"NO_PROXY": "localhost"}, "localhost,127.0.0.1"),
        ({"NO_PROXY": "a,*"}, "*"),
    ],
)
def test_what_the_user_excepted_stays_excepted(environment, excepted):
    assert without_proxy(environment) == {"no_proxy": excepted, "NO_PROXY": excepted}


def test_it_may_be_applied_again():
    once = without_proxy({"no_proxy": "a"})
    assert without_proxy(once) == once


def test_the_name_that_grpc_prefers_is_kept_up_where_it_is_set():
    said = without_proxy({"no_grpc_proxy": "a.example"})
    assert said["no_grpc_proxy"] == "a.example,127.0.0.1,localhost"


@pytest.fixture
def dead_proxy(monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**PROXY, **without_proxy({})}.items():
        monkeypatch.setenv(name, value)


async def test_grpc_reaches_this_machine_past_a_dead_proxy(dead_proxy):
    async def answer(_request, _context):
        return b"here"

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("thing", {"Say": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert await channel.unary_unary("/thing/Say")(b"", timeout=60) == b"here"
    await server.stop(None)


async def test_http_reaches_this_machine_past_a_dead_proxy(dead_proxy):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 204
