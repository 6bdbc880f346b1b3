"""Errors of GraphQL: each with the members of a problem document as its extensions."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import GraphQLError

from edge.gateway.cancellation_desk import ReaderLeft
from edge.problems import Problem
from streams.watching.logs import logger, places
from streams.watching.tracing import trace_id_of

log = logger("gateway")


def problem_in(error: GraphQLError, request_id: str, trace_id: str) -> Problem:
    """Return what an error tells a client; of one of ours that nobody foresaw, its ids alone."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, Problem):
        return cause
    if isinstance(cause, ReaderLeft):
        return Problem(499, "reader-left", "the connection closed before the answer was whole")
    # what is wrong with the operation itself has no cause, or one of the library's
    if cause is None or type(cause).__module__.startswith(("graphql", "strawberry")):
        return Problem(400, "bad-operation", error.message[:1_000])
    log.error(
        "unforeseen error",
        error=type(cause).__name__,
        places=places(cause),
        request=request_id,
        trace=trace_id,
    )
    return Problem(500, "internal", "an error of the gateway's own: report the ids")


def spell(errors: Iterable[GraphQLError], request_id: str, traceparent: str) -> None:
    """Give errors the shape that all have here; none keeps what only we may read."""
    trace_id = trace_id_of(traceparent)
    for error in errors:
        problem = problem_in(error, request_id, trace_id)
        error.message = problem.detail
        error.extensions = problem.fields(request_id, trace_id)
