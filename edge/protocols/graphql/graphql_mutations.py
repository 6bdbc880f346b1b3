"""What can be asked for in GraphQL: questions, documents, judgements."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Annotated, Any

import orjson
import strawberry
from strawberry.scalars import JSON

from edge.gateway.voiced_requests import NewQuestion
from edge.protocols.contents import as_in_a_body, validated
from edge.protocols.graphql.graphql_conversations import GraphqlAsked, GraphqlInfo
from edge.protocols.graphql.graphql_types import (
    GraphqlJudged,
    GraphqlTaken,
)
from edge.protocols.http.bodies import DocumentBody, MessageBody
from edge.protocols.http.feedback import FeedbackBody
from edge.protocols.openai.openai_shape import without_prefix
from edge.requests import limits
from edge.requests.building import response_schema_text
from edge.requests.new_document import NewDocument, essence
from schemas import Ask

IdempotencyArgument = Annotated[
    str, strawberry.argument(description="The same key and arguments are one request.")
]


@strawberry.type
class Mutation:
    """What can be asked for."""

    @strawberry.mutation(description="Ask a question; `answer` waits for the whole answer.")
    async def ask(
        self,
        info: GraphqlInfo,
        text: str,
        session_id: str = "",
        max_tokens: int = limits.ANSWER_TOKENS,
        response_schema: JSON | None = None,
        budget_ms: int | None = None,
        idempotency_key: IdempotencyArgument = "",
    ) -> GraphqlAsked:
        """Put a question on the log; raises Problem."""
        context = info.context
        caller, gateway = context.reader(), context.gateway
        given = {
            "text": text,
            "session_id": session_id,
            "max_tokens": max_tokens,
            "response_schema": as_in_a_body(response_schema),
            "budget_ms": budget_ms,
        }
        fields = validated(given, MessageBody)
        schema = await asyncio.to_thread(response_schema_text, fields.response_schema)
        question = NewQuestion(
            text=fields.text,
            session=fields.session_id,
            ask=Ask(max_tokens=fields.max_tokens, response_schema=schema),
            budget_ms=fields.budget_ms,
            trace=context.traceparent,
        )
        with ExitStack() as resources:
            async with context.once(info, b"ask\n" + orjson.dumps(given), idempotency_key) as turn:
                watch = await gateway.ask_once(caller, question.in_its(turn), resources)
        asked = watch.request
        return GraphqlAsked(
            request_id=strawberry.ID(asked.request),
            session_id=strawberry.ID(asked.session),
            known=asked,
            may_return=bool(turn.fingerprint),
        )

    @strawberry.mutation(description="Hand a document in, up to a megabyte; larger ones over HTTP.")
    async def submit_document(
        self,
        info: GraphqlInfo,
        uri: str,
        media_type: str,
        content: str | None = None,
        content_base64: str | None = None,
        title: str = "",
        metadata: JSON | None = None,
        groups: list[str] | None = None,
        chunk_policy: str = "",
        idempotency_key: IdempotencyArgument = "",
    ) -> GraphqlTaken:
        """Hand a document in; raises Problem."""
        context = info.context
        caller, reception = context.writer(), context.gateway.reception
        given: dict[str, Any] = {
            "uri": uri,
            "media_type": media_type,
            "content": content,
            "content_base64": content_base64,
            "title": title,
            "metadata": as_in_a_body(metadata or {}),
            "groups": groups or [],
            "chunk_policy": chunk_policy,
        }
        fields = validated(given, DocumentBody)
        document = NewDocument(
            uri=fields.uri,
            content=fields.content_bytes(),
            media_type=media_type if content is None else essence(media_type),
            title=fields.title,
            metadata=fields.metadata_texts(),
            groups=fields.groups,
            chunk_policy=fields.chunk_policy,
        )
        spelt = b"submitDocument\n" + orjson.dumps(given)
        async with context.once(info, spelt, idempotency_key) as turn:
            identity = reception.identify_document(caller, document.uri, turn.fingerprint)
            if not context.gateway.is_taken(caller, identity, turn):
                await reception.submit(caller, identity, document, context.traceparent)
        return GraphqlTaken(
            document_id=strawberry.ID(identity.session), request_id=strawberry.ID(identity.request)
        )

    @strawberry.mutation(description="Withdraw a document: it is found no longer.")
    async def withdraw_document(self, info: GraphqlInfo, id: strawberry.ID) -> GraphqlTaken:  # noqa: A002
        """Withdraw a document; raises Problem."""
        context = info.context
        caller, gateway = context.writer(), context.gateway
        async with context.once(info, b"withdrawDocument\n" + id.encode()) as turn:
            request = await gateway.withdraw_once(caller, id, turn, context.traceparent)
        return GraphqlTaken(document_id=id, request_id=strawberry.ID(request))

    @strawberry.mutation(description="Judge an answer: -1 bad, 0 neutral, 1 good.")
    async def feedback(
        self,
        info: GraphqlInfo,
        request_id: strawberry.ID,
        rating: int,
        comment: str | None = None,
        idempotency_key: IdempotencyArgument = "",
    ) -> GraphqlJudged:
        """Judge an answer; raises Problem."""
        context = info.context
        caller, gateway = context.reader(), context.gateway
        given = {"request_id": str(request_id), "rating": rating, "comment": comment}
        fields = validated(given, FeedbackBody)
        question = gateway.access.question(caller, without_prefix(fields.request_id))
        judgement = fields.rating, fields.comment or ""
        spelt = b"feedback\n" + orjson.dumps(given)
        async with context.once(info, spelt, idempotency_key) as turn:
            told = await gateway.reception.judge(
                caller, question, judgement, turn, context.traceparent
            )
        return GraphqlJudged(request_id=strawberry.ID(told), about=strawberry.ID(question.request))

    @strawberry.mutation(
        description="Have an answer end where it is, whoever follows it; false if it was over."
    )
    async def cancel(self, info: GraphqlInfo, request_id: strawberry.ID) -> bool:
        """Cancel an answer; raises Problem."""
        context = info.context
        taken = await context.gateway.cancelling.cancel(
            context.reader(), without_prefix(str(request_id)), context.traceparent
        )
        # unless the log ends it before
        if stop := context.followed.pop(taken.request.request, None):
            asyncio.get_running_loop().call_later(context.gateway.bounds.stop_s, stop)
        return taken.in_time
