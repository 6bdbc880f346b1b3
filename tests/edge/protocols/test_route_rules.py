"""Who may what: each route and each frame has a rule, the rule holds, and OpenAPI says it."""

import json
import re

import httpx
import pytest
import websockets
from fastapi.routing import APIRoute

from edge.callers.scopes import SCOPES, granted, unknown_scope
from edge.problems import Problem
from edge.protocols.graphql.graphql_served import the_schema
from edge.protocols.http.app import create_app
from edge.protocols.http.described_security import add_security, security_of
from edge.protocols.route_rules import (
    FRAMES,
    GRAPHQL_FIELDS,
    MCP_METHODS,
    RULES,
    RouteRule,
    rule_of,
)
from edge.protocols.websocket.client_frames import KINDS
from tests.edge.chat_client import connect
from tests.edge.fake_log import a_key
from tests.edge.http_client import HttpClient, answers_with, is_problem
from tests.edge.protocols.graphql.graphql_client import connected
from tests.edge.protocols.mcp.mcp_client import HEADERS, address
from tests.edge.routes_of import routes_of


def test_every_route_of_the_application_has_a_rule_and_every_rule_a_route(app):
    assert set(routes_of(app)) == set(RULES)


def test_a_route_is_made_once_however_many_applications_have_it(app, gateway):
    """To make each anew for each was a third of what the tests of the gateway took."""
    ours, others = (
        {id(route) for route in one.routes if isinstance(route, APIRoute)}
        for one in (app, create_app(gateway))
    )
    assert len(ours) > 20
    assert ours == others


WITHOUT_A_KEY = {
    "/v1/responses/{response_id}/cancel",  # nothing can be: it is refused
    "/v1/uploads/{upload_id}",  # bytes have their place, and go there once
}


def test_every_post_that_may_do_something_takes_an_idempotency_key(app):
    posts = {
        route.path: {one.alias for one in route.dependant.header_params}
        for route in app.routes
        if isinstance(route, APIRoute) and "POST" in route.methods
    }
    lacking = {path for path, headers in posts.items() if "Idempotency-Key" not in headers}
    assert lacking - {rule.split()[1] for rule, who in RULES.items() if who.public} == WITHOUT_A_KEY


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


@pytest.mark.parametrize("name", RULES)
async def test_a_method_that_a_route_has_not_and_a_path_that_is_none_do_nothing(app, name):
    """HEAD and OPTIONS run no route, and no other spelling of a path leads to one, or elsewhere."""
    method, path = name.split(" ")
    path = re.sub(r"\{[^}]*\}", "x", path)
    anybody = HttpClient(app, "")
    for other in ("HEAD", "OPTIONS", "TRACE"):
        reply = await anybody(other, path)
        served = f"{other} {name.split(' ')[1]}" in RULES
        assert reply.status_code in ({401, 204} if served else {404, 405}) or RULES[name].public
    spellings = (f"/{path}", f"{path}/", f"{path}%2f", f"{path}%00", path.replace("/v1/", "/v1//"))
    for spelt in {*spellings, path.upper().replace("X", "x")} - {path}:
        sent = httpx.URL("http://gateway", raw_path=spelt.encode())
        method = method if method in {"GET", "POST", "DELETE"} else "POST"
        reply = await anybody.http.request(method, sent, headers={"Host": "evil.test"})
        assert reply.status_code in {401, 404, 405}, (spelt, reply.headers)
        assert "location" not in reply.headers


# ---------------------------------------------------------------------- GraphQL and MCP

ARGUMENTS = {
    "session": 'id: "x"',
    "message": 'requestId: "x"',
    "timeline": 'requestId: "x"',
    "document": 'id: "x"',
    "documentText": 'id: "x"',
    "search": 'text: ""',
    "ask": 'text: ""',
    "submitDocument": 'uri: "", mediaType: ""',
    "withdrawDocument": 'id: "x"',
    "feedback": 'requestId: "x", rating: 9',
    "cancel": 'requestId: "x"',
    "answer": 'requestId: "x"',
}


def test_every_field_of_graphql_has_a_rule_and_every_rule_a_field():
    types = (the_schema()._schema.get_type(name) for name in ("Query", "Mutation", "Subscription"))
    assert {f"{one.name}.{field}" for one in types for field in one.fields} == set(GRAPHQL_FIELDS)


@pytest.mark.parametrize("name", GRAPHQL_FIELDS)
async def test_a_field_of_graphql_asks_what_its_caller_may(app, gateway, url, name):
    kind, field = name.split(".")
    given = f"({ARGUMENTS[field]})" if field in ARGUMENTS else ""
    selected = "" if field in {"timeline", "documentText", "cancel"} else " { __typename }"
    query = f"{kind.lower()} {{ {field}{given}{selected} }}"
    for scope in SCOPES:
        key = a_key(gateway, scopes=[scope])
        if kind == "Subscription":
            async with connected(url, key) as client:
                await client.init()
                await client.subscribe(query)
                told = (await client.receive())["payload"]
                errors = told if isinstance(told, list) else told.get("errors", [])
        else:
            reply = await HttpClient(app, key)("POST", "/graphql", {"query": query})
            errors = reply.json().get("errors", [])
        refused = any(one["extensions"]["status"] == 403 for one in errors)
        rule = GRAPHQL_FIELDS[name]
        may = not rule.scopes or bool(granted([scope]) & set(rule.scopes))
        assert refused != may, (scope, errors)


@pytest.mark.parametrize("name", MCP_METHODS)
async def test_a_method_of_mcp_asks_what_its_caller_may(served, gateway, name):
    params = {
        "initialize": {"protocolVersion": "2025-06-18", "capabilities": {}}
        | {"clientInfo": {"name": "x", "version": "1"}},
        "tools/call": {"name": "ask", "arguments": {"text": ""}},
        "resources/read": {"uri": "playhead://documents/x"},
    }.get(name, {})
    body = {"jsonrpc": "2.0", "id": 1, "method": name, "params": params}
    for scope in SCOPES:
        key = a_key(gateway, scopes=[scope])
        headers = {"Authorization": f"Bearer {key}"} | HEADERS
        async with httpx.AsyncClient(headers=headers, timeout=60) as http:
            said = (await http.post(address(served), json=body)).text
        rule = MCP_METHODS[name]
        may = not rule.scopes or bool(granted([scope]) & set(rule.scopes))
        assert ("lacks the scope" not in said) == may, (scope, said)


@pytest.mark.parametrize("path", ["/graphql", "/mcp"])
async def test_where_no_route_asks_for_it_one_key_of_ones_own_tenant_is_meant_too(
    app, gateway, path
):
    key = a_key(gateway)
    both = [("Authorization", f"Bearer {one}") for one in (key, a_key(gateway, "globex"))]
    is_problem(await HttpClient(app, "")("POST", path, {}, headers=both), 401)
    client = HttpClient(app, key)
    is_problem(await client("POST", path, {}, params={"tenant": "globex"}), 403)


async def test_a_connection_of_graphql_names_no_other_tenant_either(url, gateway):
    other = url.replace("/v1/chat", "/graphql?tenant=globex")
    async with connected(other) as client:
        await client.send(
            type="connection_init", payload={"authorization": f"Bearer {a_key(gateway)}"}
        )
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.receive()
    assert closed.value.rcvd.code == 4403


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
