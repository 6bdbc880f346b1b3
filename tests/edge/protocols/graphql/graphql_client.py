"""Clients of GraphQL: over HTTP, and of graphql-transport-ws over a WebSocket."""

import asyncio
import contextlib
import json

import websockets

PROTOCOL = "graphql-transport-ws"
QUICK_S = 5


async def run(call, query, **variables):
    """Execute an operation; returns its data, or fails with its errors."""
    response = await call("POST", "/graphql", {"query": query, "variables": variables})
    answer = response.json()
    assert "errors" not in answer, answer
    return answer["data"]


async def problems(call, query, **variables):
    """The problems of an operation that fails."""
    response = await call("POST", "/graphql", {"query": query, "variables": variables})
    answer = response.json()
    for one in answer["errors"]:
        assert one["extensions"]["request_id"] == response.headers["x-request-id"]
        assert one["message"] == one["extensions"]["detail"]
    return [one["extensions"] for one in answer["errors"]]


class Transport:
    """A client of graphql-transport-ws."""

    quick_s = QUICK_S

    def __init__(self, socket):
        self._socket = socket
        self._count = 0

    async def send(self, **message):
        await self._socket.send(json.dumps(message))

    async def receive(self):
        async with asyncio.timeout(self.quick_s):
            return json.loads(await self._socket.recv())

    async def until_closed(self):
        while True:
            await self.receive()

    async def init(self, **payload):
        await self.send(type="connection_init", payload=payload)
        assert (await self.receive())["type"] == "connection_ack"

    async def subscribe(self, query, **variables):
        self._count += 1
        payload = {"query": query, "variables": variables}
        await self.send(type="subscribe", id=str(self._count), payload=payload)
        return str(self._count)

    async def frames(self, *kinds):
        """The frames of `answer`, until one of a kind, or all of them."""
        frames = []
        while True:
            message = await self.receive()
            if message["type"] != "next":
                return frames
            frames.append(message["payload"]["data"]["answer"])
            if frames[-1]["type"] in kinds:
                return frames


@contextlib.asynccontextmanager
async def connected(url, key="", **more):
    address = url.replace("/v1/chat", "/graphql")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with websockets.connect(
        address, additional_headers=headers, subprotocols=[PROTOCOL], **more
    ) as socket:
        yield Transport(socket)
