"""The SDK's own client, connected to a gateway that is served."""

import contextlib

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.edge.conftest import address_of

HEADERS = {"Accept": "application/json, text/event-stream"}


def address(served):
    return f"http://{address_of(served)}/mcp"


@contextlib.asynccontextmanager
async def connected(served, key, mode="auto", **headers):
    headers = {"Authorization": f"Bearer {key}", **headers}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(address(served), http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def texts_of(result):
    return [one.text for one in result.content if one.type == "text"]


def links_of(result):
    return [one.uri for one in result.content if one.type == "resource_link"]
