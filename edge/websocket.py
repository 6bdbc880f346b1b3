"""The chat over a WebSocket: several questions at once, each with its frames in order.

A browser can't set a header on a WebSocket, so a key may also come as the subprotocol
`bearer.KEY` beside `playhead`; it never stands in an address, where logs would keep it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractContextManager
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.catalogue import Asked
from edge.edge import Caller, Edge
from edge.entries import Subscription
from edge.limits import QUESTION_CHARS_MAX, SESSION_CHARS_MAX
from edge.problems import MEDIA_TYPE, Problem, forbidden, not_found, too_many
from edge.stream import Answering, Frame
from streams.log.ids import request_id
from streams.watching.tracing import trace_id_of, traceparent_of

tracer = trace.get_tracer("playhead")
PROTOCOL = "playhead"
FRAME_MAX = 65_536
"""Bytes of a frame from the client."""
OUT_MAX = 256
"""Frames that may wait to be sent; behind them, entries wait in the subscriptions."""
SEND_TIMEOUT_S = 30.0
"""A client that takes nothing for so long is gone."""
AT_ONCE_MAX = 8
"""Questions in progress on one connection."""
LISTENING_MAX = 32
"""Answers of one connection that a retraction would still be told of; the oldest go first."""
TRY_AGAIN_LATER = 1013
GOING_AWAY = 1001


class MessageFrame(BaseModel):
    """A question."""

    text: str = Field(min_length=1, max_length=QUESTION_CHARS_MAX)
    id: str | int = ""
    session_id: str = Field("", max_length=SESSION_CHARS_MAX)
    tenant: str | None = None


class ResumeFrame(BaseModel):
    """Go on after a cursor."""

    request_id: str = Field(min_length=1, max_length=64)
    cursor: str = Field("", max_length=2_048)


class CancelFrame(BaseModel):
    """Send no more of an answer."""

    request_id: str = Field(min_length=1, max_length=64)


async def chat(websocket: WebSocket, edge: Edge) -> None:
    """Serve one connection."""
    protocols = [str(one) for one in websocket.scope.get("subprotocols", ())]
    authorization = websocket.headers.get("authorization", "")
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer":
        secret = next((one[7:] for one in protocols if one.startswith("bearer.")), "")
    try:
        caller = await edge.caller(secret.strip())
        caller.need("read")
        named = websocket.query_params.get("tenant") or websocket.headers.get("x-tenant")
        if named and named != caller.tenant:
            raise forbidden("this key belongs to another tenant than the one named: leave it out")
        resources = contextlib.ExitStack()
        resources.enter_context(edge.connected(caller))
    except Problem as problem:
        await _deny(websocket, problem)
        return
    with resources:
        await websocket.accept(PROTOCOL if PROTOCOL in protocols else None)
        await _Connection(websocket, edge, caller).serve()


async def _deny(websocket: WebSocket, problem: Problem) -> None:
    state = websocket.scope["state"]
    response = JSONResponse(
        problem.fields(state["request_id"], trace_id_of(state["traceparent"])),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close()


class _Connection:
    def __init__(self, websocket: WebSocket, edge: Edge, caller: Caller) -> None:
        self._websocket = websocket
        self._edge = edge
        self._caller = caller
        self._out: asyncio.Queue[Frame] = asyncio.Queue(OUT_MAX)
        self._following: dict[str, tuple[asyncio.Task[None], Answering]] = {}
        self._streams: set[asyncio.Task[None]] = set()
        self._trace = str(websocket.scope["state"]["traceparent"])

    async def serve(self) -> None:
        """Read frames until the client leaves, writing beside it."""
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write())
            reader = tasks.create_task(self._read(tasks))
            watch = tasks.create_task(self._watch())
            await asyncio.wait([writer, reader, watch], return_when=asyncio.FIRST_COMPLETED)
            for task in (writer, reader, watch, *self._streams):
                task.cancel()

    async def _watch(self) -> None:
        while not self._edge.stopping:  # noqa: ASYNC110 - a signal handler sets it
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.5)  # so that every stream tells its reader to resume
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(GOING_AWAY, "the gateway is shutting down: reconnect")

    async def _write(self) -> None:
        try:
            while True:
                frame = await self._out.get()
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._websocket.send_text(orjson.dumps(frame).decode())
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1.0):
                    await self._websocket.close(TRY_AGAIN_LATER, "too slow: resume by cursor")

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                text = await self._receive()
            except WebSocketDisconnect:
                return
            try:
                await self._take(text, tasks)
            except Problem as problem:
                await self._out.put(self._error(problem))

    async def _receive(self) -> bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        return text.encode("utf-8", "replace") if text is not None else message.get("bytes") or b""

    async def _take(self, text: bytes, tasks: asyncio.TaskGroup) -> None:
        if len(text) > FRAME_MAX:
            raise Problem(413, "too-large", f"a frame may have {FRAME_MAX} bytes: send less")
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Problem(400, "malformed-json", "a frame is a JSON object in UTF-8") from None
        kind = frame.get("type") if isinstance(frame, dict) else None
        try:
            match kind:
                case "message":
                    given = MessageFrame.model_validate(frame)
                    try:
                        await self._message(given, tasks)
                    except Problem as problem:  # the client must know which message it was
                        await self._out.put(self._error(problem, _name_of(given)))
                case "resume":
                    await self._resume(ResumeFrame.model_validate(frame), tasks)
                case "cancel":
                    await self._cancel(CancelFrame.model_validate(frame))
                case _:
                    raise Problem(422, "invalid", "type: send a message, resume or cancel frame")
        except ValidationError as error:
            what = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]
            )
            raise Problem(422, "invalid", what) from None

    async def _message(self, frame: MessageFrame, tasks: asyncio.TaskGroup) -> None:
        if frame.tenant is not None and frame.tenant != self._caller.tenant:
            raise forbidden("this key belongs to another tenant than the one named: leave it out")
        if self._in_progress() >= AT_ONCE_MAX:
            raise too_many(f"{AT_ONCE_MAX} questions are under way: wait for one to end")
        self._make_room()
        fingerprint = ""
        if frame.id != "" and frame.session_id:
            # a client that lost the connection before `accepted` sends its message again
            digest = hashlib.sha256(frame.text.encode("utf-8", "replace")).hexdigest()
            keyed = await asyncio.to_thread(
                self._edge.keyring.digest, self._caller.tenant, digest.encode()
            )
            fingerprint = f"{self._caller.subject}|{frame.session_id}|{frame.id}|{keyed}"
        identity = request_id(self._caller.tenant, fingerprint) if fingerprint else ""
        repeated = self._edge.requests.find(identity) if identity else None
        started = asyncio.Event()
        problems: list[Problem] = []

        async def run() -> None:
            with contextlib.ExitStack() as stack:
                subscriptions: list[Subscription] = []
                # each question is a trace of its own: a connection may last for days
                span = tracer.start_span("chat message", Context(), SpanKind.SERVER)
                stack.callback(span.end)
                slot = stack.enter_context(contextlib.ExitStack())
                try:
                    slot.enter_context(self._edge.followed(self._caller))
                    asked = repeated or await self._edge.ask(
                        self._caller,
                        text=frame.text,
                        session=frame.session_id,
                        fingerprint=fingerprint,
                        trace=traceparent_of(span),
                        on_asked=lambda asked: subscriptions.append(
                            stack.enter_context(self._edge.dispatch.subscribe(asked.request))
                        ),
                    )
                except Problem as problem:
                    problems.append(problem)
                    return
                if repeated:
                    subscribed = self._edge.dispatch.subscribe(asked.request)
                    subscriptions.append(stack.enter_context(subscribed))
                span.set_attribute("playhead.request", asked.request)
                answering = self._edge.answering(self._caller, asked)
                await self._out.put(answering.accepted(**_name_of(frame)))
                task = asyncio.current_task()
                assert task is not None
                self._following[asked.request] = (task, answering)
                started.set()
                await self._follow(
                    asked, answering, subscriptions[0], slot, from_log=bool(repeated)
                )

        await self._start(run(), started, problems, tasks)

    def _make_room(self) -> None:
        """Let go of the oldest answers that are complete; raises Problem where none is."""
        for request, (task, answering) in list(self._following.items()):
            if len(self._following) < LISTENING_MAX:
                return
            if answering.settled:
                del self._following[request]
                task.cancel()
        if len(self._following) >= LISTENING_MAX:
            raise too_many(f"{LISTENING_MAX} answers are under way: wait for one to end")

    async def _resume(self, frame: ResumeFrame, tasks: asyncio.TaskGroup) -> None:
        asked = self._edge.question(self._caller, frame.request_id)
        answering = self._edge.answering(self._caller, asked, frame.cursor)
        earlier = self._following.pop(asked.request, None)
        if earlier is not None:
            earlier[0].cancel()
        self._make_room()

        async def run() -> None:
            with self._edge.dispatch.subscribe(asked.request) as subscription:
                task = asyncio.current_task()
                assert task is not None
                self._following[asked.request] = (task, answering)
                slot = self._edge.followed(self._caller)
                await self._follow(asked, answering, subscription, slot, from_log=True)

        self._stream(run(), tasks)

    async def _cancel(self, frame: CancelFrame) -> None:
        """Stop sending; what the steps have begun they finish, since the log has the question."""
        found = self._following.pop(frame.request_id, None)
        if found is None:
            raise not_found("no answer with this request_id is under way on this connection")
        task, answering = found
        task.cancel()
        if not answering.settled:
            await self._out.put(answering.cancelled())

    async def _start(
        self,
        run: Coroutine[Any, Any, None],
        started: asyncio.Event,
        problems: list[Problem],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Run a stream and wait until it has begun: questions keep their order."""
        task = self._stream(self._guarded(run, problems), tasks)
        waiting = asyncio.ensure_future(started.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if problems:
            raise problems[0]

    def _stream(
        self, run: Coroutine[Any, Any, None], tasks: asyncio.TaskGroup
    ) -> asyncio.Task[None]:
        task = tasks.create_task(run)
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        return task

    @staticmethod
    async def _guarded(run: Coroutine[Any, Any, None], problems: list[Problem]) -> None:
        try:
            await run
        except Problem as problem:
            problems.append(problem)

    async def _follow(
        self,
        asked: Asked,
        answering: Answering,
        subscription: Subscription,
        slot: AbstractContextManager[Any],
        *,
        from_log: bool,
    ) -> None:
        """Send what becomes of a question; its slot is free again once it is answered."""
        try:
            with slot:
                await self._forward(
                    self._edge.follow(asked, answering, subscription, from_log=from_log)
                )
            late_s = self._edge.late_s
            await self._forward(
                self._edge.follow(asked, answering, subscription, from_log=False, late_s=late_s)
            )
        except Problem as problem:
            if answering.settled:
                return  # it has its answer; what failed is the wait for a retraction
            await self._out.put(answering.failed(problem, trace_id_of(self._trace)))
        finally:
            known = self._following.get(asked.request)
            if known is not None and known[1] is answering:
                del self._following[asked.request]

    async def _forward(self, frames: AsyncGenerator[Frame, None]) -> None:
        async with contextlib.aclosing(frames):
            async for frame in frames:
                await self._out.put(frame)

    def _in_progress(self) -> int:
        return sum(not answering.settled for _, answering in self._following.values())

    def _error(self, problem: Problem, named: Frame | None = None) -> Frame:
        return {"cursor": "", **(named or {}), **problem.frame("", trace_id_of(self._trace))}


def _name_of(frame: MessageFrame) -> Frame:
    """Return the client's own name of a message, where it gave one."""
    return {} if frame.id == "" else {"id": frame.id}
