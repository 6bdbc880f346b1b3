"""Who may what: the scope that each route, frame, field and method needs. The one table of it.

The check, the security of /openapi.json and docs/scopes.md come from here. A route that is not
named is refused to everybody, and a test fails that walks all of them. Fields of GraphQL and
methods of MCP ask for themselves; a test holds each of them to this, under every scope.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from edge.callers.caller import Caller
from edge.problems import forbidden


@dataclass(frozen=True)
class RouteRule:
    """Who may use a route."""

    scopes: tuple[str, ...] = ()
    """Any one of these suffices; without one, whoever has a key, token or sign-in may."""
    public: bool = False
    """Nobody is asked who they are."""

    def check(self, caller: Caller) -> None:
        """Raise Problem for a caller who may not."""
        if self.scopes and not caller.scopes.intersection(self.scopes):
            caller.need(self.scopes[0])


PUBLIC = RouteRule(public=True)
ANYBODY = RouteRule()
ASK, INGEST, REVIEW = RouteRule(("ask",)), RouteRule(("ingest",)), RouteRule(("review",))
AUDIT = RouteRule(("audit",))
ERASE = RouteRule(("erase", "erase:self"))

RULES = {
    "POST /v1/documents": INGEST,
    "GET /v1/documents": ASK,
    "GET /v1/documents/{document}": ASK,
    "DELETE /v1/documents/{document}": INGEST,
    "POST /v1/documents/withdraw": INGEST,
    "GET /v1/documents/{document}/versions": ASK,
    "GET /v1/documents/{document}/original": RouteRule(("restore",)),
    "OPTIONS /v1/uploads": PUBLIC,
    "POST /v1/uploads": INGEST,
    "POST /v1/uploads/{upload_id}": INGEST,
    "HEAD /v1/uploads/{upload_id}": INGEST,
    "GET /v1/uploads/{upload_id}": INGEST,
    "PATCH /v1/uploads/{upload_id}": INGEST,
    "DELETE /v1/uploads/{upload_id}": INGEST,
    "POST /v1/messages": ASK,
    "GET /v1/messages/{request_id}": ASK,
    "GET /v1/messages/{request_id}/timeline": RouteRule(("ask", "audit")),
    "GET /v1/messages/{request_id}/passages": ASK,
    "POST /v1/messages/{request_id}/cancel": RouteRule(("ask", "admin")),
    "GET /v1/messages/{request_id}/receipt": ASK,
    "GET /v1/sessions": ASK,
    "GET /v1/sessions/{session_id}": ASK,
    "POST /v1/search": ASK,
    "POST /v1/feedback": ASK,
    "GET /v1/review/next": REVIEW,
    "POST /v1/review/judge": REVIEW,
    "POST /v1/review/undo": REVIEW,
    "GET /v1/review/agreement": REVIEW,
    "GET /v1/audit/requests": AUDIT,
    "GET /v1/audit/requests/{request_id}": AUDIT,
    "GET /v1/audit/requests/{request_id}/prompt": AUDIT,
    "GET /v1/audit/requests/{request_id}/proof": AUDIT,
    "GET /v1/audit/documents/{document_id}": AUDIT,
    "GET /v1/models": ASK,
    "GET /v1/models/{name:path}": ASK,
    "POST /v1/chat/completions": ASK,
    "POST /v1/responses": ASK,
    "GET /v1/responses/{response_id}": ASK,
    "GET /v1/responses/{response_id}/input_items": ASK,
    "DELETE /v1/responses/{response_id}": ASK,
    "POST /v1/responses/{response_id}/cancel": ASK,
    "POST /v1/embeddings": ASK,
    "WS /v1/chat": ASK,
    # what is called there has rules of its own, below
    "ANY /mcp": ANYBODY,
    "ANY /graphql": ANYBODY,
    "WS /graphql": ANYBODY,
    "DELETE /v1/subjects/{subject}": ERASE,
    "GET /v1/subjects/{subject}": ERASE,
    "GET /v1/me": ANYBODY,
    "GET /login": PUBLIC,
    "GET /login/callback": PUBLIC,
    "GET /login/options": PUBLIC,
    "POST /logout": PUBLIC,
    "GET /": PUBLIC,
    "GET /review": PUBLIC,
    "GET /audit": PUBLIC,
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /asyncapi.json": PUBLIC,
    "GET /.well-known/oauth-protected-resource": PUBLIC,
    "GET /.well-known/oauth-protected-resource/mcp": PUBLIC,
}
"""By method and path as the route spells it. /metrics shows all to the scope metrics alone."""

FRAMES = {"message": ASK, "resume": ASK, "cancel": ASK}
"""By the type of a client's frame on the WebSocket."""

GRAPHQL_FIELDS = {
    "Query.me": ANYBODY,
    "Query.sessions": ASK,
    "Query.session": ASK,
    "Query.message": ASK,
    "Query.timeline": ASK,
    "Query.documents": ASK,
    "Query.document": ASK,
    "Query.documentText": ASK,
    "Query.search": ASK,
    "Mutation.ask": ASK,
    "Mutation.submitDocument": INGEST,
    "Mutation.withdrawDocument": INGEST,
    "Mutation.feedback": ASK,
    "Mutation.cancel": ASK,
    "Subscription.answer": ASK,
}
"""By type and field, where an operation begins."""

MCP_METHODS = {
    "initialize": ANYBODY,
    "tools/list": ANYBODY,
    "tools/call": ASK,
    "resources/list": ASK,
    "resources/templates/list": ANYBODY,
    "resources/read": ASK,
}
"""By the method of a message of the Model Context Protocol."""


def rule_of(connection: HTTPConnection) -> RouteRule:
    """Return the rule of a request's route; raises Problem where there is none."""
    scope = connection.scope
    method = "WS" if scope["type"] == "websocket" else scope["method"]
    name = f"{method} {getattr(scope.get('route'), 'path', scope['path'])}"
    rule = RULES.get(name)
    if rule is None:
        raise forbidden(
            f"nobody may use {method} here yet: edge/protocols/route_rules.py has no rule"
        )
    return rule
