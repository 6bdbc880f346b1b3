"""What /openapi.json says of who may call: the security of each operation, from the rules."""

from __future__ import annotations

from typing import Any

from edge.protocols.route_rules import RULES, RouteRule
from edge.protocols.who_calls import COOKIE, cookie_name

SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`playhead keys create`), or an access token of an issuer that "
        "the gateway knows.",
    },
    "signIn": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookie_name(COOKIE, secure=True),
        "description": "The sign-in of a browser, on the gateway's own pages alone.",
    },
}
METHODS = {"get", "head", "options", "post", "put", "patch", "delete"}


def is_public(method: str, path: str) -> bool:
    """Tell whether an operation of a description is anybody's."""
    rule = _by_path().get(f"{method.upper()} {path}")
    return rule is not None and rule.public


def add_security(document: dict[str, Any]) -> None:
    """Add to a description who may call what; a route without a rule is nobody's."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    by_path = _by_path()
    for path, operations in document["paths"].items():
        for method in METHODS & operations.keys():
            rule = by_path.get(f"{method.upper()} {path}")
            if rule is not None:
                operations[method]["security"] = security_of(rule)


def security_of(rule: RouteRule) -> list[dict[str, list[str]]]:
    """Spell a rule as OpenAPI 3.1 does: any one of these suffices, with the roles named in it."""
    if rule.public:
        return []
    wanted = [[scope] for scope in rule.scopes] or [[]]
    return [{scheme: list(scopes)} for scheme in SCHEMES for scopes in wanted]


def _by_path() -> dict[str, RouteRule]:
    return {_plain(name): rule for name, rule in RULES.items()}


def _plain(name: str) -> str:
    return name.replace(":path}", "}")
