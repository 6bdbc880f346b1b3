"""Operations executed, over HTTP and over WebSockets: all that needs the library of GraphQL."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.schema.exceptions import (
    CannotGetOperationTypeError,
    InvalidOperationTypeError,
)
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET

from edge.callers.caller import Caller, bearer_of
from edge.callers.standing import Standing
from edge.gateway.gateway import Gateway
from edge.problems import Problem
from edge.protocols.graphql.graphql_context import AnswerWork, GraphqlContext
from edge.protocols.graphql.graphql_schema import GraphqlSchema, schema
from edge.protocols.graphql.graphql_socket import Socket

INIT_S = 10.0
"""For a connection to say who it is."""
# its messages say what clients sent
logging.getLogger("strawberry").setLevel(logging.CRITICAL + 1)


@cache
def the_schema() -> GraphqlSchema:
    """Return the schema, made once."""
    return schema()


def context_of(
    gateway: Gateway, caller: Caller | None, ids: MutableMapping[str, Any], resources: ExitStack
) -> GraphqlContext:
    """Return the context of a request or a connection."""
    return GraphqlContext(
        gateway, ids["request_id"], ids["traceparent"], known_caller=caller, resources=resources
    )


async def executed(
    gateway: Gateway,
    caller: Caller,
    operation: dict[str, Any],
    ids: MutableMapping[str, Any],
    resources: ExitStack,
    until_left: Callable[[AnswerWork], AnswerWork],
    key: str,
) -> dict[str, Any]:
    """Execute a query or a mutation; returns the response's members. Raises Problem."""
    context = context_of(gateway, caller, ids, resources)
    context.until_left = until_left
    context.operation_key = key
    try:
        result = await the_schema().execute(
            operation["query"],
            variable_values=operation["variables"],
            operation_name=operation["name"],
            context_value=context,
            allowed_operation_types=(OperationType.QUERY, OperationType.MUTATION),
        )
    except CannotGetOperationTypeError:
        raise Problem(
            400, "bad-operation", "operationName: name one of the operations of the query"
        ) from None
    except InvalidOperationTypeError:
        raise Problem(
            400, "bad-operation", "subscriptions go over a WebSocket: graphql-transport-ws"
        ) from None
    errors = [one.formatted for one in result.errors or ()]
    # an operation that was not begun has no data, which is not the same as null
    is_begun = result.data is not None or any("path" in one for one in errors)
    return {
        **({"data": result.data} if is_begun else {}),
        **({"errors": errors} if errors else {}),
    }


class _View(GraphQL[GraphqlContext, None]):
    """The library's protocol over one connection."""

    def __init__(self, context: GraphqlContext) -> None:
        super().__init__(
            the_schema(),
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_S),
            max_subscriptions_per_connection=context.gateway.bounds.questions_max,
            allowed_origins=("*",),  # the route has looked
        )
        self._context = context

    async def get_context(
        self,
        request: Request | WebSocket,  # noqa: ARG002
        response: Response | WebSocket,  # noqa: ARG002
    ) -> GraphqlContext:
        """Return the connection's context."""
        return self._context

    async def on_ws_connect(self, context: GraphqlContext) -> Any:
        """Let a client in by the key that it came with, or that its first message has."""
        gateway = context.gateway
        try:
            if context.known_caller is None:
                given = context.connection_params or {}
                said = given.get("authorization") or given.get("Authorization")
                secret = bearer_of(said) if isinstance(said, str) else ""
                context.known_caller = await gateway.caller(secret)
            caller = context.known_caller
            caller.belongs_to(*context.tenants_named)
            context.resources.enter_context(gateway.connections.hold(caller.tenant, caller.key))
        except Problem:
            raise ConnectionRejectionError from None
        context.standing = context.resources.enter_context(gateway.keys_in_use.hold(caller))
        return UNSET


def standing_of(context: GraphqlContext) -> Standing | None:
    """Tell how the key of a connection stands; None before it has come."""
    return context.standing


async def served_over(context: GraphqlContext, scope: Scope, socket: Socket) -> None:
    """Serve a connection until its client leaves."""
    await _View(context)(scope, socket.receive, socket.send)
