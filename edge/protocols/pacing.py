"""How what arrives on a connection is read: no head that never ends, no flood of little frames.

The server's own classes, with a bound on each. A head must be whole within HEAD_S, for a connection
whose request nobody knows yet holds a place, and has shown no key. Frames of every kind, those that
carry nothing included, are read at FRAMES_PER_S, for each costs the loop as much as the next, and a
message comes in few of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from edge.requests.limits import FRAME_READ_MAX

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent

HEAD_S = 10.0
"""For the head of a request to come, from the first byte or the beginning of the connection."""
FRAMES_PER_S = 100.0
"""Of one WebSocket, all kinds together; a reader of answers sends one now and then."""
FRAMES_AT_ONCE = 200.0
PAUSE_MAX_S = 10.0
"""However many came at once: a packet holds thousands that are empty."""
DRAIN_S = 2.0
"""For a refused client to read why: what it goes on sending is thrown away for so long."""
DRAIN_BYTES = 16_777_216
PARSED_AT_ONCE = 4_096
"""Bytes: the loop is kept for 2 ms by as many as are empty frames; by a whole packet for 120 ms."""
FRAGMENTS_MAX = 64
"""Frames of one message: of the largest, a kilobyte each."""


class FramePace:
    """When more frames may be read: so many at once, and then so many a second."""

    def __init__(self, now_s: float) -> None:
        self._left = FRAMES_AT_ONCE
        self._at_s = now_s

    def count(self, frames: int, now_s: float) -> None:
        """Count frames that were read."""
        passed_s = now_s - self._at_s
        self._left = min(FRAMES_AT_ONCE, self._left + passed_s * FRAMES_PER_S) - frames
        self._at_s = now_s

    def pause_s(self, now_s: float) -> float:
        """Return how long to wait before more are read."""
        return max(0.0, -self._left / FRAMES_PER_S - (now_s - self._at_s))


def of_server() -> dict[str, Any]:
    """Return what makes a server of uvicorn's read by these bounds: options of its Config."""
    return {
        "http": PunctualHttp,
        "ws": PacedSocket,
        "ws_max_size": FRAME_READ_MAX,
        # 32 KB a connection, for frames of some hundred bytes (docs/decisions/0093)
        "ws_per_message_deflate": False,
    }


class MessagesIn:
    """Messages that wait for the one task that reads a connection: none, most of the time.

    The library's queue holds four buffers of a kilobyte together, also while it is empty.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._held: deque[ASGIReceiveEvent] | None = None
        self._waiting: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Tell whether none waits."""
        return not self._held

    def put_nowait(self, message: ASGIReceiveEvent) -> None:
        """Add a message."""
        self._held = self._held or deque()
        self._held.append(message)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def get(self) -> ASGIReceiveEvent:
        """Wait for a message, and take it."""
        while not self._held:
            self._waiting = self._loop.create_future()
            await self._waiting
        message = self._held.popleft()
        self._held = self._held or None
        return message


class PacedSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is read no faster than FramePace lets it, a message in few fragments."""

    _pace: FramePace | None = None
    _pause: asyncio.TimerHandle | None = None
    _drained: int | None = None
    """Bytes thrown away since the connection was refused; None before."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.queue = cast("asyncio.Queue[ASGIReceiveEvent]", MessagesIn(self.loop))

    def start_keepalive(self) -> None:
        """Begin to send pings; the handshake is over, and what it was made of is let go of."""
        super().start_keepalive()
        # what reads frames from now on keeps the request, as a local of its own
        self.request.headers.clear()
        del self.request, self.response

    def data_received(self, data: bytes) -> None:
        """Take the frames that came; if they were too many, read no more for a while.

        A packet is parsed in pieces: behind the frame that has the connection refused, nothing is.
        """
        for at in range(0, len(data), PARSED_AT_ONCE):
            if self._drained is not None:
                self._throw_away(len(data) - at)
                return
            super().data_received(data[at : at + PARSED_AT_ONCE])
        if self._pause is None and self._pace is not None:
            pause_s = self._pace.pause_s(self.loop.time())
            if pause_s > 0:
                self.transport.pause_reading()
                self._pause = self.loop.call_later(min(pause_s, PAUSE_MAX_S), self._go_on)

    def _throw_away(self, size: int) -> None:
        assert self._drained is not None
        self._drained += size
        if self._drained > DRAIN_BYTES:
            self.transport.abort()

    def handle_events(self) -> None:
        """Count the frames, whatever they carry."""
        events = self.conn.events_received()
        if self.handshake_initiated:
            now_s = self.loop.time()
            self._pace = self._pace or FramePace(now_s)
            self._pace.count(len(events), now_s)
        self.conn.events.extend(events)
        super().handle_events()

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment; too many end the connection."""
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.send_close(CloseCode.MESSAGE_TOO_BIG, f"above {FRAGMENTS_MAX} fragments")
            self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """End a connection that broke a rule, so that its client can read which.

        A socket that is closed with bytes unread is reset, and what was sent last is lost with it.
        So nothing more is sent, and what still comes is read and thrown away for a moment.
        """
        refusal = self.conn.close_sent
        if refusal is None or self._drained is not None:
            return
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": refusal.code, "reason": refusal.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._drained = 0
        if self._pause is not None:
            self._pause.cancel()
        self._go_on()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_timer = self.loop.call_later(DRAIN_S, self.transport.abort)

    def shutdown(self) -> None:
        """Leave the goodbye to whoever serves the connection, once there is one.

        Readers of an answer are told first from where to resume (`OpenConnections`). The server
        cancels what has not ended when its time to drain is over.
        """
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
        else:
            super().shutdown()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next message; reading goes on once all were taken and the pause is over."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._resume()
        return message

    def _go_on(self) -> None:
        self._pause = None
        self._resume()

    def _resume(self) -> None:
        if self._pause is None and not self.read_paused:
            self.transport.resume_reading()


class PunctualHttp(H11Protocol):
    """An HTTP connection that ends when the head of a request takes long."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; what comes after a response is another head, or a body nobody reads."""
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # it is a WebSocket by now
            self._wait_no_more()
        elif self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
