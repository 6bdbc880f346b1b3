"""The tenants that a request names, wherever it may: the key says which one it belongs to."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def tenants_named(connection: HTTPConnection) -> list[str]:
    """List every tenant in the headers and the query: which one of two is meant nobody knows."""
    return [
        *connection.headers.getlist("x-tenant"),
        *connection.query_params.getlist("tenant"),
    ]
