"""Access tokens: which are believed, what they mean here, and which are not."""

import asyncio
import hmac
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.callers.access_tokens import (
    TOKEN_MAX,
    TokenRefused,
    check_claims,
    check_header,
    looks_like_token,
    taken_apart,
)
from edge.problems import Problem
from tests.edge.callers.issuing import (
    CURVE,
    EDWARDS,
    KEY,
    OTHER,
    STAFF,
    URL,
    caller,
    claims,
    issuers,
    part,
    signed,
    tokens,
)

NOW_S = 1_700_000_000


async def refused(token, settings=None, status=401):
    with pytest.raises(Problem) as found:
        await caller(token, settings)
    problem = found.value
    assert problem.status == status, problem.detail
    assert len(token) < 40 or token[:40] not in problem.detail
    if status == 401:
        assert 'error="invalid_token"' in problem.headers["WWW-Authenticate"]
    return problem.detail


# ---------------------------------------------------------------------- what is believed


async def test_a_token_says_who_calls():
    said = claims(groups=["hr", "hr", "staff"], scope="openid editor", exp=2_000_000_000)
    found = await caller(signed(said))
    assert (found.tenant, found.user) == ("acme", f"oidc:{URL}#jane")
    assert found.subject == f"digest of acme/oidc:{URL}#jane"
    assert found.groups == ("hr", "staff")
    assert {"ask", "ingest"} <= found.scopes
    assert not found.scopes & {"openid", "editor", "restore", "admin"}
    assert (found.came_by, found.looked_up, found.ends_s) == ("token", "", 2_000_000_030)


async def test_however_many_tokens_a_person_has_they_count_as_one():
    first, second = [await caller(signed(claims(exp=NOW_S * 2 + n))) for n in (1, 2)]
    other = await caller(signed(claims(sub="joe")))
    elsewhere = await caller(signed(claims(org="globex")))
    assert first.key == second.key
    assert len({first.key, other.key, elsewhere.key}) == 3


async def test_no_two_issuers_share_a_person():
    twins = issuers(STAFF, {**STAFF, "name": "guests", "issuer": f"{URL}2"})
    own = await caller(signed(claims()), twins)
    theirs = await caller(signed(claims(iss=f"{URL}2")), twins)
    assert own.user != theirs.user
    assert own.subject != theirs.subject
    assert own.key != theirs.key


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("RS256", KEY), ("PS256", KEY), ("RS512", KEY), ("ES256", CURVE), ("EdDSA", EDWARDS)],
)
async def test_algorithms_that_the_operator_names_are_taken_and_no_others(algorithm, key):
    token = signed(key=key, algorithm=algorithm)
    assert await caller(token, issuers(algorithms=[algorithm]))
    assert "algorithm" in await refused(token, issuers(algorithms=["RS384"]))


async def test_claims_lie_where_the_settings_say():
    settings = issuers(
        tenants={"9f0c-1": "acme"},
        claims={
            "tenant": "tid",
            "subject": ["user", "id"],
            "scopes": ["realm_access", "roles"],
            "groups": "https://acme.test/groups",
        },
    )
    said = {
        "tid": "9f0c-1",
        "user": {"id": "u-7"},
        "realm_access": {"roles": ["editor", "unknown"]},
        "https://acme.test/groups": ["board"],
    }
    found = await caller(signed(claims(**said)), settings)
    assert (found.tenant, found.user, found.groups) == ("acme", f"oidc:{URL}#u-7", ("board",))
    assert "ingest" in found.scopes


async def test_a_tenant_may_be_the_issuers_own():
    settings = issuers(tenant="acme", tenants=[], claims={}, scopes={}, everyone=["ask"])
    found = await caller(signed(claims(org="globex", scope=None)), settings)
    assert (found.tenant, found.scopes) == ("acme", {"ask", "read"})


@pytest.mark.parametrize("audience", ["playhead", ["playhead"], ["other", "playhead"]])
async def test_a_token_may_be_for_several(audience):
    assert await caller(signed(claims(aud=audience)))


