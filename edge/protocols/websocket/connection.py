"""One WebSocket: several questions at once, each with its frames in order.

The server's own task reads. An idle connection has no other, no queue and no timer of ours: there
may be thousands, and each of those weighs a kilobyte or more.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.answering.cursors import Frame
from edge.answering.following import Watch
from edge.answering.view import AnswerView
from edge.callers.caller import Caller
from edge.callers.standing import Standing
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import Problem, too_many
from edge.protocols.route_rules import FRAMES
from edge.protocols.websocket.client_frames import (
    CancelFrame,
    ClientFrame,
    MessageFrame,
    ResumeFrame,
    names_in,
    parse,
)
from edge.protocols.websocket.open_connections import OpenConnections
from schemas import Ask
from streams.watching.tracing import trace_id_of, traceparent_of

tracer = trace.get_tracer("playhead")
TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
GOING_AWAY = 1001


@dataclass
class _Stream:
    """An answer that goes out on this connection."""

    view: AnswerView
    task: asyncio.Task[None]
    resources: ExitStack
    stopping: bool = False
    """Whether it was cancelled and is closed before long, also without word from the log."""

    def drop(self) -> None:
        """Send no more of it, and let go of what it holds."""
        self.task.cancel()
        self.resources.close()


class Connection:
    """Reads a client's frames and sends what becomes of its questions."""

    def __init__(
        self,
        websocket: WebSocket,
        gateway: Gateway,
        caller: Caller,
        standing: Standing,
        open_connections: OpenConnections,
    ) -> None:
        self.standing = standing
        self._websocket = websocket
        self._gateway = gateway
        self._bounds = gateway.bounds
        self._caller = caller
        self._open_connections = open_connections
        self._streams: dict[str, _Stream] = {}
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[Any] | None = None
        """The task that reads, while it does."""
        self._trace_id = trace_id_of(str(websocket.scope["state"]["traceparent"]))
        self._request_id = str(websocket.scope["state"]["request_id"])

    async def serve(self) -> None:
        """Read frames until the client leaves or has to, writing beside it."""
        async with self._group:
            with self._open_connections.hold(self):
                await self._read()
            for task in self._tasks:
                task.cancel()

    # ------------------------------------------------------------------ the connection

    def begin_to_end(self) -> None:
        """Say goodbye and close, since the gateway stops or the key has ended."""
        goodbye = self._turn_out() if self.standing.ended else self._see_off()
        try:
            self._beside(goodbye)
        except RuntimeError:  # it is ending already
            goodbye.close()

    async def _see_off(self) -> None:
        """Close since the gateway stops, once each stream has told its reader to resume."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._bounds.farewell_s):
                while telling := [s.task for s in self._streams.values() if not s.task.done()]:
                    await asyncio.wait(telling)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(GOING_AWAY, "the gateway is shutting down: reconnect")
        self._read_no_more()

    async def _turn_out(self) -> None:
        """Say that the key has ended, before anything that still waits to be sent, and close."""
        problem = self.standing.problem()
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(self._bounds.close_timeout_s):
                await self._websocket.send_text(orjson.dumps(self._error(problem)).decode())
                what, why = self.standing.what, self.standing.ended
                reason = f"the {what} was {why}: reconnect with another"
                await self._websocket.close(POLICY_VIOLATION, reason)
        self._read_no_more()

    async def _hand_over(self, frame: Frame) -> None:
        """Send a frame; a client that takes none for long is closed.

        Who has a frame hands it to the socket itself: through a queue and another task it would
        come later, and cost more. Each waits for its own, so the frames of an answer keep their
        order, and no more wait than there are answers under way.
        """
        try:
            async with asyncio.timeout(self._bounds.send_timeout_s):
                await self._websocket.send_text(orjson.dumps(frame).decode())
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self._bounds.close_timeout_s):
                    await self._websocket.close(TRY_AGAIN_LATER, "too slow: resume by cursor")
            self._read_no_more()

    async def _read(self) -> None:
        self._reading = asyncio.current_task()
        try:
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    text = await self._receive()
                    try:
                        await self._take(parse(text))
                    except Problem as problem:  # the client must know which frame it was
                        await self._hand_over(self._refused(problem, text))
        except asyncio.CancelledError:
            # as by a timeout: whoever else cancels this task is not answered by us
            if self._reading is not None or _uncancelled() > 0:
                raise
        finally:
            self._reading = None

    def _read_no_more(self) -> None:
        """End the connection."""
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.cancel()

    async def _receive(self) -> bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        return text.encode("utf-8", "replace") if text is not None else message.get("bytes") or b""

    def _error(self, problem: Problem) -> Frame:
        return {"cursor": "", **problem.frame(self._request_id, self._trace_id)}

    def _refused(self, problem: Problem, text: bytes) -> Frame:
        """Tell of a frame that was refused, by the client's name of it.

        An answer that goes out here is not over: what was refused is another wish about it.
        """
        names = names_in(text)
        if names.get("request_id") in self._streams:
            del names["request_id"]
        return {**self._error(problem), **names}

    # ------------------------------------------------------------------ what clients ask for

    async def _take(self, frame: ClientFrame) -> None:
        self.standing.check()
        FRAMES[frame.kind].check(self._caller)
        match frame:
            case MessageFrame():
                await self._message(frame)
            case ResumeFrame():
                await self._resume(frame)
            case CancelFrame():
                await self._cancel(frame)

    async def _message(self, frame: MessageFrame) -> None:
        self._caller.belongs_to(frame.tenant)
        if self._in_progress() >= self._bounds.questions_max:
            most = self._bounds.questions_max
            raise too_many(f"{most} questions are under way: wait for one to end")
        self._make_room()
        fingerprint = await self._fingerprint_of(frame)
        with ExitStack() as resources:
            slot = self._hold_slot(resources)
            # each question is a trace of its own: a connection may last for days
            span = tracer.start_span("chat message", Context(), SpanKind.SERVER)
            resources.callback(span.end)
            question = NewQuestion(
                frame.text,
                frame.session_id,
                ask=Ask(max_tokens=frame.max_tokens),
                budget_ms=frame.budget_ms,
                fingerprint=fingerprint,
                trace=traceparent_of(span),
            )
            watch = await self._gateway.ask_once(self._caller, question, resources)
            span.set_attribute("playhead.request", watch.request.request)
            view = self._gateway.follower.view(
                self._caller, watch.request, with_receipt=frame.receipt
            )
            await self._hand_over(view.accepted(**frame.name))
            self._send(watch, view, slot, resources.pop_all())

    async def _fingerprint_of(self, frame: MessageFrame) -> str:
        """Name a message that a client sends again after it lost the connection."""
        if frame.id == "" or not frame.session_id:
            return ""
        digest = hashlib.sha256(frame.text.encode("utf-8", "replace")).hexdigest()
        keyed = await asyncio.to_thread(
            self._gateway.keyring.digest, self._caller.tenant, digest.encode()
        )
        return f"{self._caller.subject}|{frame.session_id}|{frame.id}|{keyed}"

    async def _resume(self, frame: ResumeFrame) -> None:
        request = self._gateway.access.question(self._caller, frame.request_id)
        view = self._gateway.follower.view(
            self._caller, request, frame.cursor, with_receipt=frame.receipt
        )
        self._drop(request.request)
        self._make_room()
        with ExitStack() as resources:
            try:
                slot = self._hold_slot(resources)
            except Problem as problem:
                await self._hand_over(view.failed(problem, self._trace_id))
                return
            watch = self._gateway.follower.take_up(self._caller, request, resources)
            self._send(watch, view, slot, resources.pop_all())

    async def _cancel(self, frame: CancelFrame) -> None:
        """Tell the log that an answer is not wanted any more.

        One that goes out here ends as the log says then, or after a moment without: a model that is
        far away, or behind others, may take its time.
        """
        stream = self._streams.get(frame.request_id)
        if stream is not None and stream.view.settled:
            self._drop(frame.request_id)
            return
        await self._gateway.cancelling.cancel(self._caller, frame.request_id)
        if stream is not None and not stream.stopping:
            stream.stopping = True
            self._beside(self._close_at_last(frame.request_id, stream))

    async def _close_at_last(self, request: str, stream: _Stream) -> None:
        """Close a cancelled answer with what was shown of it, unless the log has closed it."""
        await asyncio.sleep(self._bounds.stop_s)
        if self._streams.get(request) is stream and not stream.view.settled:
            self._drop(request)
            await self._hand_over(stream.view.cancelled())

    # ------------------------------------------------------------------ its answers

    def _in_progress(self) -> int:
        return sum(not stream.view.settled for stream in self._streams.values())

    def _make_room(self) -> None:
        """Let go of the oldest answers that are complete; raises Problem where none is."""
        most = self._bounds.listening_max
        for request, stream in list(self._streams.items()):
            if len(self._streams) < most:
                return
            if stream.view.settled:
                self._drop(request)
        if len(self._streams) >= most:
            raise too_many(f"{most} answers are under way: wait for one to end")

    def _drop(self, request: str) -> None:
        """Send no more of an answer, if it is one that goes out here."""
        stream = self._streams.pop(request, None)
        if stream is not None:
            stream.drop()

    def _hold_slot(self, resources: ExitStack) -> ExitStack:
        """Hold a place among the requests that are followed, until it is let go of."""
        slot = resources.enter_context(ExitStack())
        slot.enter_context(self._gateway.followed.hold(self._caller.tenant, self._caller.key))
        return slot

    def _send(
        self,
        watch: Watch,
        view: AnswerView,
        slot: ExitStack,
        resources: ExitStack,
    ) -> None:
        """Send what becomes of a question, beside all else."""
        task = self._beside(self._follow(watch, view, slot))
        # a task that is cancelled before it began runs no block of its own
        task.add_done_callback(lambda _: resources.close())
        self._streams[watch.request.request] = _Stream(view, task, resources)

    def _beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside all else, for as long as the connection lasts."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow(self, watch: Watch, view: AnswerView, slot: ExitStack) -> None:
        """Send frames; the slot is free again once the question is answered."""
        follower = self._gateway.follower
        try:
            with slot:
                await self._forward(follower.frames(watch, view))
            late_s = self._bounds.late_s
            await self._forward(follower.frames(watch.live(), view, late_s))
        except Problem as problem:
            if not view.settled:  # else it has its answer; what failed is the wait for a retraction
                await self._hand_over(view.failed(problem, self._trace_id))
        finally:
            stream = self._streams.get(watch.request.request)
            if stream is not None and stream.view is view:
                del self._streams[watch.request.request]

    async def _forward(self, frames: AsyncGenerator[Frame, None]) -> None:
        async with contextlib.aclosing(frames):
            async for frame in frames:
                await self._hand_over(frame)


def _uncancelled() -> int:
    """Take back one cancellation of the running task; returns how many others there are."""
    task = asyncio.current_task()
    assert task is not None
    return task.uncancel()
