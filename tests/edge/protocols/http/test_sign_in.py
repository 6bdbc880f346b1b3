"""Signing in to the pages at a real issuer by another hand, over HTTP; what is refused, and what stays unsaid."""

import json
import logging
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
import websockets

from edge.callers.sign_in_attempts import SignInAttempt
from edge.protocols.http.app import create_app
from tests.edge.chat_client import connect
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import is_problem
from tests.edge.sign_in_issuer import other_hands_issuer, people

pytestmark = pytest.mark.slow  # a process with an issuer takes seconds to start


@pytest.fixture(scope="module")
def issuer():
    with other_hands_issuer() as url:
        yield url


@pytest.fixture
def changed():
    return {}


@pytest.fixture
async def gateway(tmp_path, log, bounds, issuer, changed):
    return a_gateway(
        tmp_path, log, bounds, {"people": people(tmp_path, issuer, "http://127.0.0.1:1", **changed)}
    )


@pytest.fixture
async def origin(gateway):
    """Where the gateway is; it knows so itself."""
    async with serving(gateway) as server:
        url = f"http://{address_of(server)}"
        tokens = gateway.people.tokens
        tokens.issuers = msgspec.structs.replace(tokens.issuers, public_url=url)
        yield url


@pytest.fixture
async def browser(origin):
    async with httpx.AsyncClient(
        base_url=origin, trust_env=False, verify=False, timeout=60
    ) as browser:
        yield browser


async def begun(browser, **asked):
    """Begin to sign in; where the browser is sent."""
    reply = await browser.get("/login", params=asked)
    assert reply.status_code == 303
    return reply.headers["location"]


