"""Messages of graphql-transport-ws, and the socket that they come over."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from edge.answering.bounds import Bounds
from edge.callers.standing import Standing
from edge.protocols.graphql.graphql_socket import (
    BAD_REQUEST,
    FORBIDDEN,
    GOING_AWAY,
    REASON_MAX,
    TOO_BIG,
    TRY_AGAIN_LATER,
    Socket,
    is_message,
    is_operation,
)
from edge.requests.limits import FRAME_MAX

OPERATION = {"query": "{ me }"}


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (OPERATION, True),
        ({**OPERATION, "variables": {"a": 1}, "operationName": "b"}, True),
        ({**OPERATION, "variables": None, "operationName": None}, True),
        ({**OPERATION, "extensions": {}}, True),
        ({}, False),
        ([OPERATION], False),
        (None, False),
        ("{ me }", False),
        ({"query": None}, False),
        ({"query": " \n"}, False),
        ({**OPERATION, "variables": []}, False),
        ({**OPERATION, "variables": "{}"}, False),
        ({**OPERATION, "operationName": 7}, False),
    ],
)
def test_an_operation_is_a_text_with_its_variables(content, is_one):
    assert is_operation(content) == is_one


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ({"type": "connection_init"}, True),
        ({"type": "ping", "payload": {}}, True),
        ({"type": "complete", "id": "1"}, True),
        ({"type": "subscribe", "id": "1", "payload": OPERATION}, True),
        ({"type": "subscribe", "payload": OPERATION}, False),
        ({"type": "subscribe", "id": 1, "payload": OPERATION}, False),
        ({"type": "subscribe", "id": "1", "payload": None}, False),
        ({"type": "subscribe", "id": "1"}, False),
        ({"type": "complete", "id": {}}, False),
        ([], False),
        ("x", False),
        (7, False),
    ],
)
def test_a_message_has_the_fields_that_it_needs(message, is_one):
    assert is_message(json.dumps(message)) == is_one


@pytest.mark.parametrize("text", [None, "", "{", "\x00", "[" * 5_000])
def test_what_is_no_json_is_no_message(text):
    assert not is_message(text)


# ---------------------------------------------------------------------- the socket


class Wire:
    """A connection's two ends: what the client says, and what it is told."""

    def __init__(self, *said):
        self.said = asyncio.Queue()
        for one in said:
            self.said.put_nowait({"type": "websocket.receive", "text": one})
        self.told = []
        self.is_stuck = False

    async def send(self, message):
        if self.is_stuck and message["type"] == "websocket.send":
            await asyncio.Event().wait()
        self.told.append(message)

    def socket(self, **state):
        bounds = Bounds(send_timeout_s=0.05, tick_s=0.01, close_timeout_s=0.05)
        gateway = SimpleNamespace(bounds=bounds, stopping=state.get("stopping", False))
        return Socket(gateway, self.said.get, self.send)

    @property
    def closed_with(self):
        [closing] = [one for one in self.told if one["type"] == "websocket.close"]
        return closing["code"]


async def until_disconnected(socket):
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("x" * (FRAME_MAX + 1), TOO_BIG),
        ("[]", BAD_REQUEST),
        ('{"type": "subscribe"}', BAD_REQUEST),
    ],
)
async def test_what_may_not_be_sent_ends_the_connection(said, code):
    wire = Wire('{"type": "ping"}', said)
    socket = wire.socket()
    await socket.serve(until_disconnected(socket), lambda: None)
    assert wire.closed_with == code


async def test_a_client_that_takes_nothing_is_let_go():
    wire = Wire()
    wire.is_stuck = True
    socket = wire.socket()
    await socket.serve(socket.send({"type": "websocket.send", "text": "x"}), lambda: None)
    assert wire.closed_with == TRY_AGAIN_LATER


async def test_a_gateway_that_stops_says_so():
    wire = Wire()
    socket = wire.socket(stopping=True)
    await socket.serve(until_disconnected(socket), lambda: None)
    assert wire.closed_with == GOING_AWAY


async def test_a_key_that_has_ended_ends_its_connection():
    wire, standing = Wire(), Standing()
    standing.ended = "revoked"
    socket = wire.socket()
    await socket.serve(until_disconnected(socket), lambda: standing)
    assert wire.closed_with == FORBIDDEN


async def test_a_client_that_leaves_is_not_told_anything():
    wire = Wire()
    wire.said.put_nowait({"type": "websocket.disconnect", "code": 1000})
    socket = wire.socket()
    await socket.serve(until_disconnected(socket), lambda: None)
    assert wire.told == []


async def test_a_reason_fits_its_frame_and_stays_a_text():
    wire = Wire()
    await wire.socket().send({"type": "websocket.close", "code": 4400, "reason": "é" * 200})
    [closing] = wire.told
    assert len(closing["reason"].encode()) <= REASON_MAX
    assert set(closing["reason"]) == {"é"}
