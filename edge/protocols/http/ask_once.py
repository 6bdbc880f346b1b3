"""Asking over HTTP: once for each idempotency key, and until the answer is whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any

from fastapi import Request

from edge.answering.cursors import Frame
from edge.answering.following import Watch
from edge.answering.moves import AnswerState
from edge.answering.view import AnswerView
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.reception import NewQuestion
from edge.problems import from_fields
from edge.protocols.http.dependencies import name_after


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
