"""Tool hosts: ask one over HTTP, within the bounds that the request names.

A tool's address is written by a tenant, and a host is looked up by a stranger's name servers. So
names are looked up here, once, and the connection goes to an address that was looked at: what is
not public (a loopback, a private network, a cloud's metadata) is refused unless the request says
that its host may be such, and no second look-up can change it. No redirect is followed, no proxy or
variable is heeded, nothing is unpacked, and a connection serves one call. Errors name the tool and
the host, never a path, a key or an answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, urlsplit

import httpx2

from agents.errors import Permanent, Transient
from agents.json_texts import levels
from connectors.providers.credentials import credential
from connectors.providers.http import AWAY, retry_after_s
from schemas import CallTool, ToolAnswered
from streams.running.breaker import Overdue
from streams.running.world import Call

LEVELS_MAX = 64  # of JSON that an answer may nest
PORTS = {"http": 80, "https": 443}
Lookup = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host, the best first; raises OSError."""


async def looked_up(host: str, port: int) -> list[str]:
    """Ask the resolver of this machine."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class ToolHosts:
    """Asks hosts; lives on one event loop."""

    def __init__(self, lookup: Lookup = looked_up, verify: ssl.SSLContext | None = None) -> None:
        self._lookup = lookup
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(
                verify=verify or ssl.create_default_context(),
                trust_env=False,
                # one address may serve several names, each with a certificate of its own
                limits=httpx2.Limits(max_keepalive_connections=0),
            ),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(self, request: CallTool, call: Call) -> ToolAnswered:
        """Ask; raises Transient, Overdue or Permanent. A status of 4xx is an answer."""
        place = urlsplit(request.url)
        if place.scheme not in PORTS or not place.hostname or "@" in place.netloc:
            raise Permanent(f"tool {request.tool}: its address is none of http or https")
        try:
            async with asyncio.timeout(request.timeout_ms / 1_000), _errors_of(request, place):
                address = await self._address(request, place)
                return await self._answered(request, call, place, address)
        except TimeoutError:
            raise Overdue(f"tool {request.tool} took more than {request.timeout_ms} ms") from None

    async def _address(self, request: CallTool, place: SplitResult) -> str:
        """Look a host up; raises Permanent where it has an address that it may not have."""
        host = place.hostname or ""
        try:
            addresses = await self._lookup(host, place.port or PORTS[place.scheme])
        except OSError:
            raise Transient(f"tool {request.tool}: nobody knows its host {host}") from None
        if not addresses:
            raise Transient(f"tool {request.tool}: its host {host} has no address")
        if not request.private and not all(map(is_public, addresses)):
            raise Permanent(
                f"tool {request.tool}: its host {host} has an address that is not public; if it is "
                'to be asked, say "private": true of it in tools.json'
            )
        return addresses[0]

    async def _answered(
        self, request: CallTool, call: Call, place: SplitResult, address: str
    ) -> ToolAnswered:
        at = f"[{address}]" if ":" in address else address
        port = place.port or PORTS[place.scheme]
        url = place._replace(netloc=f"{at}:{port}", fragment="").geturl()
        async with self._client.stream(
            request.method,
            url,
            headers=_headers(request, call, place),
            content=request.body.encode() if request.body else None,
            extensions={"sni_hostname": place.hostname},
            timeout=request.timeout_ms / 1_000,
        ) as response:
            status = response.status_code
            if 300 <= status < 400:
                raise Permanent(f"tool {request.tool} sends us elsewhere, which is not followed")
            if status >= 500 or status in AWAY:
                wait_s = retry_after_s(response.headers)
                raise Transient(f"tool {request.tool} answered {status}", retry_after_s=wait_s)
            content = ""
            if 200 <= status < 300:
                content = _json(request, response.headers, await _body(request, response))
            return ToolAnswered(
                tool=request.tool, status=status, content=content, cost_micros=request.price
            )


def _headers(request: CallTool, call: Call, place: SplitResult) -> dict[str, str]:
    """Return the headers; a call that is made again after a crash bears the same key."""
    asked = f"{call.event}|{request.tool}|{request.url}|{request.body}"
    headers = {
        "host": place.netloc,
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "playhead",
        "idempotency-key": hashlib.sha256(asked.encode()).hexdigest()[:32],
    }
    if request.body:
        headers["content-type"] = "application/json"
    if key := credential(request.credential):
        bearer = request.credential_header.lower() == "authorization"
        headers[request.credential_header] = f"Bearer {key}" if bearer else key
    return headers


async def _body(request: CallTool, response: httpx2.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > request.bytes_max:
            raise Permanent(
                f"tool {request.tool} answered with more than {request.bytes_max:,} bytes"
            )
        parts.append(chunk)
    return b"".join(parts)


def _json(request: CallTool, headers: httpx2.Headers, body: bytes) -> str:
    """Read a body that must be JSON; one without content is empty."""
    if not body:
        return ""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Permanent(f"tool {request.tool} did not answer with JSON")
    try:
        text = body.decode()
        if levels(text) > LEVELS_MAX:
            raise Permanent(f"tool {request.tool} answered with JSON of over {LEVELS_MAX} levels")
        json.loads(text)
    except ValueError:
        raise Permanent(f"tool {request.tool} answered with JSON that is none") from None
    return text


def is_public(address: str) -> bool:
    """Tell whether an address is one of the internet's; what is none is not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if ip in _TRANSLATED:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of IPv4 as IPv6 networks write them (RFC 6052)."""


@asynccontextmanager
async def _errors_of(request: CallTool, place: SplitResult) -> AsyncIterator[None]:
    """Turn what HTTP raises into Transient or Permanent, without a path or a header in it."""
    what = f"tool {request.tool} at {place.hostname}"
    try:
        yield
    except httpx2.TimeoutException as error:
        raise Overdue(f"{what} took too long ({type(error).__name__})") from None
    except httpx2.TransportError as error:
        raise Transient(f"{what} is away ({type(error).__name__})") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise Permanent(f"{what} can't be asked ({type(error).__name__})") from None
