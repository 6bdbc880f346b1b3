"""Routes that describe the interfaces: OpenAPI and AsyncAPI, made when they are first asked for."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """Describe what is served over HTTP."""
    return Response(await asyncio.to_thread(openapi_of_app, request.app), media_type=JSON)


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi() -> Response:
    """Describe the topics of the log and the frames of chats."""
    return Response(await asyncio.to_thread(asyncapi_spelt), media_type=JSON)


JSON = "application/json"


def openapi_of_app(app: FastAPI) -> bytes:
    """Return the OpenAPI document of an application as JSON, made once."""
    from edge.protocols.openapi_document import openapi_document

    if not hasattr(app.state, "openapi"):
        app.state.openapi = _spelt(openapi_document(app))
    spelt: bytes = app.state.openapi
    return spelt


@cache
def asyncapi_spelt() -> bytes:
    """Return the AsyncAPI document as JSON."""
    from edge.protocols.asyncapi_document import asyncapi_document

    return _spelt(asyncapi_document())


def _spelt(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
