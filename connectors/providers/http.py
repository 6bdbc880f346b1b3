"""HTTP for providers: no redirect, no environment, no decompression, bounds, and short errors.

Where a request goes is what its provider's entry says, and nothing else: a redirect would carry a
prompt to another host, and variables such as HTTPS_PROXY or a .netrc would add hosts and keys that
nobody configured. An answer is asked for as it is, since a few bytes unpack to gigabytes.
"""

from __future__ import annotations

import email.utils
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from agents.errors import Permanent, Transient
from connectors.providers.configured import ProviderSettings
from streams.running.breaker import Overdue
from streams.settings import BadSetting

RETRY_AFTER_MAX_S = 3_600.0  # what asks for longer is mistaken
AWAY = {408, 409, 425, 429}
"""Of 4xx, those that pass; all of 5xx may."""
REASONS = {
    400: "it does not take the request",
    401: "it does not take our credential",
    403: "our credential may not do this",
    404: "it has no such model or address",
    413: "the prompt is too long for it",
    422: "it does not take the request",
}


def client(name: str, own: ProviderSettings) -> httpx2.AsyncClient:
    """Make a client for one provider; raises BadSetting for certificates that can't be used."""
    try:
        context = ssl.create_default_context(cafile=own.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(
            f"provider {name}: ca_file can't be used: {type(error).__name__}"
        ) from None
    transport = httpx2.AsyncHTTPTransport(
        verify=context,
        trust_env=False,
        proxy=own.proxy or None,
        limits=httpx2.Limits(max_connections=own.running_max * 2),
    )
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(
            own.total_timeout_s, connect=own.connect_timeout_s, pool=own.connect_timeout_s
        ),
        follow_redirects=False,
        trust_env=False,
        transport=_PlainTransport(transport),
    )


class _PlainTransport(httpx2.AsyncBaseTransport):
    """Passes answers on as they are: unpacked by nobody, and without the body of an error."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask, and take away what would be unpacked or read whole."""
        response = await self._inner.handle_async_request(request)
        response.headers.pop("content-encoding", None)
        if response.status_code != 200:
            await response.aclose()
            return httpx2.Response(response.status_code, headers=response.headers)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


@asynccontextmanager
async def errors_of(name: str) -> AsyncGenerator[None, None]:
    """Turn what HTTP raises into Transient or Permanent, without an address or a header in it."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise Overdue(f"provider {name} took too long ({type(error).__name__})") from None
    except httpx2.TransportError as error:
        raise Transient(f"provider {name} is away ({type(error).__name__})") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise Permanent(f"provider {name} can't be asked ({type(error).__name__})") from None


def refusal(name: str, status: int, headers: Mapping[str, str]) -> Transient | Permanent:
    """Return the error of a status that is no answer; of its body nothing is told."""
    if status in AWAY or status >= 500:
        return Transient(f"provider {name} answered {status}", retry_after_s=retry_after_s(headers))
    if 300 <= status < 400:
        return Permanent(f"provider {name} sends us to another address, which is not followed")
    reason = REASONS.get(status, "it refuses")
    return Permanent(f"provider {name} answered {status}: {reason}")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3), in seconds or as a date; None where it says nothing."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(0.0, at - time.time()), RETRY_AFTER_MAX_S)


def check_type(name: str, headers: Mapping[str, Any]) -> None:
    """Raise Permanent where an answer is no stream of events."""
    kind = str(headers.get("content-type", "")).partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        raise Permanent(f"provider {name} did not answer with a stream of events: check its url")
