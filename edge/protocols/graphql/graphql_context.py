"""What resolvers work with: the gateway, who calls, and one reading of the log for many answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from strawberry.dataloader import DataLoader

from edge.callers.caller import Caller
from edge.callers.standing import Standing
from edge.gateway.gateway import Gateway
from edge.gateway.reception import KeyTurn
from edge.listening.catalogue import KnownRequest
from edge.problems import unauthorized
from edge.requests.identity import Whose


@dataclass
class GraphqlContext:
    """The context of an operation, or of all those of one connection."""

    gateway: Gateway
    request_id: str
    traceparent: str
    known_caller: Caller | None = None
    """Who calls; on a WebSocket nobody is known before its first message."""
    connection_params: dict[str, Any] | None = None
    """What that message said."""
    tenants_named: Sequence[str] = ()
    """Tenants that the handshake of a WebSocket named."""
    standing: Standing | None = None
    """How the key stands with which a connection is open."""
    resources: ExitStack = field(default_factory=ExitStack)
    followed: dict[str, Callable[[], None]] = field(default_factory=dict)
    """How to stop an answer that goes out here, by its request."""

    def __post_init__(self) -> None:
        # what was read is not kept: on a WebSocket the next operation may come days later
        self._answers: DataLoader[Whose, dict[str, Any]] = DataLoader(
            self._read, cache=False, max_batch_size=100
        )
        self._asked: dict[Whose, KnownRequest] = {}

    @property
    def caller(self) -> Caller:
        """Who calls; raises Problem where nobody is known."""
        if self.known_caller is None:
            raise unauthorized("no key: send it with connection_init")
        return self.known_caller

    def reader(self) -> Caller:
        """Return who calls, who must have the scope read; raises Problem."""
        self.caller.need("ask")
        return self.caller

    def writer(self) -> Caller:
        """Return who calls, who must have the scope write; raises Problem."""
        self.caller.need("ingest")
        return self.caller

    async def answer(self, request: KnownRequest) -> dict[str, Any]:
        """Return what the log holds of an answer, read with all that are asked for meanwhile."""
        self._asked[request.whose] = request
        return await self._answers.load(request.whose)

    async def _read(self, wanted: Sequence[Whose]) -> list[dict[str, Any]]:
        requests = [self._asked[one] for one in wanted]
        self._asked.clear()
        return await self.gateway.follower.answers_so_far(self.caller, requests)

    @asynccontextmanager
    async def once(self, key: str, spelt: bytes) -> AsyncIterator[KeyTurn]:
        """Take a request in once for each idempotency key; raises Problem."""
        async with self.gateway.reception.once(self.caller, key, b"graphql\n" + spelt) as turn:
            yield turn
