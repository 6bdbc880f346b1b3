"""Routes about what was handed in: versions, originals, and many documents withdrawn at once."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.voiced_requests import KeyTurn
from edge.problems import Problem
from edge.protocols.http.bodies import WithdrawalBody, openapi_of, parsed, read_body
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    trace_of,
)
from edge.requests import limits
from streams.watching.tracing import trace_id_of

router = APIRouter()
DOWNLOADED = "application/octet-stream"
"""Whatever it is, a browser saves it: a page that somebody handed in is never shown as ours."""


@router.get("/v1/documents/{document}/versions")
async def list_versions(document: str, gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """List the last requests about a document, the newest first, and what became of each."""
    versions = await gateway.originals.versions(caller, document)
    return {"versions": [one.as_json() for one in versions]}


@router.get("/v1/documents/{document}/original")
async def get_original(
    document: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    request_id: Annotated[str, Query(max_length=limits.ID_MAX)] = "",
    reason: Annotated[str, Query(max_length=limits.REASON_MAX)] = "",
) -> Response:
    """Download what was handed in, by default as the version that can be found.

    Only who may see all that was found in it gets it, and the log says who did.
    """
    if not reason.isprintable():
        raise Problem(422, "invalid", "the reason is told in one line: send no control characters")
    original = await gateway.originals.original(
        caller, document, request_id, reason, trace_of(request)
    )
    name = quote(_name_of(original.uri), safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(original.content, media_type=DOWNLOADED, headers=headers)


@router.post("/v1/documents/withdraw", openapi_extra=openapi_of(WithdrawalBody))
async def withdraw_documents(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, Any]:
    """Withdraw many documents; each is answered on its own."""
    with gateway.admission.body(caller.tenant, caller.key) as count:
        body = await read_body(request, limits.BODY_MAX, count, gateway.bounds.pace)
        fields = await parsed(body, WithdrawalBody, caller)
    mark = fingerprinted(request, body)
    async with gateway.reception.once(caller, idempotency_key, mark) as turn:
        told = [
            await _withdrawn(request, gateway, caller, one, turn)
            for one in dict.fromkeys(fields.document_ids)
        ]
    return {"documents": told}


async def _withdrawn(
    request: Request, gateway: Gateway, caller: Caller, document: str, turn: KeyTurn
) -> dict[str, Any]:
    """Withdraw one document, and tell what became of that."""
    try:
        request_id = await gateway.withdraw_once(caller, document, turn, trace_of(request))
    except Problem as problem:
        fields = problem.fields(request.state.request_id, trace_id_of(trace_of(request)))
        return {"document_id": document, "status": problem.status, "problem": fields}
    return {"document_id": document, "status": 202, "request_id": request_id}


def _name_of(uri: str) -> str:
    """Return what a browser calls the file of a document."""
    try:
        path = unquote(urlsplit(uri).path)
    except ValueError:
        path = uri
    name = "".join(one for one in PurePosixPath(path).name if one.isprintable())
    return name[: limits.FILE_NAME_MAX] or "document"
