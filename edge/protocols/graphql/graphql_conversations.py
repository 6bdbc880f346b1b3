"""Conversations in the GraphQL schema: sessions, what was asked in them, and the answers."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.types import Info

from edge.gateway.session_desk import KnownSession
from edge.listening.known_requests import KnownRequest
from edge.problems import Problem
from edge.protocols.graphql.graphql_context import GraphqlContext
from edge.protocols.graphql.graphql_types import (
    GraphqlAnswer,
    time_of,
)
from edge.protocols.http.ask_once import whole

GraphqlInfo = Info[GraphqlContext, None]
FIRST = 20
FIRST_MAX = 50
First = Annotated[int, strawberry.argument(description=f"At most; {FIRST_MAX} at once.")]


def checked_first(first: int, most: int = FIRST_MAX) -> int:
    """Return how many are wanted; raises Problem."""
    if not 1 <= first <= most:
        raise Problem(422, "invalid", f"first: from 1 to {most}")
    return first


@strawberry.type(name="Message", description="A question that was asked, and its answer.")
class GraphqlMessage:
    """A question."""

    request_id: strawberry.ID
    session_id: strawberry.ID
    asked_at: datetime
    known: strawberry.Private[KnownRequest]

    @classmethod
    def of(cls, request: KnownRequest) -> GraphqlMessage:
        """Describe a question."""
        return cls(
            request_id=strawberry.ID(request.request),
            session_id=strawberry.ID(request.session),
            asked_at=time_of(request.time_ms * 1_000),
            known=request,
        )

    @strawberry.field(description="What was asked; null where it is gone.")
    async def question(self, info: GraphqlInfo) -> str | None:
        """Return what was asked."""
        return await info.context.words(self.known)

    @strawberry.field(description="The answer so far, read from the log.")
    async def answer(self, info: GraphqlInfo) -> GraphqlAnswer:
        """Return the answer so far."""
        return GraphqlAnswer.of(await info.context.answer(self.known))


@strawberry.type(name="Session", description="One of one's own conversations.")
class GraphqlSession:
    """A conversation."""

    id: strawberry.ID
    began_at: datetime
    last_at: datetime
    questions: int
    known: strawberry.Private[KnownSession]

    @classmethod
    def of(cls, session: KnownSession) -> GraphqlSession:
        """Describe a conversation."""
        return cls(
            id=strawberry.ID(session.id),
            began_at=time_of(session.first.time_ms * 1_000),
            last_at=time_of(session.last.time_ms * 1_000),
            questions=session.messages,
            known=session,
        )

    @strawberry.field(description="Its first question, shortened; null where it is gone.")
    async def title(self, info: GraphqlInfo) -> str | None:
        """Return what it is called."""
        return await info.context.title(self.known)

    @strawberry.field(description="Its newest questions, the newest first.")
    async def messages(self, info: GraphqlInfo, first: First = FIRST) -> list[GraphqlMessage]:
        """List questions."""
        first = checked_first(first)
        desk = info.context.gateway.session_desk
        found = desk.asked_in(info.context.reader(), self.known.id)
        return [GraphqlMessage.of(one) for one in found[:first]]


@strawberry.type(name="SessionPage", description="`next` is what to send as `after` for more.")
class GraphqlSessionPage:
    """A page of conversations."""

    nodes: list[GraphqlSession]
    next: str | None


@strawberry.type(name="Asked", description="A question that is on the log.")
class GraphqlAsked:
    """A question that was asked just now."""

    request_id: strawberry.ID
    session_id: strawberry.ID
    known: strawberry.Private[KnownRequest]
    may_return: strawberry.Private[bool]
    """Whether who leaves may come again, by an idempotency key."""

    @strawberry.field(description="Wait for the whole answer.")
    async def answer(self, info: GraphqlInfo) -> GraphqlAnswer:
        """Wait for the answer; raises Problem."""
        context = info.context
        gateway, caller = context.gateway, context.reader()
        follower = gateway.follower
        with ExitStack() as resources:
            resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
            resources.enter_context(
                gateway.cancelling.stopped_when_left(self.known, may_return=self.may_return)
            )
            watch = follower.take_up(caller, self.known, resources)
            view = follower.view(caller, self.known)
            answer = whole(follower.bursts(watch, view), view)
            return GraphqlAnswer.of(await context.until_left(answer))
