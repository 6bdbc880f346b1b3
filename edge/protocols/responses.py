"""Problems as responses: the one place where an error becomes HTTP, for WebSockets too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request

from edge.problems import MEDIA_TYPE, Problem, title_of
from edge.protocols.openai import openai_shape
from edge.requests.limits import ID_MAX
from streams.watching.tracing import trace_id_of

CARRIERS = ("query", "path", "header")
"""What parameters come in: no part of their names."""
MISTAKES_TOLD = 5
"""Of one body or frame, at once."""


def response_of(problem: Problem, ids: MutableMapping[str, Any]) -> JSONResponse:
    """Spell a problem as a response; the ids are those that the envelope gave the request."""
    if problem.request_id:
        ids["request_id"] = problem.request_id
    if ids.get("speaks_openai"):
        return JSONResponse(
            openai_shape.error_of(problem, ids["request_id"]),
            status_code=openai_shape.status_of(problem),
            headers=openai_shape.headers_of(problem),
        )
    return JSONResponse(
        problem.fields(ids["request_id"], trace_id_of(ids["traceparent"])),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def invalid(errors: Iterable[ErrorDetails | Mapping[str, Any]]) -> Problem:
    """Say which fields are at fault and why, never their values."""
    told = list(errors)
    places = [[str(part)[:ID_MAX] for part in error["loc"] if part != "body"] for error in told]
    mistakes = [
        f"{'.'.join(place) or 'body'}: {error['msg']}"
        for place, error in zip(places, told, strict=True)
    ]
    problem = Problem(422, "invalid", "; ".join(mistakes[:MISTAKES_TOLD]))
    named = ([part for part in place if part not in CARRIERS] for place in places)
    problem.param = next((place[0] for place in named if place), None)
    return problem


async def on_problem(request: Request, error: Exception) -> JSONResponse:
    """Answer with a problem that a route raised."""
    assert isinstance(error, Problem)
    return response_of(error, request.scope["state"])


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """Answer with what the framework raised: unknown addresses and methods."""
    assert isinstance(error, HTTPException)
    slug = re.sub(r"[^a-z]+", "-", title_of(error.status_code).lower())
    detail = {
        404: "nothing is at this address: /openapi.json lists what is",
        405: "this address does not take this method: /openapi.json lists what it takes",
    }.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(methods_at(request))
    problem = Problem(error.status_code, slug, detail, headers=headers)
    return response_of(problem, request.scope["state"])


def methods_at(request: Request) -> list[str]:
    """List the methods that an address takes: each is a route of its own."""
    at_address = (
        route.methods or set()
        for route in iter_route_contexts(request.app.routes)
        if hasattr(route, "path_regex") and route.path_regex.match(request.url.path)
    )
    return sorted(set[str]().union(*at_address))


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer to parameters of the wrong kind."""
    assert isinstance(error, RequestValidationError)
    return response_of(invalid(error.errors()), request.scope["state"])
