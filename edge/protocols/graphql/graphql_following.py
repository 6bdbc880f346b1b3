"""What can be followed in GraphQL: an answer, frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any

import strawberry

from edge.answering.following import Watch
from edge.problems import Problem
from edge.protocols.graphql.graphql_conversations import GraphqlInfo
from edge.protocols.graphql.graphql_types import (
    GraphqlFrame,
)
from streams.watching.tracing import trace_id_of


@strawberry.type(name="Subscription")
class GraphqlSubscription:
    """What can be followed."""

    @strawberry.subscription(
        description="The frames of an answer; with a cursor, those that came after it."
    )
    async def answer(
        self, info: GraphqlInfo, request_id: strawberry.ID, cursor: str = ""
    ) -> AsyncGenerator[GraphqlFrame, None]:
        """Follow an answer; raises Problem."""
        context = info.context
        caller, gateway = context.reader(), context.gateway
        question = gateway.access.question(caller, str(request_id))
        view = gateway.follower.view(caller, question, cursor)
        stopped = asyncio.Event()
        with ExitStack() as resources:
            resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
            watch = gateway.follower.take_up(caller, question, resources)
            context.followed[question.request] = stopped.set
            resources.callback(context.followed.pop, question.request, None)
            if not cursor:
                yield GraphqlFrame.of(view.accepted())
            try:
                async for frame in _frames(gateway, watch, view, stopped):
                    yield GraphqlFrame.of(frame)
            except Problem as problem:
                if not view.settled:
                    trace_id = trace_id_of(context.traceparent)
                    yield GraphqlFrame.of(view.failed(problem, trace_id))


async def _frames(
    gateway: Any, watch: Watch, view: Any, stopped: asyncio.Event
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield frames until the answer stands for good, or its reader wants no more."""
    follower = gateway.follower
    for watched, late_s in ((watch, 0.0), (watch.live(), gateway.bounds.late_s)):
        async with aclosing(follower.frames(watched, view, late_s)) as frames:
            going_on = aiter(frames)
            while (frame := await _next(going_on, stopped)) is not None:
                yield frame
        if stopped.is_set():
            if not view.settled:
                yield view.cancelled()
            return


async def _next(frames: Any, stopped: asyncio.Event) -> dict[str, Any] | None:
    """Wait for a frame; None where there is none any more, or none is wanted."""
    coming = asyncio.ensure_future(anext(frames, None))
    ending = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((coming, ending), return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() and not stopped.is_set() else None
    finally:
        ending.cancel()
        if not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
