"""Live effects: ask the connector registered for the request's type, and record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from msgspec.structs import replace

from agents.errors import Permanent, Transient, Unforeseen
from schemas import Begin, Begun, Effect, Fail, Failed, Instant, Now, Record, Request, StreamRequest
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.running.cache_mark import cache_mark
from streams.running.digests import request_digest, response_digest, version_of
from streams.running.run import Emit, Input, Run
from streams.running.world import Call, World
from streams.topics import Step
from streams.watching import tracing

ASIDE_PARTS = 10_000
"""Parts of a record that take five milliseconds to spell: a document may have 1.6 million."""

ResultT = TypeVar("ResultT")


class LiveRun(Run):
    """A run that asks the world and records what it answers."""

    def __init__(
        self,
        step: Step,
        given: Input,
        emit: Emit,
        *,
        world: World,
        codec: Codec,
        digest_key: bytes,
        begun: Begun,
        configuration: Mapping[str, dict[str, Any]],
    ) -> None:
        super().__init__(step, given, emit)
        self._world = world
        self._codec = codec
        self._digest_key = digest_key
        self._begin = begun
        self._configurations = configuration
        self._failure: Failed | None = None

    @cached_property
    def _call(self) -> Call:
        return Call.over(self.input)

    def fail_with(self, failure: Failed) -> None:
        """Say why the step gave up; `reject` records it."""
        self._failure = failure

    def _configuration(self, digest: str) -> dict[str, Any]:
        return self._configurations[digest]

    def _ask_at_once(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect] | None:
        """Answer what the run knows by itself."""
        kind, started = type(request), now_us()
        response: Record
        if kind is Begin:
            response = self._begin
        elif kind is Fail:
            assert self._failure is not None
            response = self._failure
        elif kind is Now:
            response = Instant(at=started)
        else:
            return None
        asked = request_digest(request, self._digest_key)
        return response, self._effect(number, 0, request, asked, response, started, took_us=0)

    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        started, clock = now_us(), time.perf_counter_ns()
        asked = b""
        response: Record | Exception
        with cache_mark() as mark:
            try:
                asked = await _aside(request, request_digest, request, self._digest_key)
                response = await self._ask_world(request)
            except Exception as error:  # noqa: BLE001 - whatever leaves the world is recorded
                response = foreseen(error)
        took_us = (time.perf_counter_ns() - clock) // 1_000
        about = number, 0, request, asked, response, started, took_us
        answered, effect = await _aside(response, self._recorded, *about)
        return answered, _marked(effect, mark.cached)

    async def _ask_world(self, request: Request[Any]) -> Record:
        with tracing.effect_span(request.SCHEMA) as span:
            try:
                response = await self._world.ask(request, self._call)
            except Exception as error:
                tracing.failed(span, error)
                raise
            span.set_attribute("playhead.model", getattr(response, "model", "") or "")
            return response

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        started, clock, part = now_us(), time.perf_counter_ns(), 0
        span = tracing.start_stream_span(request.SCHEMA)
        asked = b""
        parts, cached = self._world.ask_stream(request, self._call), False
        try:
            while True:
                response: Record | Exception
                try:
                    asked = b"" if part else request_digest(request, self._digest_key)
                    with cache_mark() as mark:
                        response = await anext(parts)
                    cached = cached or mark.cached
                except StopAsyncIteration:
                    return
                except Exception as error:  # noqa: BLE001 - whatever leaves the world is recorded
                    tracing.failed(span, error)
                    response = foreseen(error)
                else:
                    span.set_attribute("playhead.model", getattr(response, "model", "") or "")
                took_us = (time.perf_counter_ns() - clock) // 1_000
                about = number, part, request, asked, response, started, took_us
                answered, effect = self._recorded(*about)
                yield answered, _marked(effect, cached)
                part += 1
        finally:
            span.set_attribute("playhead.parts", part)
            span.end()
            await parts.aclose()  # type: ignore[attr-defined]

    def _recorded(
        self,
        number: int,
        part: int,
        request: Request[Any],
        asked: bytes,
        response: Record | Exception,
        started: int,
        took_us: int,
    ) -> tuple[Record | Exception, Effect]:
        """Record an answer; one that no record can hold was none."""
        about = number, part, request, asked
        try:
            return response, self._effect(*about, response, started, took_us)
        except Exception as error:  # noqa: BLE001 - whatever a connector may have answered
            broken = foreseen(error)
            return broken, self._effect(*about, broken, started, took_us)

    def _effect(
        self,
        number: int,
        part: int,
        request: Request[Any],
        asked: bytes,
        response: Record | Exception,
        started: int,
        took_us: int,
    ) -> Effect:
        recorded, digest, error, version = None, b"", "", ""
        if isinstance(response, Exception):
            error = error_text(response)
        elif request.EFFECT == "local":
            digest = response_digest(response, self._digest_key)
            version = version_of(response)
        else:
            recorded = self._codec.encode(response)
        return Effect(
            number=number,
            part=part,
            kind=request.SCHEMA,
            request=asked,
            response=recorded,
            digest=digest,
            model=getattr(response, "model", "") or "",
            started=started,
            took_us=took_us,
            cost_micros=getattr(response, "cost_micros", 0),
            error=error,
            version=version,
        )


def _marked(effect: Effect, cached: bool) -> Effect:
    """Say of an answer that it was kept; an error is none, whatever was kept could not be used."""
    return replace(effect, cached=True) if cached and not effect.error else effect


def foreseen(error: Exception) -> Transient | Permanent | Unforeseen:
    """Return an error as the log can keep it: of a class that a replay can raise again."""
    if isinstance(error, Transient | Permanent):
        return error
    unforeseen = Unforeseen(type(error).__name__)
    unforeseen.__cause__ = error
    return unforeseen


async def _aside(
    about: Record | Exception, function: Callable[..., ResultT], *args: Any
) -> ResultT:
    """Call what spells a record; in a thread, where the event loop would be kept for long."""
    if _parts(about) < ASIDE_PARTS:
        return function(*args)
    return await asyncio.to_thread(function, *args)


def _parts(record: Record | Exception) -> int:
    """Count what a record holds in its lists, with which the work of spelling it grows."""
    values = (getattr(record, name) for name in getattr(record, "__struct_fields__", ()))
    return sum(len(value) for value in values if isinstance(value, tuple))


def error_text(error: Any) -> str:
    """Spell an error for the record: its kind, then its message."""
    kind = "Transient" if isinstance(error, Transient) else type(error).__name__
    return f"{kind}: {error}"
