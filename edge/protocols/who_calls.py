"""Who calls, by what a request came with: a key or a token, else the cookie of a sign-in."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.problems import unauthorized

COOKIE = "playhead"


def cookie_name(name: str, *, secure: bool) -> str:
    """Return a cookie's full name: over https, no other host of the domain can set it."""
    return f"__Host-{name}" if secure else name


async def who_calls(connection: HTTPConnection, gateway: Gateway, secret: str) -> Caller:
    """Return who calls; raises Problem. Beside a key or a token no cookie counts."""
    if len(connection.headers.getlist("authorization")) > 1:
        raise unauthorized("there are two Authorization headers: send the one that is meant")
    if secret or gateway.people is None or "authorization" in connection.headers:
        return await gateway.caller(secret)
    cookie = connection.cookies.get(cookie_name(COOKIE, secure=gateway.people.secure), "")
    if not cookie:
        return await gateway.caller("")
    method = connection.scope.get("method", "WS")
    return await gateway.signed_in(cookie, connection.headers.get("origin"), method)
