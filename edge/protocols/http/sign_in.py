"""Routes by which people sign in to the pages, and out again; and who one is.

No token reaches a page, an address, a log or a store: the gateway exchanges the code, reads who it
is, and gives the browser a cookie that no script can read.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from edge.callers.sign_in_attempts import PAGES, NotSignedIn, SignInAttempt
from edge.problems import not_found
from edge.protocols.http.dependencies import TheCaller, TheGateway
from edge.protocols.who_calls import COOKIE, cookie_name
from streams.watching.logs import logger

if TYPE_CHECKING:  # it brings what checks tokens
    from edge.callers.people import People

log = logger("gateway")
router = APIRouter()
ATTEMPT_COOKIE = "playhead-attempt"
ATTEMPT_S = 600
"""How long somebody may take to sign in at the issuer."""
PARAMETER_MAX = 4_096  # characters


@router.get("/v1/me")
async def who_am_i(caller: TheCaller) -> dict[str, Any]:
    """Tell a caller who they are here."""
    ends = caller.ends_s
    return {
        "tenant": caller.tenant,
        "user": caller.user,
        "scopes": sorted(caller.scopes),
        "groups": list(caller.groups),
        "by": caller.came_by,
        "key": caller.key,
        "ends_at": ends and time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)),
    }


@router.get("/login/options")
async def sign_in_options(request: Request, gateway: TheGateway) -> dict[str, Any]:
    """List where people can sign in, none where keys alone are taken; and whether one has."""
    people = gateway.people
    if people is None:
        return {"issuers": [], "signed_in": False}
    cookie = request.cookies.get(cookie_name(COOKIE, secure=people.secure), "")
    stands = bool(cookie) and await asyncio.to_thread(people.stands, cookie)
    return {"issuers": people.signing_in.choices, "signed_in": stands}


@router.get("/login", include_in_schema=False)
async def begin_sign_in(
    gateway: TheGateway,
    issuer: Annotated[str, Query(max_length=64)] = "",
    page: Annotated[str, Query(max_length=64)] = "chat",
) -> Response:
    """Send a browser to its issuer."""
    people = _people(gateway.people)
    chosen = issuer or next((one["name"] for one in people.signing_in.choices), "")
    if not people.signing_in.knows(chosen):
        raise not_found("nobody can sign in at such an issuer: /login/options lists them")
    attempt = SignInAttempt.begin(chosen, page if page in PAGES else "chat")
    try:
        where = await people.signing_in.address(attempt)
    except NotSignedIn as error:
        return _not_signed_in(people, error)
    reply = _sent_to(where)
    _set_cookie(people, reply, ATTEMPT_COOKIE, attempt.secret, ATTEMPT_S, crosses=True)
    return reply


@router.get("/login/callback", include_in_schema=False)
async def finish_sign_in(request: Request, gateway: TheGateway) -> Response:
    """Take what the issuer sends a browser back with."""
    people = _people(gateway.people)
    given = request.query_params
    answer = {
        name: given[name][:PARAMETER_MAX] for name in ("code", "error", "iss") if name in given
    }
    secret = request.cookies.get(cookie_name(ATTEMPT_COOKIE, secure=people.secure), "")
    try:
        attempt = SignInAttempt.of_answer(secret, given.get("state", "")[:PARAMETER_MAX])
        who, lasts_s = await people.signing_in.finish(attempt, answer)
    except NotSignedIn as error:
        return _not_signed_in(people, error)
    cookie = await asyncio.to_thread(people.sign_ins.create, who, lasts_s)
    log.info("somebody signed in", issuer=who.issuer, tenant=who.tenant)
    reply = _sent_to(PAGES[attempt.page])
    _set_cookie(people, reply, ATTEMPT_COOKIE, "", 0, crosses=True)
    _set_cookie(people, reply, COOKIE, cookie, lasts_s)
    return reply


@router.post("/logout", include_in_schema=False)
async def sign_out(request: Request, gateway: TheGateway) -> Response:
    """End a sign-in at once, in every open connection; tells where to sign out at the issuer."""
    people = _people(gateway.people)
    people.check_origin(request.headers.get("origin"), "POST")
    cookie = request.cookies.get(cookie_name(COOKIE, secure=people.secure), "")
    issuer = await asyncio.to_thread(people.sign_ins.end, cookie)
    reply = JSONResponse({"go_on_at": await people.signing_in.farewell(issuer)})
    _set_cookie(people, reply, COOKIE, "", 0)
    return reply


def _people(people: People | None) -> People:
    if people is None or not people.signing_in.choices:
        raise not_found(
            "nobody signs in here: set PLAYHEAD_OIDC to a file with an issuer and its login"
        )
    return people


def _sent_to(where: str) -> Response:
    return RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})


def _not_signed_in(people: People, error: NotSignedIn) -> Response:
    """Send a browser back to its page, which says in words what the code means."""
    log.warning("somebody was not signed in", code=error.code, reason=str(error))
    reply = _sent_to(f"{PAGES[error.page]}#sign-in={error.code}")
    _set_cookie(people, reply, ATTEMPT_COOKIE, "", 0, crosses=True)
    return reply


def _set_cookie(
    people: People, reply: Response, name: str, value: str, lasts_s: int, *, crosses: bool = False
) -> None:
    """Set a cookie that no script reads, or take it back.

    One that `crosses` comes along when the issuer sends the browser back, from another site.
    """
    reply.set_cookie(
        cookie_name(name, secure=people.secure),
        value,
        max_age=lasts_s,
        path="/",
        secure=people.secure,
        httponly=True,
        samesite="lax" if crosses else "strict",
    )
