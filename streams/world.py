"""The world outside a step: connectors, by the requests that they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agents.errors import Permanent, Transient
from schemas import Record, Request, StreamRequest
from streams.run import Input


@dataclass(frozen=True)
class Call:
    """On whose behalf a connector is asked."""

    tenant: str
    lane: int
    request: str
    session: str
    event: str
    """meta.id of the step's input."""
    topic: str
    """Topic of the step's input."""
    offset: int
    """Offset of the step's input in its lane."""

    @classmethod
    def over(cls, given: Input) -> Call:
        """Return the call of a run over an input; live and at replay it is the same."""
        meta = given.event.meta
        return cls(
            tenant=meta.tenant,
            lane=meta.lane,
            request=meta.request,
            session=meta.session,
            event=meta.id,
            topic=given.topic,
            offset=given.offset,
        )


Handler = Callable[[Any, Call], Awaitable[Record]]
StreamHandler = Callable[[Any, Call], AsyncIterator[Record]]


class Connector(Protocol):
    """A service or store that answers requests."""

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request; the handlers raise Transient or Permanent."""

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return who answers which streamed request."""

    async def close(self) -> None:
        """Let go of connections."""


class World:
    """Everything that can be asked: all connectors together, with a bound on each call."""

    def __init__(self, connectors: tuple[Connector, ...], timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._connectors = connectors
        self._handlers: dict[type[Any], Handler] = {}
        self._streams: dict[type[Any], StreamHandler] = {}
        for connector in connectors:
            for request, handler in connector.handlers().items():
                if request in self._handlers:
                    raise ValueError(f"two connectors answer {request.__name__}: keep one")
                self._handlers[request] = handler
            for streamed, parts in connector.stream_handlers().items():
                self._streams[streamed] = parts

    async def ask(self, request: Request[Any], call: Call) -> Record:
        """Ask; raises Transient or Permanent, and Transient on a timeout."""
        handler = self._handlers.get(type(request))
        if handler is None:
            raise Permanent(f"no connector answers {request.SCHEMA}: see streams/app.py")
        try:
            async with asyncio.timeout(self.timeout_s):
                return await handler(request, call)
        except TimeoutError:
            raise Transient(f"{request.SCHEMA} took longer than {self.timeout_s:g} s") from None

    async def ask_stream(self, request: StreamRequest[Any], call: Call) -> AsyncIterator[Record]:
        """Ask for an answer in parts; errors as for `ask`."""
        parts = self._streams.get(type(request))
        if parts is None:
            raise Permanent(f"no connector answers {request.SCHEMA}: see streams/app.py")
        answer = parts(request, call)
        deadline = asyncio.get_running_loop().time() + self.timeout_s
        try:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        part = await anext(answer)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise Transient(
                        f"{request.SCHEMA} took longer than {self.timeout_s:g} s"
                    ) from None
                yield part
        finally:
            close = getattr(answer, "aclose", None)
            if close is not None:
                await close()

    async def close(self) -> None:
        """Close every connector."""
        for connector in self._connectors:
            await connector.close()
