"""Asking over HTTP: once for each idempotency key, until the answer is whole or its reader left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import ExitStack, aclosing
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import Receive

from edge.answering.cursors import Frame
from edge.answering.following import Watch
from edge.answering.moves import AnswerState
from edge.answering.view import AnswerView
from edge.callers.caller import Caller
from edge.gateway.cancellation_desk import ReaderLeft
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import from_fields
from edge.protocols.http.dependencies import name_after

ResultT = TypeVar("ResultT")


async def ask_once(
    request: Request,
    gateway: Gateway,
    caller: Caller,
    question: NewQuestion,
    key: tuple[str, bytes],
    resources: ExitStack,
    *,
    leaves: bool = False,
) -> Watch:
    """Ask, once for each idempotency key and what it stands for.

    Whoever `leaves` while the resources are held can't take the answer up again: it is cancelled.
    """
    async with gateway.reception.once(caller, *key) as turn:
        watch = await gateway.ask_once(caller, question.in_its(turn), resources)
    name_after(request, watch.request.request)
    if leaves:
        left = gateway.cancelling.stopped_when_left(watch.request, may_return=bool(key[0]))
        resources.enter_context(left)
    return watch


async def whole(bursts: AsyncGenerator[list[Frame], None], view: AnswerView) -> dict[str, Any]:
    """Wait for an answer; raises Problem where a step gave up."""
    async with aclosing(bursts):
        async for _ in bursts:
            pass
    if view.state is AnswerState.FAILED:
        raise from_fields(view.closing["error"])
    answer = view.snapshot()
    del answer["status"]
    return answer


async def until_left(request: Request, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do some work for as long as its client is there; raises ReaderLeft once it is not.

    The request's body must have been read: what comes after it is that the connection closed.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ReaderLeft
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
