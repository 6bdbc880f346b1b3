"""Routes about documents: hand in, withdraw, and how they fare."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from edge.answering.document_progress import cursor_read
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.load.admission import largest_body
from edge.protocols.http.bodies import DocumentBody, openapi_of, read_body
from edge.protocols.http.dependencies import (
    IdempotencyKey,
    TheCaller,
    TheGateway,
    fingerprinted,
    name_after,
    trace_of,
)
from edge.protocols.http.document_body import parse_document
from edge.protocols.http.form_documents import submit_form, with_form_described
from edge.protocols.http.multipart_body import is_multipart
from edge.protocols.http.progress_stream import progress_stream
from edge.requests import limits
from edge.requests.new_document import NewDocument, essence

router = APIRouter()


@router.post(
    "/v1/documents", status_code=202, openapi_extra=with_form_described(openapi_of(DocumentBody))
)
async def submit_document(
    request: Request, gateway: TheGateway, caller: TheCaller, idempotency_key: IdempotencyKey = ""
) -> dict[str, Any]:
    """Hand a document in, for the first time or in a new version; as a form, several files."""
    if is_multipart(request.headers.get("content-type", "")):
        return await submit_form(request, gateway, caller, idempotency_key)
    largest = largest_body(gateway.settings)
    with gateway.admission.body(caller.tenant, caller.key) as count:
        body = await read_body(request, largest, count, gateway.bounds.pace)
        return await _submit(request, gateway, caller, idempotency_key, body)


async def _submit(
    request: Request, gateway: Gateway, caller: Caller, idempotency_key: str, body: bytes
) -> dict[str, str]:
    document = await asyncio.to_thread(_document, body, caller)
    reception = gateway.reception
    async with reception.once(caller, idempotency_key, fingerprinted(request, body)) as turn:
        identity = reception.identify_document(caller, document.uri, turn.fingerprint)
        if not gateway.is_taken(caller, identity, turn):
            await reception.submit(caller, identity, document, trace_of(request))
    name_after(request, identity.request)
    return {"document_id": identity.session, "request_id": identity.request}


def _document(body: bytes, caller: Caller) -> NewDocument:
    fields = parse_document(body, caller)
    return NewDocument(
        uri=fields.uri,
        content=fields.content_bytes(),
        media_type=fields.media_type if fields.content is None else essence(fields.media_type),
        title=fields.title,
        metadata=fields.metadata_texts(),
        groups=fields.groups,
        chunk_policy=fields.chunk_policy,
    )


@router.get("/v1/documents")
async def list_documents(
    gateway: TheGateway,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=limits.PAGE_MAX)] = limits.PAGE,
    after: Annotated[str, Query(max_length=limits.ID_MAX)] = "",
    status: Annotated[str, Query(max_length=limits.STATUS_MAX)] = "",
) -> dict[str, Any]:
    """List documents by id; `next` is what to send as `after` for more."""
    access = gateway.access
    page = access.documents(caller, limit, after=after, status=status)
    return {
        "documents": [one.as_json(access.title(caller, one)) for one in page.documents],
        "next": page.next,
    }


@router.get("/v1/documents/{document}")
async def get_document(
    document: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    last_event_id: Annotated[str, Header(max_length=limits.CURSOR_MAX)] = "",
) -> Response:
    """Tell how a document fares; as events, until its newest request is settled."""
    entry = gateway.access.document(caller, document)
    if "text/event-stream" in request.headers.get("accept", ""):
        stream = gateway.progress.document(caller, entry, cursor_read(last_event_id))
        return progress_stream(request, gateway, caller, stream)
    return JSONResponse(entry.as_json(gateway.access.title(caller, entry)))


@router.delete("/v1/documents/{document}", status_code=202)
async def withdraw_document(
    document: str, request: Request, gateway: TheGateway, caller: TheCaller
) -> dict[str, str]:
    """Withdraw a document: it is found no longer."""
    entry = gateway.access.document(caller, document)
    withdrawal = await gateway.reception.withdraw(caller, entry.id, trace_of(request))
    name_after(request, withdrawal.request)
    return {"document_id": entry.id, "request_id": withdrawal.request}