@pytest.mark.parametrize("kind", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
async def test_a_token_calls_itself_one_of_access_or_nothing(kind):
    token = signed(header={"typ": kind})
    assert await caller(token)
    if kind in (None, "JWT", "jwt"):
        assert "typ at+jwt" in await refused(token, issuers(type="at+jwt"))
    else:
        assert await caller(token, issuers(type="at+jwt"))


async def test_a_token_without_a_key_is_by_the_only_one_of_its_algorithm():
    token = signed(header={"kid": None})
    found, _ = tokens(None, KEY, CURVE)
    assert await found.caller(token, lambda *_: "")
    several, _ = tokens(None, KEY, OTHER)
    with pytest.raises(Problem, match="does not list"):
        await several.caller(token, lambda *_: "")


# ---------------------------------------------------------------------- forged, and not believed


def forged_with_the_public_key():
    """HS256, whose secret is the issuer's public key as it may be written."""
    head = f"{part({'alg': 'HS256', 'kid': 'key-1'})}.{part(claims())}"
    secrets = (KEY.as_pem(private=False), json.dumps(KEY.as_dict(private=False)).encode())
    return [f"{head}.{part(hmac.digest(one, head.encode(), 'sha256'))}" for one in secrets]


def with_parts(header, said=None, signature="AAAA"):
    return f"{part(header)}.{part(claims() if said is None else said)}.{signature}"


FORGED = {
    "unsigned": with_parts({"alg": "none"}, signature=""),
    "none, with something for a signature": with_parts({"alg": "none", "kid": "key-1"}),
    "None in other letters": with_parts({"alg": "nOnE", "kid": "key-1"}),
    "HS256 by the public key as PEM": forged_with_the_public_key()[0],
    "HS256 by the public key as JWK": forged_with_the_public_key()[1],
    "another's key of the same name": signed(key=OTHER),
    "another's key in the header": signed(
        key=OTHER, header={"jwk": OTHER.as_dict(private=False), "kid": None}
    ),
    "keys at another's address": signed(
        key=OTHER, header={"jku": "https://evil.test/keys", "x5u": "https://evil.test/c"}
    ),
    "another's certificate": signed(key=OTHER, header={"x5c": ["AAAA"]}),
    "a path for a key": signed(header={"kid": "../../../../dev/null"}),
    "SQL for a key": signed(header={"kid": "key-1' OR '1'='1"}),
    "a shell's words for a key": signed(header={"kid": "|/usr/bin/id"}),
    "a number for a key": signed(header={"kid": 1}),
    "a list for an algorithm": with_parts({"alg": ["RS256"], "kid": "key-1"}),
    "RS256 by a key of a curve": signed(header={"kid": "curve"}),
    "an extension that must be understood": signed(header={"crit": ["exp"]}),
    "a payload that is not encoded": signed(header={"b64": False}),
    "a token within a token": signed(signed().encode(), header={"cty": "JWT"}),
    "a token for claims": signed(signed().encode()),
    "a list for claims": signed(b"[]"),
    "claims that stand twice": signed(json.dumps(claims()).encode()[:-1] + b', "org": "globex"}'),
    "a claim that stands twice deep down": signed(
        json.dumps(claims()).encode()[:-1] + b', "x": {"a": 1, "a": 2}}'
    ),
    "not UTF-8": signed(b'{"sub": "\xff"}'),
    "no JSON": signed(b"{"),
    "NaN": signed(json.dumps(claims()).encode()[:-1] + b', "x": NaN}'),
    "depth": signed(b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "a number of 5,000 digits": signed(b'{"exp": ' + b"9" * 5_000 + b"}"),
    "encrypted": "a.b.c.d.e",
    "padding": signed() + "==",
    "a space": signed().replace(".", ". ", 1),
    "another end": signed()[:-6] + "AAAAAA",
    "too long": signed(claims(filler="x" * TOKEN_MAX)),
    "dots alone": "..",
    "many dots": "." * 5_000,
}


@pytest.mark.parametrize("name", FORGED)
async def test_what_is_forged_or_broken_is_not_believed(name):
    assert looks_like_token(FORGED[name])
    detail = await refused(FORGED[name])
    assert detail.startswith("the token is not taken")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}, {"cty": "JWT"}])
def test_what_a_header_asks_for_is_refused_before_anything_is_done_for_it(header):
    [issuer] = issuers().issuers
    with pytest.raises(TokenRefused, match=r"crit|within a token"):
        check_header(issuer, taken_apart(signed(header=header)))


def test_a_token_has_its_size_before_it_is_read():
    with pytest.raises(TokenRefused, match="more than 16384 characters"):
        taken_apart("x" * (TOKEN_MAX + 1))
    with pytest.raises(TokenRefused, match="three parts"):
        taken_apart("x" * TOKEN_MAX)


