"""The bare echo: what it answers, and how it is served."""

from __future__ import annotations

import pytest

from bench.sockets.echo_app import app, options
from edge.protocols.pacing import PacedSocket, of_server


class Client:
    """Both ends of one connection: messages that come in, and those that went out."""

    def __init__(self, *messages):
        self._messages = list(messages)
        self.sent = []

    async def receive(self):
        return self._messages.pop(0)

    async def send(self, message):
        self.sent.append(message)


async def answers(kind, *messages):
    client = Client(*messages)
    await app({"type": kind}, client.receive, client.send)
    return client.sent


async def test_each_message_comes_back_until_the_client_leaves():
    sent = await answers(
        "websocket",
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "one"},
        {"type": "websocket.receive", "text": "two"},
        {"type": "websocket.disconnect"},
    )
    assert [message["type"] for message in sent] == ["websocket.accept", *["websocket.send"] * 2]
    assert [message["text"] for message in sent[1:]] == ["one", "two"]


async def test_whoever_looks_whether_it_serves_is_told_so():
    start, body = await answers("http")
    assert (start["status"], body["body"]) == (200, b"")


async def test_it_starts_and_stops_with_its_server():
    sent = await answers("lifespan", {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [one["type"] for one in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_it_is_served_as_the_gateway_is_unless_it_is_asked_for_otherwise():
    assert options("") == of_server()
    assert options("")["ws"] is PacedSocket
    assert options("plain") == {}
    assert options("wsproto")["ws"] == "wsproto"
    with pytest.raises(KeyError):
        options("another")
