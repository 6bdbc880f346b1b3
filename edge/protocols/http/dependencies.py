"""What routes depend on: the gateway, who calls, and the ids of the request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from edge.callers.caller import Caller, bearer_of
from edge.gateway.gateway import Gateway
from edge.protocols.route_rules import rule_of
from edge.protocols.tenants_named import tenants_named
from edge.protocols.who_calls import who_calls
from edge.requests.limits import IDEMPOTENCY_KEY_MAX


async def gateway_of(request: Request) -> Gateway:
    """Return the gateway behind the application.

    What is no coroutine, the framework calls on a thread, each time.
    """
    gateway: Gateway = request.app.state.gateway
    return gateway


async def caller_of(
    request: Request,
    gateway: Annotated[Gateway, Depends(gateway_of)],
    authorization: Annotated[str, Header(include_in_schema=False)] = "",
) -> Caller:
    """Return who calls; raises Problem 401.

    Or 403, where the route needs a scope that they lack, or the request names another tenant.
    """
    caller = await who_calls(request, gateway, bearer_of(authorization))
    rule_of(request).check(caller)
    caller.belongs_to(*tenants_named(request))
    return caller


TheGateway = Annotated[Gateway, Depends(gateway_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", max_length=IDEMPOTENCY_KEY_MAX)]


def trace_of(request: Request) -> str:
    """Return the traceparent of what is done for a request."""
    return str(request.state.traceparent)


def name_after(request: Request, request_on_log: str) -> None:
    """Answer under the id of the request on the log, instead of one of HTTP's own."""
    request.state.request_id = request_on_log


def fingerprinted(request: Request, body: bytes) -> bytes:
    """Return what an idempotency key stands for: a body, and where it was sent."""
    return f"{request.method} {request.url.path}\n".encode() + body
