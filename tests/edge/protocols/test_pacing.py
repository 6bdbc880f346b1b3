"""What arrives slowly, or all too fast, on a connection of the real server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidMessage
from websockets.frames import CloseCode

from edge.protocols import pacing
from edge.protocols.pacing import FRAMES_AT_ONCE, FRAMES_PER_S, FramePace
from tests.edge.chat_client import connect
from tests.edge.fake_log import a_key

PATIENCE_S = 60.0  # for what must come, however slow the machine is
HEAD = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n"
ENDLESS = b"POST /v1/messages HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(pacing, "HEAD_S", 0.05)


@pytest.fixture
async def raw(url):
    """Open a connection without a client."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    yield reader, writer
    writer.close()


async def ends(reader):
    """Everything that the server sends until it ends the connection.

    A client that is slow may write to one that has ended, which is then reset.
    """
    answer = b""
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionResetError):
            while part := await reader.read(65_536):
                answer += part
    return answer


async def answer_with(reader, words):
    """What the server sends until it has said some words."""
    answer = b""
    async with asyncio.timeout(PATIENCE_S):
        while words not in answer:
            part = await reader.read(65_536)
            assert part, answer
            answer += part
    return answer


@pytest.mark.parametrize("begun", [b"", HEAD, HEAD + b"X-Slow: "])
async def test_a_head_that_does_not_come_ends_its_connection(soon, raw, begun):
    reader, writer = raw
    writer.write(begun)
    assert await ends(reader) == b""


async def test_a_second_head_that_does_not_come_ends_it_too(raw, monkeypatch):
    reader, writer = raw
    writer.write(HEAD + b"\r\n")
    answer = await answer_with(reader, b'"ok"')
    monkeypatch.setattr(pacing, "HEAD_S", 0.05)  # the first one may take its time
    writer.write(HEAD)
    assert answer.startswith(b"HTTP/1.1 200")
    assert await ends(reader) == b""


async def test_a_body_that_nobody_reads_ends_it_after_the_refusal(raw, monkeypatch):
    reader, writer = raw
    writer.write(ENDLESS)
    await answer_with(reader, b"unauthorized")
    monkeypatch.setattr(pacing, "HEAD_S", 0.05)
    writer.write(b"x")
    assert await ends(reader) == b""


async def test_a_websocket_is_no_head_that_does_not_come(url, gateway, monkeypatch):
    key = a_key(gateway)
    for head_s in (0.2, 1.0, 5.0, 25.0):  # a busy machine takes a while to connect
        monkeypatch.setattr(pacing, "HEAD_S", head_s)
        with contextlib.suppress(OSError, InvalidMessage):
            socket = await connect(url, key)
            break
    async with socket:
        await asyncio.sleep(1.2 * head_s)
        await (await socket.ping())


async def test_after_a_flood_of_frames_nothing_is_read_for_a_while(served, url, gateway):
    async with connect(url, a_key(gateway)) as socket:
        [connection] = served.server_state.connections
        await (await socket.ping())
        assert connection.transport.is_reading()
        for _ in range(3 * int(FRAMES_AT_ONCE)):
            await socket.pong()
        async with asyncio.timeout(60):
            while connection.transport.is_reading():  # noqa: ASYNC110 - the transport has no event
                await asyncio.sleep(0.01)
        connection._pause.cancel()  # the while is over
        connection._go_on()
        assert connection.transport.is_reading()


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 1_000)), min_size=1, max_size=100))
def test_however_many_frames_come_at_once_they_pay_for_it_before_more_are_read(packets):
    now_s = began_s = 100.0
    pace, frames = FramePace(now_s), 0
    for gap_s, count in packets:
        now_s += gap_s
        pause_s = pace.pause_s(now_s)
        now_s += pause_s
        assert frames <= FRAMES_AT_ONCE + FRAMES_PER_S * (now_s - began_s) + 1e-6
        pace.count(count, now_s)
        frames += count


