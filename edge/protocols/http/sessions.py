"""Routes about conversations: one's own, and what was said in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from edge.protocols.http.dependencies import TheCaller, TheGateway
from edge.requests import limits

router = APIRouter()

SESSIONS_MAX, MESSAGES_MAX = 100, 50  # for each something is read from the log
SESSIONS, MESSAGES = 20, 20


@router.get("/v1/sessions")
async def list_sessions(
    gateway: TheGateway,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=SESSIONS_MAX)] = SESSIONS,
    before: Annotated[str, Query(max_length=limits.SESSION_MAX)] = "",
) -> dict[str, Any]:
    """List one's own conversations, the newest first; `next` is what to send as `before`."""
    return await gateway.session_desk.sessions(caller, limit, before)


@router.get("/v1/sessions/{session_id}")
async def get_session(
    session_id: str,
    gateway: TheGateway,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=MESSAGES_MAX)] = MESSAGES,
    before: Annotated[str, Query(max_length=limits.ID_MAX)] = "",
) -> dict[str, Any]:
    """Return the newest messages of a conversation; `next` is what to send as `before`."""
    return await gateway.session_desk.session(caller, session_id, limit, before)