async def returned(where, sub="jane", **form):
    """What a person does at the issuer; the path and query by which the browser comes back."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
        reply = await client.post(where, data={"sub": sub, **form})
    assert reply.status_code == 302, reply.text
    parts = urlsplit(reply.headers["location"])
    return f"{parts.path}?{parts.query}"


async def signed_in(browser, sub="jane", **asked):
    reply = await browser.get(await returned(await begun(browser, **asked), sub))
    assert reply.status_code == 303
    return reply


async def test_a_person_signs_in_and_is_who_the_issuer_says(browser, gateway, issuer, origin):
    where = await begun(browser)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    assert where.startswith(f"{issuer}/oauth2/authorize?")
    assert asked["redirect_uri"] == f"{origin}/login/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    secret = browser.cookies["playhead-attempt"]
    assert secret not in where
    assert SignInAttempt(secret, "staff", "chat").verifier not in where

    reply = await browser.get(await returned(where))
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    [session] = [one for one in reply.headers.get_list("set-cookie") if one.startswith("playhead=")]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=28800"} <= set(session.split("; "))
    assert "playhead-attempt" not in browser.cookies

    me = (await browser.get("/v1/me")).json()
    assert (me["tenant"], me["user"], me["by"]) == ("acme", f"oidc:{issuer}#jane", "sign-in")
    assert set(me["scopes"]) == {"ask", "read", "review", "restore"}
    assert (await browser.get("/login/options")).json() == {
        "issuers": [{"name": "staff", "title": "Acme"}],
        "signed_in": True,
    }
    posted = await browser.post("/v1/feedback", json={}, headers={"Origin": origin})
    assert posted.status_code == 422
    is_problem(await browser.post("/v1/documents", json={}, headers={"Origin": origin}), 403)


@pytest.mark.parametrize(
    ("page", "path"), [("review", "/review"), ("chat", "/"), ("//evil.test", "/")]
)
async def test_a_person_comes_back_to_the_page_and_to_no_other_site(browser, page, path):
    assert (await signed_in(browser, page=page)).headers["location"] == path


@pytest.mark.parametrize("header", [None, "http://evil.test", "null", "http://127.0.0.1:1", ""])
async def test_another_site_can_not_act_for_who_is_signed_in(browser, gateway, origin, header):
    """Not by a form, a script, or a WebSocket; by none of another port of the same host either."""
    await signed_in(browser)
    cookie = browser.cookies["playhead"]
    headers = {} if header is None else {"Origin": header}
    is_problem(await browser.post("/v1/search", json={"text": "x"}, headers=headers), 403)
    is_problem(await browser.post("/logout", headers=headers), 403)
    where = origin.replace("http", "ws") + "/v1/chat"
    connecting = websockets.connect(
        where, origin=header, additional_headers={"Cookie": f"playhead={cookie}"}
    )
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connecting
    assert refused.value.response.status_code == 403
    assert (await browser.get("/v1/me")).status_code == 200
    own = websockets.connect(
        where, origin=origin, additional_headers={"Cookie": f"playhead={cookie}"}
    )
    async with own as socket:
        await socket.send(json.dumps({"type": "cancel", "request_id": "x"}))
        assert json.loads(await socket.recv())["status"] == 404


async def test_signing_out_holds_at_once_and_in_open_connections(browser, gateway, origin, issuer):
    await signed_in(browser)
    cookie = browser.cookies["playhead"]
    where = origin.replace("http", "ws") + "/v1/chat"
    headers = {"Cookie": f"playhead={cookie}"}
    async with websockets.connect(where, origin=origin, additional_headers=headers) as socket:
        reply = await browser.post("/logout", headers={"Origin": origin})
        go_on = reply.json()["go_on_at"]
        assert go_on.startswith(f"{issuer}/oauth2/end_session?client_id=playhead-pages")
        assert "id_token" not in go_on
        frame = json.loads(await socket.recv())
        assert (frame["status"], "sign-in was ended" in frame["detail"]) == (401, True)
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
    assert "playhead" not in browser.cookies
    is_problem(await browser.get("/v1/me", headers=headers), 401)
    again = await browser.post("/logout", headers={"Origin": origin})
    assert again.json() == {"go_on_at": ""}


@pytest.mark.parametrize("changed", [{"login": {"lasts_s": 1}}])
async def test_a_sign_in_ends_in_its_time(browser, gateway):
    await signed_in(browser)
    gateway.people.sign_ins._database.execute("UPDATE sign_ins SET ends_s = 1")
    is_problem(await browser.get("/v1/me"), 401)
    assert (await browser.get("/login/options")).json()["signed_in"] is False


async def test_a_key_counts_before_the_cookie(browser, gateway, origin):
    await signed_in(browser)
    key = {"Authorization": f"Bearer {a_key(gateway, 'globex')}"}
    assert (await browser.get("/v1/me", headers=key)).json()["tenant"] == "globex"
    is_problem(await browser.get("/v1/me", headers={"Authorization": "Bearer ph_none"}), 401)
    is_problem(await browser.get("/v1/me", headers={"Authorization": ""}), 401)
    async with connect(origin.replace("http", "ws") + "/v1/chat", a_key(gateway)):
        pass


# ---------------------------------------------------------------------- what comes to nothing


async def came_to(browser, path, code):
    reply = await browser.get(path)
    assert reply.status_code == 303
    assert reply.headers["location"].endswith(f"#sign-in={code}")
    assert "playhead" not in browser.cookies
    is_problem(await browser.get("/v1/me"), 401)


async def test_an_answer_counts_in_the_browser_that_asked_alone(browser, origin):
    path = await returned(await begun(browser))
    async with httpx.AsyncClient(
        base_url=origin, trust_env=False, verify=False, timeout=60
    ) as other:
        await came_to(other, path, "stale")
        await begun(other)
        await came_to(other, path, "stale")


async def test_an_answer_counts_once(browser):
    path = await returned(await begun(browser))
    attempt = browser.cookies["playhead-attempt"]
    await browser.get(path)
    browser.cookies.clear()
    browser.headers["Cookie"] = f"playhead-attempt={attempt}"
    await came_to(browser, path, "refused")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda path: path.replace(".staff.", ".guests."), "stale"),
        (lambda path: path.replace("state=", "state=x"), "stale"),
        (lambda path: path.split("?")[0], "stale"),
        (lambda path: path.replace("code=", "code=x"), "refused"),
        (lambda path: path.replace("code=", "x="), "refused"),
        (lambda path: path + "&iss=https://evil.test", "refused"),
        (lambda path: path + "&error=access_denied", "refused"),
        (lambda path: path.replace("code=", "x=") + "&code=" + "x" * 5_000, "refused"),
    ],
)
async def test_an_answer_that_was_changed_signs_in_nobody(browser, change, code):
    await came_to(browser, change(await returned(await begun(browser))), code)


async def test_a_code_of_another_attempt_signs_in_nobody(browser, origin):
    """What is issued for a code that somebody else got has their nonce."""
    theirs = parse_qs(urlsplit(await returned(await begun(browser), "joe")).query)["code"][0]
    own = await returned(await begun(browser))
    code = parse_qs(urlsplit(own).query)["code"][0]
    await came_to(browser, own.replace(code, theirs), "refused")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"tenant": "", "tenants": ["acme"], "claims": {"tenant": "sub"}}, "denied"),
        ({"tenant": "", "tenants": ["acme"], "claims": {"tenant": "org"}}, "refused"),
        ({"algorithms": ["ES256"]}, "refused"),
        ({"login": {"claims_from": "access_token"}}, "refused"),
    ],
)
async def test_an_account_without_a_place_here_is_told_so(browser, code):
    await came_to(browser, await returned(await begun(browser)), code)


async def test_where_nobody_signs_in_the_routes_say_so(tmp_path, log, bounds):
    app = create_app(a_gateway(tmp_path, log, bounds))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as client:
        assert (await client.get("/login/options")).json() == {"issuers": [], "signed_in": False}
        for method, path in (("GET", "/login"), ("GET", "/login/callback"), ("POST", "/logout")):
            assert "PLAYHEAD_OIDC" in is_problem(await client.request(method, path), 404)["detail"]


async def test_an_unknown_issuer_leads_nowhere(browser):
    is_problem(await browser.get("/login", params={"issuer": "//evil.test"}), 404)


async def test_secrets_are_in_no_log_and_no_store(
    browser, gateway, tmp_path, caplog, capfd, origin
):
    """Every secret of a sign-in, and of a token that is refused: planted, and looked for."""
    with caplog.at_level(logging.DEBUG):
        where = await begun(browser)
        attempt = SignInAttempt(browser.cookies["playhead-attempt"], "staff", "chat")
        path = await returned(where)
        await browser.get(path)
        cookie = browser.cookies["playhead"]
        token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJwbGFudGVkIn0.cGxhbnRlZA"
        await browser.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        await browser.get(path)  # a second time: refused, which is logged
    planted = [
        attempt.secret,
        attempt.verifier,
        attempt.state,
        attempt.nonce,
        parse_qs(urlsplit(path).query)["code"][0],
        cookie,
        token,
        "s3cret-of-the-client",
    ]
    out, err = capfd.readouterr()
    # what the tests' own client and server write, the gateway does not (edge/protocols/serving.py)
    others = ("httpx", "httpcore", "uvicorn")
    records = [one for one in caplog.records if not one.name.startswith(others)]
    said = "\n".join(one.getMessage() for one in records)
    for stored in tmp_path.rglob("*"):
        if stored.is_file() and stored.name != "client.secret":
            said += stored.read_bytes().decode("latin-1")
    assert "somebody signed in" in said + out + err
    for secret in planted:
        assert secret not in said + out + err
