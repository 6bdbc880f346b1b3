"""Routes for auditors: what was asked, one answer's life, prompts, proofs, and documents."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from edge.gateway.audit_desk import read_cursor
from edge.listening.request_search import NEWEST, SearchedFor
from edge.protocols.http.dependencies import TheCaller, TheGateway, trace_of
from edge.requests import limits

router = APIRouter()

FOUND_MAX, FOUND = 50, 20  # each is read back from the log
CITING_MAX, CITING = 100, 50
CURSOR_MAX = 20 + limits.ID_MAX
TOPIC_MAX = 249  # what Kafka allows

Cursor = Annotated[str, Query(max_length=CURSOR_MAX)]


@router.get("/v1/audit/requests")
async def audit_requests(
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    session: Annotated[str, Query(pattern=f"^({limits.SESSION.pattern})?$")] = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    digest: Annotated[str, Query(pattern="^((sha256:)?[0-9a-f]{64})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=FOUND_MAX)] = FOUND,
    before: Cursor = "",
) -> dict[str, Any]:
    """List questions and searches of the tenant, the newest first.

    By conversation, time, and the digest of the answer's text, as a receipt has it. `next` is what
    to send as `before`. The log is told of each look before anything is shown.
    """
    wanted = SearchedFor(
        session=session,
        since_ms=0 if since is None else int(since.timestamp() * 1_000),
        until_ms=limits.INT64_MAX if until is None else int(until.timestamp() * 1_000),
        digest=bytes.fromhex(digest.removeprefix("sha256:")),
    )
    given = {
        "session": session,
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
        "digest": digest,
        "before": before,
    }
    conditions = {name: value for name, value in given.items() if value}
    place = read_cursor(before) if before else NEWEST
    return await gateway.audit_desk.requests(
        caller, wanted, limit, place, conditions, trace_of(request)
    )


@router.get("/v1/audit/requests/{request_id}")
async def audit_request(
    request_id: str, request: Request, gateway: TheGateway, caller: TheCaller
) -> dict[str, Any]:
    """Return the life of an answer: what was asked, found, decided and shown, and its records."""
    return await gateway.audit_desk.answer(caller, request_id, trace_of(request))


@router.get("/v1/audit/requests/{request_id}/prompt")
async def audit_prompt(
    request_id: str, request: Request, gateway: TheGateway, caller: TheCaller
) -> dict[str, Any]:
    """Return what models were asked, computed again from the log and held against its digests."""
    return await gateway.audit_desk.prompt(caller, request_id, trace_of(request))


@router.get("/v1/audit/requests/{request_id}/proof")
async def audit_proof(
    request_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    topic: Annotated[str, Query(max_length=TOPIC_MAX)],
    offset: Annotated[int, Query(ge=0, le=limits.INT64_MAX)],
) -> dict[str, Any]:
    """Return the receipt of one of a request's records; pending while no checkpoint covers it."""
    return await gateway.audit_desk.proof(caller, request_id, topic, offset, trace_of(request))


@router.get("/v1/audit/documents/{document_id}")
async def audit_document(
    document_id: str,
    request: Request,
    gateway: TheGateway,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=CITING_MAX)] = CITING,
    before: Cursor = "",
) -> dict[str, Any]:
    """Return a document with the digest of its bytes, and the answers that cite it, newest first.

    `next` is what to send as `before`.
    """
    place = read_cursor(before) if before else NEWEST
    return await gateway.audit_desk.document(caller, document_id, limit, place, trace_of(request))
