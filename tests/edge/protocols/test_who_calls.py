"""Tokens where keys are taken, too: over HTTP, in streams and on WebSockets; and when they end."""

import json

import pytest
import websockets

from edge.callers.people import People
from edge.callers.sign_ins import SignIns
from schemas import DocumentSubmitted, QuestionAsked
from tests.edge.callers.issuing import KEY, OTHER, URL, claims, issuers, signed, tokens
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import DOCUMENT, HttpClient, answers_with, is_problem


@pytest.fixture
async def gateway(tmp_path, log, bounds):
    found, _ = tokens(issuers(), KEY)
    return a_gateway(
        tmp_path, log, bounds, {"people": People(found, SignIns(tmp_path / "sign-ins.sqlite"))}
    )


async def test_a_token_asks_and_its_person_is_the_subject(app, log):
    log.answer = answers_with("Due.")
    jane = HttpClient(app, signed())
    answer = (await jane("POST", "/v1/messages", {"text": "VAT?"})).json()
    [asked] = log.published(QuestionAsked)
    me = (await jane("GET", "/v1/me")).json()
    assert (asked.meta.tenant, me["by"]) == ("acme", "token")
    assert asked.key == me["key"]
    assert me["key"].startswith("person-")
    assert (await jane("GET", f"/v1/messages/{answer['request_id']}")).status_code == 200
    joe = HttpClient(app, signed(claims(sub="joe")))
    is_problem(await joe("GET", f"/v1/messages/{answer['request_id']}"), 404)


async def test_a_key_whose_user_is_called_as_a_person_is_not_that_person(app, gateway):
    user = (await HttpClient(app, signed())("GET", "/v1/me")).json()["user"]
    with pytest.raises(ValueError, match="people who sign in"):
        gateway.keys.create("acme", user=user)
    _, earlier = gateway.keys.create("acme", user="jane")
    gateway.keys._database.execute("UPDATE api_keys SET user = ?", (user,))
    is_problem(await HttpClient(app, earlier)("GET", "/v1/me"), 401)


async def test_a_client_of_mcp_is_told_which_issuers_there_are_and_its_token_is_taken(app):
    told = await HttpClient(app, "")("GET", "/.well-known/oauth-protected-resource/mcp")
    assert told.json()["authorization_servers"] == [URL]
    assert (await HttpClient(app, signed())("POST", "/mcp", {})).status_code not in {401, 403}


async def test_keys_go_on_beside_tokens(app, gateway):
    me = (await HttpClient(app, a_key(gateway))("GET", "/v1/me")).json()
    assert (me["by"], me["key"]) == ("key", gateway.keys.all("acme")[-1].id)
    is_problem(await HttpClient(app, "ph_none")("GET", "/v1/me"), 401)
    is_problem(await HttpClient(app, "")("GET", "/v1/me"), 401)


async def test_of_two_keys_nobody_knows_which_is_meant(app, gateway):
    both = [("Authorization", f"Bearer {a_key(gateway)}"), ("Authorization", f"Bearer {signed()}")]
    is_problem(await HttpClient(app, "")("GET", "/v1/me", headers=both), 401)
    is_problem(await HttpClient(app, "")("GET", "/v1/me", headers=both[::-1]), 401)


@pytest.mark.parametrize(
    "named",
    [
        {"headers": {"X-Tenant": "globex"}},
        {"params": {"tenant": "globex"}},
        {"body": {**DOCUMENT, "tenant": "globex"}},
    ],
)
async def test_another_tenant_than_the_tokens_is_refused(app, log, named):
    editor = HttpClient(app, signed(claims(scope="editor")))
    body = named.pop("body", DOCUMENT)
    assert (
        "token belongs to another tenant"
        in is_problem(await editor("POST", "/v1/documents", body, **named), 403)["detail"]
    )
    assert not log.published(DocumentSubmitted)


async def test_what_a_token_lacks_is_said_with_where_it_is_given(app):
    reply = await HttpClient(app, signed())("POST", "/v1/documents", DOCUMENT)
    assert "this token lacks the scope ingest" in is_problem(reply, 403)["detail"]


async def test_a_refused_token_says_so_as_the_rfc_does(app):
    reply = await HttpClient(app, signed(key=OTHER))("GET", "/v1/me")
    is_problem(reply, 401)
    assert reply.headers["www-authenticate"] == 'Bearer realm="v1", error="invalid_token"'


@pytest.mark.parametrize("way", ["header", "subprotocol"])
async def test_a_token_opens_a_websocket_until_it_expires(url, gateway, way):
    token = signed()
    if way == "header":
        connecting = websockets.connect(
            url, additional_headers={"Authorization": f"Bearer {token}"}
        )
    else:
        connecting = websockets.connect(url, subprotocols=["playhead", f"bearer.{token}"])
    async with connecting as socket:
        assert token not in str(socket.response.headers)
        gateway.keys_in_use._clock = lambda: 4e9
        frame = json.loads(await socket.recv())
        assert (frame["type"], frame["status"]) == ("error", 401)
        assert "this token was expired" in frame["detail"]
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1008


async def test_tokens_of_one_person_share_one_share(url, gateway):
    both = [signed(claims(exp=4_000_000_000 + n)) for n in (1, 2)]
    async with (
        websockets.connect(url, subprotocols=[f"bearer.{both[0]}"]),
        websockets.connect(url, subprotocols=[f"bearer.{both[1]}"]),
    ):
        caller = await gateway.caller(both[0])
        assert gateway.connections._held.by_key("acme", caller.key) == 2
