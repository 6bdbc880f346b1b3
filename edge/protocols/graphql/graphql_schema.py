"""The GraphQL schema: queries, mutations and the subscription to an answer.

Every field asks the same gateway as the routes of HTTP do, under the same scopes and limits.
"""

from __future__ import annotations

import strawberry
from graphql import GraphQLError
from graphql.validation import MaxIntrospectionDepthRule
from strawberry.extensions import AddValidationRules
from strawberry.types import ExecutionContext

from edge.protocols.graphql import graphql_errors
from edge.protocols.graphql.graphql_context import GraphqlContext
from edge.protocols.graphql.graphql_following import GraphqlSubscription
from edge.protocols.graphql.graphql_limits import OperationLimits
from edge.protocols.graphql.graphql_mutations import Mutation
from edge.protocols.graphql.graphql_queries import Query


class GraphqlSchema(strawberry.Schema):
    """The schema; its errors have one shape, and none is logged with what it says."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Spell errors as all are here."""
        assert execution_context is not None
        context: GraphqlContext = execution_context.context
        graphql_errors.spell(errors, context.request_id, context.traceparent)


def schema() -> GraphqlSchema:
    """Make the schema."""
    return GraphqlSchema(
        query=Query,
        mutation=Mutation,
        subscription=GraphqlSubscription,
        extensions=[
            OperationLimits,
            lambda: AddValidationRules([MaxIntrospectionDepthRule]),
        ],
    )