def test_a_few_frames_now_and_then_wait_for_nothing():
    pace = FramePace(0.0)
    pace.count(int(FRAMES_AT_ONCE), 0.0)
    assert pace.pause_s(0.0) == 0.0
    pace.count(1, 0.0)
    assert pace.pause_s(0.0) == pytest.approx(1 / FRAMES_PER_S)
    assert pace.pause_s(10.0) == 0.0


async def test_messages_come_in_order_and_leave_nothing_behind():
    messages = pacing.MessagesIn(asyncio.get_running_loop())
    taken = []

    async def take(count):
        for _ in range(count):
            taken.append(await messages.get())

    taking = asyncio.create_task(take(5))
    await asyncio.sleep(0)
    assert messages.empty()
    for number in range(3):
        messages.put_nowait(number)
    await asyncio.sleep(0)
    for number in range(3, 7):
        messages.put_nowait(number)
    await taking
    assert taken == [0, 1, 2, 3, 4]
    assert not messages.empty()
    await take(2)
    assert taken == list(range(7))
    assert messages.empty()
    assert messages._held is None  # no buffer of what is empty


async def test_who_gave_up_waiting_takes_no_message_with_it():
    messages = pacing.MessagesIn(asyncio.get_running_loop())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await messages.get()
    messages.put_nowait("x")
    assert await messages.get() == "x"


async def test_an_open_socket_holds_neither_its_handshake_nor_compression(served, url, gateway):
    async with connect(url, a_key(gateway), compression="deflate") as socket:
        [connection] = served.server_state.connections
        assert connection.conn.extensions == socket.protocol.extensions == []
        assert not {"request", "response"} & set(vars(connection))
        await (await socket.ping())


FRAGMENT = b"\x00\x80masq"  # empty and not the last, masked as a client's must be


@pytest.fixture
async def chat(url, gateway):
    """A WebSocket that was opened, without a client that reads what comes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**20)
    head = (
        f"GET {address.path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {a_key(gateway)}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(PATIENCE_S):
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    yield reader, writer
    writer.close()


async def test_who_sends_too_many_fragments_may_send_them_all_and_reads_why(chat):
    reader, writer = chat
    writer.transport.pause_reading()  # many clients give up where they can't send, and read nothing
    writer.write(b"\x01\x81masq\x16")
    for _ in range(40):
        writer.write(5_000 * FRAGMENT)
        await writer.drain()
        await asyncio.sleep(0.001)
    writer.transport.resume_reading()
    told = await ends(reader)
    assert told[2:4] == CloseCode.MESSAGE_TOO_BIG.to_bytes(2, "big")
    assert b"fragments" in told


async def test_of_a_packet_with_too_many_fragments_nothing_is_parsed_behind_the_piece_that_has(
    served, chat
):
    reader, _ = chat
    [connection] = served.server_state.connections
    packet = b"\x01\x81masq\x16" + 40_000 * FRAGMENT
    connection.data_received(packet)
    assert connection._drained == len(packet) - pacing.PARSED_AT_ONCE
    parsed = FRAMES_AT_ONCE - connection._pace._left
    assert pacing.FRAGMENTS_MAX < parsed <= pacing.PARSED_AT_ONCE / len(FRAGMENT) + 1
    assert b"fragments" in await ends(reader)


async def test_a_message_that_comes_in_one_packet_of_many_pieces_is_whole(url, gateway):
    async with connect(url, a_key(gateway)) as socket:
        name = "x" * 3 * pacing.PARSED_AT_ONCE
        await socket.send(json.dumps({"type": "unheard of", "id": name}))
        told = json.loads(await socket.recv())
    assert told["type"] == "error"
    assert told["status"] in (400, 422), "it was read as a frame, and is none"


async def test_who_never_ends_sending_is_not_read_for_ever(chat, monkeypatch):
    monkeypatch.setattr(pacing, "DRAIN_BYTES", 500_000)
    monkeypatch.setattr(pacing, "DRAIN_S", 3_600.0)
    _, writer = chat

    async def send_for_ever():
        async with asyncio.timeout(PATIENCE_S):
            while True:
                writer.write(10_000 * FRAGMENT)
                await writer.drain()

    with pytest.raises(ConnectionError):
        await send_for_ever()
