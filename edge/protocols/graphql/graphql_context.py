"""What resolvers work with: the gateway, who calls, and one reading of the log for many answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from strawberry.dataloader import DataLoader
from strawberry.types.info import Info

from edge.callers.caller import Caller
from edge.callers.standing import Standing
from edge.gateway.gateway import Gateway
from edge.gateway.session_desk import KnownSession
from edge.gateway.voiced_requests import KeyTurn
from edge.listening.known_requests import KnownRequest
from edge.problems import unauthorized

AnswerWork = Coroutine[Any, Any, dict[str, Any]]


async def to_its_end(work: AnswerWork) -> dict[str, Any]:
    """Do some work: on a WebSocket, whoever serves the connection ends it."""
    return await work


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
    operation_key: str = ""
    """The Idempotency-Key that an operation came with over HTTP."""
    standing: Standing | None = None
    """How the key stands with which a connection is open."""
    resources: ExitStack = field(default_factory=ExitStack)
    followed: dict[str, Callable[[], None]] = field(default_factory=dict)
    """How to stop an answer that goes out here, by its request."""

    until_left: Callable[[AnswerWork], AnswerWork] = to_its_end
    """Waits for as long as the client is there; raises ReaderLeft."""

    def __post_init__(self) -> None:
        # what was read is not kept: on a WebSocket the next operation may come days later
        self._answers: DataLoader[KnownRequest, dict[str, Any]] = DataLoader(
            self._read_answers, cache=False, max_batch_size=100
        )
        self._words: DataLoader[KnownRequest, str | None] = DataLoader(
            self._read_words, cache=False, max_batch_size=100
        )
        self._titles: DataLoader[KnownSession, str | None] = DataLoader(
            self._read_titles, cache=False, max_batch_size=100
        )

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
        return await self._answers.load(request)

    async def words(self, request: KnownRequest) -> str | None:
        """Return what was asked, read in the same way; None where it is gone."""
        return await self._words.load(request)

    async def title(self, session: KnownSession) -> str | None:
        """Return what a conversation is called, read in the same way; None where it is gone."""
        return await self._titles.load(session)

    async def _read_answers(self, wanted: list[KnownRequest]) -> list[dict[str, Any]]:
        return await self.gateway.follower.answers_so_far(self.caller, wanted)

    async def _read_words(self, wanted: list[KnownRequest]) -> list[str | None]:
        return await self.gateway.session_desk.words(self.caller, wanted)

    async def _read_titles(self, wanted: list[KnownSession]) -> list[str | None]:
        return await self.gateway.session_desk.titles(self.caller, wanted)

    @asynccontextmanager
    async def once(
        self, info: Info[Any, Any], spelt: bytes, key: str = ""
    ) -> AsyncIterator[KeyTurn]:
        """Take a request in once for each idempotency key; raises Problem.

        Where the field has none, the operation's stands for it: one key for each field of it.
        """
        if self.operation_key and key in ("", self.operation_key):
            place = f"{self.operation_key}\n{info.path.key}"
            key = hashlib.sha256(place.encode()).hexdigest()
        async with self.gateway.reception.once(self.caller, key, b"graphql\n" + spelt) as turn:
            yield turn
