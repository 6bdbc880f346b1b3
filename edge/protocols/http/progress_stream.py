"""Server-sent events of how an upload, or a document, comes along."""

from __future__ import annotations

from contextlib import ExitStack

from fastapi import Request
from fastapi.responses import Response

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.progress_desk import ProgressStream
from edge.protocols.http.dependencies import trace_of
from edge.protocols.http.event_stream import event_stream


def progress_stream(
    request: Request, gateway: Gateway, caller: Caller, stream: ProgressStream
) -> Response:
    """Answer with what a reader is told; raises Problem where too many are told at once."""
    with ExitStack() as resources:
        resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
        return event_stream(
            None,
            stream.bursts(),
            stream.failed,
            trace_of(request),
            gateway.bounds,
            resources.pop_all(),
        )
