"""The gateway as its clients see it, over HTTP like any other."""

from __future__ import annotations

import difflib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import click
import httpx

from edge.callers.api_keys import BadKey
from edge.client.local_keys import LocalKeys
from edge.client.server_sent_events import events_in
from streams.settings import Settings

RETRIES_MAX = 5
BUSY = (429, 503)
KEY_REFUSED = (401, 403)
OF_THE_REQUEST = (400, 413, 415, 422)
BUSY_S = 60.0
"""Longest pause that a gateway without room may ask for; it is asked RETRIES_MAX times more."""
CLOSING = ("completed", "retracted", "error")
"""Frames after which none comes."""
TENANTS_SHOWN = 5
ALIKE = 0.7
"""Share of two names that agrees where one may be meant for the other: acme and amce, .75."""
AnswerFrame = dict[str, Any]


class RequestRefused(click.ClickException):
    """The gateway refused this request for what it holds; another one may be taken."""


class GatewayClient:
    """Asks the gateway; repeats what failed on the way, under one key."""

    def __init__(
        self,
        url: str,
        key: str,
        tenant: str = "T",
        *,
        retries_max: int = RETRIES_MAX,
        pause: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._tenant = tenant
        self._retries_max = retries_max
        self._pause = pause
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(60.0, connect=5.0),
            trust_env=False,
            transport=transport,
        )

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request once, however often it takes; raises click.ClickException.

        RequestRefused, which is one, where another request may well be taken.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._json(lambda: self._http.post(path, json=body, headers=headers))

    def get(self, path: str) -> dict[str, Any]:
        """Read; raises click.ClickException."""
        return self._json(lambda: self._http.get(path))

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[AnswerFrame]:
        """Yield the frames of an answer; a lost connection is taken up after the last frame.

        Raises click.ClickException.
        """
        ask = {"Idempotency-Key": str(uuid.uuid4())}
        newest: AnswerFrame = {}
        for attempt in range(1, self._retries_max + 2):
            try:
                for frame in self._attempt(path, body, ask, newest):
                    newest = frame
                    yield frame
                    if frame["type"] in CLOSING:
                        return
            except httpx.TransportError as error:
                if not newest or attempt > self._retries_max:
                    raise click.ClickException(self._away(error)) from None
                self._pause(0.2 * 2**attempt)
        raise click.ClickException("the stream ended before the answer did: try again")

    def _attempt(
        self, path: str, body: dict[str, Any], ask: dict[str, str], newest: AnswerFrame
    ) -> Iterator[AnswerFrame]:
        """Yield frames until the connection ends: all of them, or those after the newest."""
        method, headers, content = "POST", ask, body
        if newest:
            method, path = "GET", f"/v1/messages/{newest['request_id']}"
            headers, content = {"Last-Event-ID": newest["cursor"]}, {}
        headers = {"Accept": "text/event-stream", **headers}
        for busy in range(1, self._retries_max + 2):
            with self._http.stream(method, path, headers=headers, json=content or None) as response:
                if response.status_code in BUSY:
                    response.read()
                if _may_go_by(response) and busy <= self._retries_max:
                    self._pause(_pause_s(response, busy))
                    continue
                if response.is_error:
                    response.read()
                    raise click.ClickException(self._problem(response))
                yield from frames_in(response)
                return

    def _json(self, send: Callable[[], httpx.Response]) -> dict[str, Any]:
        for attempt in range(self._retries_max + 1):
            try:
                response = send()
            except httpx.TransportError as error:
                if attempt == self._retries_max:
                    raise click.ClickException(self._away(error)) from None
                self._pause(0.2 * 2**attempt)
            else:
                if not _may_go_by(response) or attempt == self._retries_max:
                    if response.is_error:
                        refused = response.status_code in OF_THE_REQUEST
                        error_type = RequestRefused if refused else click.ClickException
                        raise error_type(self._problem(response))
                    answer: dict[str, Any] = response.json()
                    return answer
                self._pause(_pause_s(response, attempt))
        raise AssertionError

    def _problem(self, response: httpx.Response) -> str:
        try:
            problem = response.json()
            said = f"{problem['title']}: {problem['detail']} (request {problem['request_id']})"
        except (ValueError, KeyError, TypeError):
            return f"the gateway answered {response.status_code}: is PLAYHEAD_GATEWAY its address?"
        if response.status_code in KEY_REFUSED and os.environ.get("PLAYHEAD_KEY"):
            said += (
                f". The key is that of PLAYHEAD_KEY: set it to one of `playhead keys create "
                f"--tenant {self._tenant}`, or unset it to use the local stack's own"
            )
        return said

    def _away(self, error: Exception) -> str:
        return (
            f"no gateway answers at {self._url} ({type(error).__name__}): start one with "
            "`playhead up --detach`, or name another with PLAYHEAD_GATEWAY"
        )


def frames_in(response: httpx.Response) -> Iterator[AnswerFrame]:
    """Yield the frames of a streamed response."""
    for event in events_in(response.iter_bytes()):
        yield json.loads(event.data)


def connect(settings: Settings, tenant: str, *, reads: bool = False) -> GatewayClient:
    """Return the gateway of the settings, with the key of the environment or of the local stack.

    Raises click.ClickException.
    """
    return GatewayClient(settings.gateway, key_for(settings, tenant, reads=reads), tenant)


def key_for(settings: Settings, tenant: str, *, reads: bool = False) -> str:
    """Return the key of the environment, or the local stack's own for a tenant.

    One is made for a tenant that has none; not for one that is only to be read from and whose name
    looks like that of another. Raises click.ClickException.
    """
    try:
        return os.environ.get("PLAYHEAD_KEY") or _local_key(
            LocalKeys(settings), tenant, reads=reads
        )
    except BadKey as error:
        raise click.ClickException(str(error)) from None


def _local_key(keys: LocalKeys, tenant: str, *, reads: bool) -> str:
    """Return the key of a tenant; a new tenant is told of, since its name may be mistyped."""
    known = keys.tenants()
    if tenant in known:
        return keys.key(tenant)
    alike = difflib.get_close_matches(tenant, known, n=1, cutoff=ALIKE)
    if alike and reads:
        raise BadKey(
            f"no tenant {tenant} yet; did you mean {alike[0]}? To begin a new one: "
            f"`playhead ingest --tenant {tenant} PATH` or `playhead keys create --tenant {tenant}`"
        )
    key = keys.key(tenant)
    others = f"; there are also {', '.join(known[:TENANTS_SHOWN])}" if known else ""
    click.echo(f"{tenant} is a new tenant, without documents until now{others}", err=True)
    return key


def _may_go_by(response: httpx.Response) -> bool:
    """Tell whether a request may be taken later: not where a limit has no room by waiting."""
    if response.status_code not in BUSY:
        return False
    try:
        return response.json().get("retryable") is not False
    except (ValueError, AttributeError):
        return True


def _pause_s(response: httpx.Response, attempt: int) -> float:
    """Return how long to wait before a request is sent again: what the gateway asks for."""
    retry_after = response.headers.get("retry-after", "")
    return min(BUSY_S, float(retry_after)) if retry_after.isdigit() else 0.2 * 2**attempt
