"""Who may what: each route and each frame has a rule, the rule holds, and OpenAPI says it."""

import json
import re

import pytest

from edge.callers.scopes import SCOPES, granted, unknown_scope
from edge.problems import Problem
from edge.protocols.http.described_security import add_security, security_of
from edge.protocols.route_rules import FRAMES, RULES, RouteRule, rule_of
from edge.protocols.websocket.client_frames import KINDS
from tests.edge.chat_client import connect
from tests.edge.fake_log import a_key
from tests.edge.http_client import HttpClient, answers_with, is_problem
from tests.edge.routes_of import routes_of


def test_every_route_of_the_application_has_a_rule_and_every_rule_a_route(app):
    assert set(routes_of(app)) == set(RULES)


def test_every_frame_has_a_rule_and_every_rule_a_frame():
    assert set(FRAMES) == set(KINDS)


def test_rules_name_scopes_that_there_are():
    named = {scope for rule in (*RULES.values(), *FRAMES.values()) for scope in rule.scopes}
    assert unknown_scope(sorted(named)) == ""


ASKED = [
    name
    for name, rule in RULES.items()
    if not rule.public and not name.startswith(("WS ", "ANY "))  # those hold each call to theirs
]


@pytest.mark.parametrize("name", ASKED)
async def test_a_route_that_is_not_public_asks_who_calls_and_what_they_may(app, gateway, name):
    """With each scope alone: only those of its rule pass, whatever else the route may find wrong."""
    method, path = name.split(" ")
    path = re.sub(r"\{[^}]*\}", "x", path)
    assert (await HttpClient(app, "")(method, path)).status_code == 401
    rule = RULES[name]
    for scope in SCOPES:
        reply = await HttpClient(app, a_key(gateway, scopes=[scope]))(method, path)
        may = not rule.scopes or bool(granted([scope]) & set(rule.scopes))
        assert (reply.status_code != 403) == may, (scope, reply.text)


class Connection:
    def __init__(self, method, path):
        self.scope = {"type": "http", "method": method, "path": path}


def test_a_route_without_a_rule_is_nobodys():
    with pytest.raises(Problem, match="has no rule") as refused:
        rule_of(Connection("GET", "/v1/unheard-of"))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("rule", "security"),
    [
        (RouteRule(public=True), []),
        (RouteRule(), [{"bearer": []}, {"signIn": []}]),
        (RouteRule(("ask",)), [{"bearer": ["ask"]}, {"signIn": ["ask"]}]),
        (
            RouteRule(("ask", "audit")),
            [
                {"bearer": ["ask"]},
                {"bearer": ["audit"]},
                {"signIn": ["ask"]},
                {"signIn": ["audit"]},
            ],
        ),
    ],
)
def test_a_rule_is_spelt_as_openapi_does(rule, security):
    assert security_of(rule) == security


async def test_openapi_says_of_every_operation_who_may(call):
    document = (await call("GET", "/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "signIn"}
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, found in document["paths"].items()
        for method, operation in found.items()
    ]
    assert operations
    for name, operation in operations:
        rule = RULES.get(name) or RULES[name.replace("{name}", "{name:path}")]
        assert operation["security"] == security_of(rule)


def test_an_operation_without_a_rule_is_not_said_to_be_public():
    document = {"paths": {"/v1/unheard-of": {"get": {}}}}
    add_security(document)
    assert "security" not in document["paths"]["/v1/unheard-of"]["get"]


async def test_who_audits_sees_the_timeline_of_everybodys_requests_and_no_answer(app, gateway, log):
    log.answer = answers_with("Due.")
    asker = HttpClient(app, a_key(gateway, scopes=["ask"]))
    request = (await asker("POST", "/v1/messages", {"text": "VAT?"})).json()["request_id"]
    auditor = HttpClient(app, a_key(gateway, scopes=["audit"]))
    elsewhere = HttpClient(app, a_key(gateway, "globex", scopes=["audit"]))
    other = HttpClient(app, a_key(gateway, scopes=["ask"]))
    timeline = f"/v1/messages/{request}/timeline"
    assert (await asker("GET", timeline)).status_code == 200
    found = await auditor("GET", timeline)
    assert found.json()["request_id"] == request
    assert "VAT" not in found.text
    is_problem(await auditor("GET", f"/v1/messages/{request}"), 403)
    is_problem(await elsewhere("GET", timeline), 404)
    is_problem(await other("GET", timeline), 404)


async def test_a_frame_needs_its_scope_whatever_the_handshake_needed(url, gateway, monkeypatch):
    monkeypatch.setitem(FRAMES, "cancel", RouteRule(("admin",)))
    async with connect(url, a_key(gateway, scopes=["ask"])) as socket:
        await socket.send(json.dumps({"type": "cancel", "request_id": "x"}))
        frame = json.loads(await socket.recv())
    assert (frame["type"], frame["status"]) == ("error", 403)
    assert "scope admin" in frame["detail"]