async def test_what_a_token_points_to_is_never_asked():
    found, answers = tokens()
    for name in ("keys at another's address", "another's key in the header"):
        with pytest.raises(Problem):
            await found.caller(FORGED[name], lambda *_: "")
    assert {url for url in answers.asked if not url.startswith(URL)} == set()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"iss": "https://evil.test"}, "its issuer is none"),
        ({"iss": f"{URL}/"}, "its issuer is none"),
        ({"iss": None}, "its issuer is none"),
        ({"iss": [URL]}, "its issuer is none"),
        ({"aud": "other"}, "for somebody else"),
        ({"aud": None}, "aud is missing"),
        ({"aud": []}, "for somebody else"),
        ({"aud": ["playhead", 1]}, "aud is missing, or no text"),
        ({"aud": {"playhead": 1}}, "aud is missing, or no text"),
        ({"exp": None}, "exp is missing"),
        ({"exp": "2000000000"}, "exp is missing, or no number"),
        ({"exp": True}, "exp is missing, or no number"),
        ({"exp": 1e300}, "exp is no time"),
        ({"exp": -1}, "exp is no time"),
        ({"exp": 1_000_000_000}, "has expired"),
        ({"nbf": 4_000_000_000}, "not come yet (nbf)"),
        ({"iat": 4_000_000_000}, "not come yet (iat)"),
        ({"nbf": "soon"}, "nbf is missing, or no number"),
        ({"sub": None}, "claim of the subject is missing"),
        ({"sub": ""}, "claim of the subject is missing"),
        ({"sub": 7}, "claim of the subject is missing, or no text"),
        ({"sub": ["jane"]}, "claim of the subject is missing, or no text"),
        ({"sub": "jane\0"}, "no text"),
        ({"sub": "jane\n"}, "no text"),
        ({"sub": "\ud800"}, "no text"),
        ({"sub": "x" * 256}, "more than 255"),
        ({"org": None}, "claim of the tenant is missing"),
        ({"org": ["acme"]}, "claim of the tenant is missing, or no text"),
        ({"scope": None}, "claim of scopes is missing"),
        ({"scope": {"chat": True}}, "claim of scopes is missing, or no list"),
        ({"scope": ["chat", 1]}, "claim of scopes is missing, or no list"),
        ({"groups": "hr"}, "claim of groups is missing, or no list"),
        ({"groups": ["hr", None]}, "claim of groups is missing, or no list"),
        ({"groups": [""]}, "a group is empty"),
        ({"groups": ["g" * 129]}, "a group is empty, or has more"),
        ({"groups": [f"g{n}" for n in range(513)]}, "more than 512 groups"),
        ({"at_hash": "x"}, "an id_token"),
        ({"typ": "Refresh"}, "no access token"),
        ({"cnf": {"jkt": "x"}}, "bound to a key"),
    ],
)
async def test_a_claim_that_is_missing_or_otherwise_refuses(changed, said):
    assert said in await refused(signed(claims(**changed)))


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", 7, ["JWT"]])
async def test_a_token_of_another_kind_is_none_of_access(kind):
    assert ("typ" in await refused(signed(header={"typ": kind}))) == isinstance(kind, str)


async def test_another_tenant_than_the_issuers_own_is_forbidden():
    assert "tenants" in await refused(signed(claims(org="initech")), status=403)


async def test_a_claim_may_lack_where_the_settings_say_so_and_none_else():
    assert (await caller(signed(claims(groups=None)))).groups == ()
    assert "claim of groups" in await refused(signed(claims()), issuers(may_lack=[]))


@pytest.mark.parametrize(
    ("after_s", "taken"), [(-31, True), (0, True), (29, True), (30, False), (31, False)]
)
def test_clocks_may_differ_by_so_much_at_the_end(after_s, taken):
    [issuer] = issuers().issuers
    said = claims(exp=NOW_S, nbf=NOW_S - 100)
    if taken:
        check_claims(issuer, said, ["playhead"], NOW_S + after_s)
    else:
        with pytest.raises(TokenRefused, match="expired"):
            check_claims(issuer, said, ["playhead"], NOW_S + after_s)


@pytest.mark.parametrize(("before_s", "taken"), [(0, True), (30, True), (31, False)])
def test_clocks_may_differ_by_so_much_at_the_beginning(before_s, taken):
    [issuer] = issuers().issuers
    said = claims(exp=NOW_S + 600, nbf=NOW_S, iat=NOW_S)
    if taken:
        check_claims(issuer, said, ["playhead"], NOW_S - before_s)
    else:
        with pytest.raises(TokenRefused, match="not come yet"):
            check_claims(issuer, said, ["playhead"], NOW_S - before_s)


@given(st.text('abAB01_-.{}"=\n', max_size=60))
def test_no_text_is_a_token_by_chance(text):
    with pytest.raises(TokenRefused):
        taken_apart(text)


SOUND = signed(claims(exp=int(time.time()) + 86_400))


@given(st.integers(0, len(SOUND) - 1), st.sampled_from("AQgw-_"))
def test_a_token_that_was_changed_anywhere_is_not_believed(place, other):
    """But for bits of the last character that stand for none."""
    changed = SOUND[:place] + other + SOUND[place + 1 :]
    if changed == SOUND or place == len(SOUND) - 1:
        return
    with pytest.raises(Problem) as found:
        asyncio.run(caller(changed))
    assert found.value.status == 401


def test_a_header_of_a_few_thousand_characters_is_read():
    header = {"alg": "RS256", "x5c": ["A" * 3_000]}
    assert taken_apart(with_parts(header)).algorithm == "RS256"
