"""Who calls, by what a request came with: a key or a token, else the cookie of a sign-in."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from edge.callers.caller import Caller, bearer_of
from edge.gateway.gateway import Gateway
from edge.problems import unauthorized
from edge.protocols.tenants_named import tenants_named

COOKIE = "playhead"


def cookie_name(name: str, *, secure: bool) -> str:
    """Return a cookie's full name: over https, no other host of the domain can set it."""
    return f"__Host-{name}" if secure else name


async def who_calls(connection: HTTPConnection, gateway: Gateway, secret: str) -> Caller:
    """Return who calls; raises Problem. Beside a key or a token no cookie counts."""
    check_one_meant(connection)
    if secret or gateway.people is None or "authorization" in connection.headers:
        return await gateway.caller(secret)
    cookie = connection.cookies.get(cookie_name(COOKIE, secure=gateway.people.secure), "")
    if not cookie:
        return await gateway.caller("")
    method = connection.scope.get("method", "WS")
    return await gateway.signed_in(cookie, connection.headers.get("origin"), method)


async def bearer_calls(connection: HTTPConnection, gateway: Gateway) -> Caller:
    """Return who calls where a key or a token says it and no cookie counts; raises Problem."""
    check_one_meant(connection)
    caller = await gateway.caller(bearer_of(connection.headers.get("authorization", "")))
    caller.belongs_to(*tenants_named(connection))
    return caller


def check_one_meant(connection: HTTPConnection) -> None:
    """Raise Problem where a request says twice who calls."""
    if len(connection.headers.getlist("authorization")) > 1:
        raise unauthorized("there are two Authorization headers: send the one that is meant")
