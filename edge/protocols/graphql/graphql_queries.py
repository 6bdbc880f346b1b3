"""What can be read in GraphQL."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from edge.answering.request_timeline import timeline_of
from edge.gateway.session_desk import KnownSession
from edge.gateway.voiced_requests import NewQuestion
from edge.protocols.contents import as_in_a_body, validated
from edge.protocols.graphql.graphql_conversations import (
    FIRST,
    First,
    GraphqlInfo,
    GraphqlMessage,
    GraphqlSession,
    GraphqlSessionPage,
    checked_first,
)
from edge.protocols.graphql.graphql_types import (
    GraphqlDocument,
    GraphqlDocumentPage,
    GraphqlFound,
    GraphqlMe,
    GraphqlPassage,
)
from edge.protocols.http.bodies import SearchBody
from edge.protocols.openai.openai_shape import without_prefix
from edge.requests import limits
from schemas import Ask


@strawberry.type
class Query:
    """What can be read."""

    @strawberry.field(description="Who calls.")
    async def me(self, info: GraphqlInfo) -> GraphqlMe:
        """Say who calls."""
        return GraphqlMe.of(info.context.caller)

    @strawberry.field(description="One's own conversations, the one last gone on with first.")
    async def sessions(
        self, info: GraphqlInfo, first: First = FIRST, after: str = ""
    ) -> GraphqlSessionPage:
        """List conversations."""
        desk, caller = info.context.gateway.session_desk, info.context.reader()
        page, behind = desk.listed(caller, checked_first(first), after)
        return GraphqlSessionPage(nodes=[GraphqlSession.of(one) for one in page], next=behind)

    @strawberry.field(description="One of one's own conversations.")
    async def session(self, info: GraphqlInfo, id: strawberry.ID) -> GraphqlSession:  # noqa: A002
        """Return a conversation; raises Problem."""
        desk, caller = info.context.gateway.session_desk, info.context.reader()
        return GraphqlSession.of(KnownSession.of(desk.asked_in(caller, str(id))))

    @strawberry.field(description="A question of one's own.")
    async def message(self, info: GraphqlInfo, request_id: strawberry.ID) -> GraphqlMessage:
        """Return a question; raises Problem."""
        caller = info.context.reader()
        asked = info.context.gateway.access.question(caller, without_prefix(str(request_id)))
        return GraphqlMessage.of(asked)

    @strawberry.field(description="Every step of a request with times, versions and effects.")
    async def timeline(self, info: GraphqlInfo, request_id: strawberry.ID) -> JSON:
        """Return a timeline; raises Problem."""
        gateway = info.context.gateway
        on_log = gateway.access.request(info.context.reader(), str(request_id))
        return JSON(await timeline_of(on_log, gateway.follower.read_back))

    @strawberry.field(description="Documents by id.")
    async def documents(
        self,
        info: GraphqlInfo,
        first: Annotated[
            int, strawberry.argument(description=f"At most; {limits.PAGE} at once.")
        ] = limits.PAGE,
        after: str = "",
        status: str = "",
    ) -> GraphqlDocumentPage:
        """List documents."""
        caller, access = info.context.reader(), info.context.gateway.access
        page = access.documents(
            caller, checked_first(first, limits.PAGE), after=after, status=status
        )
        return GraphqlDocumentPage(
            nodes=[GraphqlDocument.of(one, access.title(caller, one)) for one in page.documents],
            next=page.next,
        )

    @strawberry.field(description="How a document fares.")
    async def document(self, info: GraphqlInfo, id: strawberry.ID) -> GraphqlDocument:  # noqa: A002
        """Return a document; raises Problem."""
        caller, access = info.context.reader(), info.context.gateway.access
        found = access.document(caller, str(id))
        return GraphqlDocument.of(found, access.title(caller, found))

    @strawberry.field(description="What a document says, as this key may see it.")
    async def document_text(self, info: GraphqlInfo, id: strawberry.ID) -> str:  # noqa: A002
        """Return a document's text; raises Problem."""
        context = info.context
        _, text = await context.gateway.texts.read(
            context.reader(), str(id), "graphql: documentText", context.traceparent
        )
        return "\n\n".join(words for _, words in text.chunks)

    @strawberry.field(description="Find passages, through the log like any request.")
    async def search(
        self,
        info: GraphqlInfo,
        text: str,
        k: int = limits.PASSAGES,
        filters: JSON | None = None,
        as_of: int = -1,
        budget_ms: int | None = None,
    ) -> GraphqlFound:
        """Find passages; raises Problem."""
        context = info.context
        caller, gateway = context.reader(), context.gateway
        fields = validated(
            {"text": text, "k": k, "filters": as_in_a_body(filters or {}), "as_of": as_of}
            | {"budget_ms": budget_ms},
            SearchBody,
        )
        ask = Ask(
            mode="search",
            passages_max=fields.k,
            filters=fields.filter_texts(),
            as_of=fields.as_of,
        )
        question = NewQuestion(
            fields.text, ask=ask, budget_ms=fields.budget_ms, trace=context.traceparent
        )
        with ExitStack() as resources:
            resources.enter_context(gateway.followed.hold(caller.tenant, caller.key))
            watch = await gateway.ask_once(caller, question, resources)
            passages = await gateway.follower.passages(caller, watch)
        return GraphqlFound(
            request_id=strawberry.ID(watch.request.request),
            passages=[GraphqlPassage(**one) for one in passages],
        )
