"""Live effects: ask the connector registered for the request's type, and record."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from typing import Any

from agents.errors import Permanent, Transient
from schemas import Begin, Begun, Effect, Fail, Failed, Instant, Now, Record, Request, StreamRequest
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.running.digests import request_digest, response_digest, version_of
from streams.running.run import Emit, Input, Run
from streams.running.world import Call, World
from streams.topics import Step
from streams.watching import tracing


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
        return response, self._effect(number, 0, request, response, started, took_us=0)

    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        started, clock = now_us(), time.perf_counter_ns()
        response: Record | Exception
        try:
            response = await self._ask_world(request)
        except (Transient, Permanent) as error:
            response = error
        took_us = (time.perf_counter_ns() - clock) // 1_000
        return response, self._effect(number, 0, request, response, started, took_us)

    async def _ask_world(self, request: Request[Any]) -> Record:
        with tracing.effect_span(request.SCHEMA) as span:
            try:
                response = await self._world.ask(request, self._call)
            except (Transient, Permanent) as error:
                tracing.failed(span, error)
                raise
            span.set_attribute("playhead.model", getattr(response, "model", "") or "")
            return response

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        started, clock, part = now_us(), time.perf_counter_ns(), 0
        span = tracing.start_stream_span(request.SCHEMA)
        parts = self._world.ask_stream(request, self._call)
        try:
            while True:
                response: Record | Exception
                try:
                    response = await anext(parts)
                except StopAsyncIteration:
                    return
                except (Transient, Permanent) as error:
                    tracing.failed(span, error)
                    response = error
                else:
                    span.set_attribute("playhead.model", getattr(response, "model", "") or "")
                took_us = (time.perf_counter_ns() - clock) // 1_000
                yield response, self._effect(number, part, request, response, started, took_us)
                part += 1
        finally:
            span.set_attribute("playhead.parts", part)
            span.end()
            await parts.aclose()  # type: ignore[attr-defined]

    def _effect(
        self,
        number: int,
        part: int,
        request: Request[Any],
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
            request=request_digest(request, self._digest_key) if part == 0 else b"",
            response=recorded,
            digest=digest,
            model=getattr(response, "model", "") or "",
            started=started,
            took_us=took_us,
            error=error,
            version=version,
        )


def error_text(error: Any) -> str:
    """Spell an error for the record: its kind, then its message."""
    kind = "Transient" if isinstance(error, Transient) else type(error).__name__
    return f"{kind}: {error}"
