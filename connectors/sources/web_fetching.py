"""Fetching pages: bounded in bytes, time and redirects, within one host, not too often.

Each request waits its turn. A redirect is followed by hand, so that none leads to another host. A
body is read up to its bound, as it is after decompression; what is longer is given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import httpx

from connectors.sources.web_addresses import host_of, normal_address
from streams.version import CODE

AGENT = "playhead-sources"
AGENT_HEADER = f"{AGENT}/{CODE} (+robots.txt is followed)"
REDIRECTS_MAX = 5
TIMEOUT_S = 30.0  # between two parts of an answer
PAGE_S = 120.0  # for all of an answer
BUSY = (429, 503)
BUSY_MAX_S = 60.0  # longest wait that a busy server is granted, once a page
DIGITS_MAX = 20
BUSY_S = 5.0  # where it does not say


class Unfetched(Exception):
    """A page can't be fetched, or must not be; the message says why."""

    def __init__(self, reason: str, *, skipped: bool = False) -> None:
        super().__init__(reason)
        self.skipped = skipped
        """Whether it is left out on purpose, and not for a failure."""


@dataclass(frozen=True)
class FetchedPage:
    """An answer."""

    address: str
    """Where it came from in the end."""
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    moved: bool = False
    """Whether each redirect to it was said to be for good."""


class Fetcher:
    """Fetches from one host. A context manager; not to be used by two threads at once."""

    def __init__(
        self,
        host: str,
        delay_s: float,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.delay_s = delay_s
        """Between two requests, at least."""
        self._host = host
        self._pause, self._clock = pause, clock
        self._next_s = 0.0
        self._http = httpx.Client(
            headers={"User-Agent": AGENT_HEADER},
            timeout=httpx.Timeout(TIMEOUT_S, connect=10.0),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def fetch(
        self,
        address: str,
        bytes_max: int,
        headers: Mapping[str, str] | None = None,
        allowed: Callable[[str], bool] = lambda _: True,
    ) -> FetchedPage:
        """Fetch a page, over redirects within its host.

        `allowed` is asked of each redirect. Raises Unfetched.
        """
        seen = {address}
        moved = True
        for _ in range(REDIRECTS_MAX + 1):
            page = self._patiently(address, bytes_max, headers or {})
            if page.status not in (301, 302, 303, 307, 308):
                return replace(page, moved=moved and len(seen) > 1)
            moved = moved and page.status in (301, 308)
            location = page.headers.get("location", "")
            target = normal_address(location, address)
            if not location or target is None:
                raise Unfetched("it redirects to no page")
            if host_of(target) != self._host:
                raise Unfetched(
                    f"it redirects to another host ({host_of(target).rstrip(':')})", skipped=True
                )
            if target in seen:
                raise Unfetched("it redirects in a circle")
            if not allowed(target):
                raise Unfetched("it redirects to what robots.txt forbids", skipped=True)
            seen.add(target)
            address = target
        raise Unfetched(f"it redirects more than {REDIRECTS_MAX} times")

    def _patiently(self, address: str, bytes_max: int, headers: Mapping[str, str]) -> FetchedPage:
        page = self._once(address, bytes_max, headers)
        if page.status in BUSY:
            asked = page.headers.get("retry-after", "")
            self._pause(min(BUSY_MAX_S, float(asked) if _is_number(asked) else BUSY_S))
            page = self._once(address, bytes_max, headers)
        return page

    def _once(self, address: str, bytes_max: int, headers: Mapping[str, str]) -> FetchedPage:
        wait_s = self._next_s - self._clock()
        if wait_s > 0:
            self._pause(wait_s)
        ends_s = self._clock() + PAGE_S
        try:
            with self._http.stream("GET", address, headers=dict(headers)) as response:
                told = dict(response.headers)
                length = told.get("content-length", "")
                if response.status_code == httpx.codes.OK:
                    if _is_number(length) and int(length) > bytes_max:
                        raise Unfetched(_too_large(length, bytes_max))
                    body = self._body(response, bytes_max, ends_s)
                else:
                    body = b""
                return FetchedPage(address, response.status_code, body, told)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unfetched(f"it can't be fetched ({type(error).__name__})") from None
        finally:
            self._next_s = self._clock() + self.delay_s

    def _body(self, response: httpx.Response, bytes_max: int, ends_s: float) -> bytes:
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > bytes_max:
                raise Unfetched(_too_large("more", bytes_max))
            if self._clock() > ends_s:
                raise Unfetched(f"it was not there in full after {PAGE_S:g} s")
            parts.append(part)
        return b"".join(parts)


def _is_number(told: str) -> bool:
    """Say whether a header is digits, and not so many that they can't be read."""
    return told.isascii() and told.isdecimal() and len(told) <= DIGITS_MAX


def _too_large(size: str, bytes_max: int) -> str:
    return f"it has {size} bytes, the limit is {bytes_max}"
