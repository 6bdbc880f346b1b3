"""Say of each error whether trying again may help: Transient or Permanent.

No message quotes what Weaviate answered to a call: it may hold the text of a person. Only of a
refused batch is the reason told, shortened.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

import grpc  # type: ignore[import-untyped]  # it ships no types
import httpx
from weaviate.exceptions import (
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateClosedClientError,
    WeaviateConnectionError,
    WeaviateGRPCUnavailableError,
    WeaviateRetryError,
    WeaviateStartUpError,
    WeaviateTimeoutError,
)

from agents.errors import Permanent, Transient
from streams.log.credential_files import tls_fault
from streams.running.breaker import Overdue

AWAY = (
    WeaviateConnectionError,
    WeaviateTimeoutError,
    WeaviateGRPCUnavailableError,
    WeaviateRetryError,
    WeaviateClosedClientError,
    WeaviateStartUpError,
    httpx.HTTPError,
    OSError,
)
BUSY = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INTERNAL,
    )
)
PASSING = (
    "unavailable", "timeout", "deadline", "read-only", "connection", "shutting down", "not ready",
    "leader not found", "loading",
)  # fmt: skip
CAUSES_MAX = 5  # errors behind one another that are looked at
BUSY_HTTP = frozenset((401, 403, 408, 429))  # a key can be set right while the event waits

P = ParamSpec("P")
R = TypeVar("R")


def translated(
    function: Callable[P, Awaitable[R]],
) -> Callable[P, Awaitable[R]]:
    """Raise what Weaviate's client raises as Transient or Permanent."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await function(*args, **kwargs)
        except (WeaviateBaseError, grpc.RpcError, httpx.HTTPError, OSError) as error:
            raise _translation(error) from error

    return call


def refusal(count: int, of: int, why: str) -> Transient | Permanent:
    """Say that some objects of a batch were not written, and why, in at most 200 characters."""
    message = f"Weaviate refused {count} of {of} objects: {why.rpartition('errors: ')[2][:200]}"
    return Transient(message) if _passing(why) else Permanent(message)


def no_such_tenant(error: BaseException) -> bool:
    """Tell whether Weaviate knows no such tenant: nothing of it was written yet."""
    return "tenant not found" in str(error).lower()


def _translation(error: Exception) -> Exception:
    if isinstance(error, AWAY):
        late = isinstance(error, WeaviateTimeoutError | httpx.ReadTimeout)
        if said := tls_fault(_words(error), "weaviate", "Weaviate"):
            return Transient(f"Weaviate can't be asked: {said}")
        kind = Overdue if late else Transient
        return kind(f"Weaviate does not answer ({type(error).__name__}): see `playhead status`")
    if isinstance(error, UnexpectedStatusCodeError):
        status = error.status_code
        message = f"Weaviate answered HTTP {status}: see its log, and weaviate_key_file for 401"
        return Transient(message) if status in BUSY_HTTP or status >= 500 else Permanent(message)
    cause = error if isinstance(error, grpc.RpcError) else _rpc_cause(error)
    if cause is not None:
        code = cast(Any, cause).code()
        message = f"Weaviate answered {getattr(code, 'name', code)}: see its log"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Overdue(message)
        # it has no better status for most of its errors, those of a shard that starts among them
        passing = code is grpc.StatusCode.UNKNOWN and _passing(cast(Any, cause).details())
        return Transient(message) if code in BUSY or passing else Permanent(message)
    return Permanent(f"Weaviate refused ({type(error).__name__}): see its log")


def _rpc_cause(error: BaseException) -> grpc.RpcError | None:
    return next((one for one in _causes(error) if isinstance(one, grpc.RpcError)), None)


def _words(error: BaseException) -> str:
    """Return what an error and those behind it say; the client's own says less than TLS does."""
    return " ".join(map(str, _causes(error)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(CAUSES_MAX):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _passing(why: str | None) -> bool:
    """Tell by its words whether an error passes by itself."""
    return any(words in (why or "").lower() for words in PASSING)
