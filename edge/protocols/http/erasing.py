"""Routes about people as data subjects: erase one, and tell how far that is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from edge.callers.caller import Caller
from edge.erasing.erasure_desk import PersonHeld, PersonState, UnknownPerson, report_of
from edge.erasing.named_person import NamedPerson
from edge.gateway.gateway import Gateway
from edge.problems import Problem, forbidden, not_found
from edge.protocols.http.dependencies import TheCaller, TheGateway, name_after

router = APIRouter()
ME = "me"
ALL, OWN = "erase", "erase:self"


@router.delete(
    "/v1/subjects/{subject}", status_code=202, responses={200: {"description": "Erased before"}}
)
async def erase_subject(
    subject: str, request: Request, gateway: TheGateway, caller: TheCaller
) -> JSONResponse:
    """Ask for a person to be erased; 202 until a worker has done it, 200 with the report then."""
    named = await _named(gateway, caller, subject)
    state = await _at_the_desk(gateway, named, by=caller.key)
    if state.erasure is not None:
        name_after(request, state.erasure.asked.meta.request)
    status = 200 if state.state == "erased" else 202
    return JSONResponse(report_of(named, state), status_code=status)


@router.get("/v1/subjects/{subject}")
async def get_subject(subject: str, gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """Tell how it stands with a person: active, held, requested or erased."""
    named = await _named(gateway, caller, subject)
    state = await gateway.erasing(lambda desk: desk.look(named))
    if state.state == "unknown":
        raise not_found("nothing is held of this person")
    return report_of(named, state)


async def _named(gateway: Gateway, caller: Caller, subject: str) -> NamedPerson:
    """Find out who is meant, and whether the caller may say so; raises Problem."""
    own = subject in (ME, caller.user, caller.subject)
    if ALL not in caller.scopes and not (OWN in caller.scopes and own):
        raise forbidden(
            f"this {caller.came_by} may erase nobody but with the scope {ALL}, and its own user as "
            f"`{ME}` with {OWN}: `playhead keys create --tenant {caller.tenant} --scopes {ALL}` "
            "makes a key that may"
        )
    if subject == ME or ALL not in caller.scopes:
        return await gateway.named_person(caller.tenant, caller.user, by_name=True)
    return await gateway.named_person(caller.tenant, subject)


async def _at_the_desk(gateway: Gateway, named: NamedPerson, by: str) -> PersonState:
    try:
        return await gateway.erasing(lambda desk: desk.ask(named, by=by))
    except UnknownPerson as error:
        raise not_found(str(error)) from None
    except PersonHeld as error:
        raise Problem(409, "held", str(error)) from None
