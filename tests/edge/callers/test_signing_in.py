"""What comes of an issuer's answer to a code: who signed in, or why nobody did."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from edge.callers import signing_in
from edge.callers.access_tokens import Tokens
from edge.callers.issuer_keys import BadIssuerAnswer, IssuerKeys
from edge.callers.sign_in_attempts import NotSignedIn, SignInAttempt
from edge.callers.signing_in import SigningIn, takes_basic
from tests.edge.callers.issuing import KEY, OTHER, STAFF, URL, Answers, claims, issuers, signed

LOGIN = {"client_id": "pages"}
DOCUMENT = {
    "issuer": URL,
    "jwks_uri": f"{URL}/keys",
    "authorization_endpoint": f"{URL}/authorize?kc=1",
    "token_endpoint": f"{URL}/token",
}
ATTEMPT = SignInAttempt("secret", "staff", "review")


class Tokened(Answers):
    """An issuer that answers a code, too."""

    def __init__(self, given=None, **document):
        super().__init__(KEY)
        self.document = {**DOCUMENT, **document}
        self.given = given
        self.posted = []

    async def __call__(self, url, body=None, auth=None):
        if body is None:
            return (
                self.document
                if url.endswith("/openid-configuration")
                else await super().__call__(url)
            )
        self.posted.append((url, dict(body), auth))
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.fixture
def finish(monkeypatch):
    async def finished(given, answer=None, document=None, **login):
        issuer = Tokened(given, **(document or {}))
        monkeypatch.setattr(signing_in, "fetch_json", issuer)
        settings = issuers(
            {**STAFF, "login": {**LOGIN, **login}}, public_url="https://chat.acme.test/"
        )
        people = SigningIn(Tokens(settings, lambda one: IssuerKeys(one, issuer)))
        finished.issuer, finished.people = issuer, people
        return await people.finish(ATTEMPT, {"code": "c0de"} if answer is None else answer)

    return finished


def id_token(key=KEY, **changed):
    return signed(claims(**{"aud": "pages", "nonce": ATTEMPT.nonce, **changed}), key)


async def test_a_code_is_exchanged_for_who_it_is(finish):
    who, lasts_s = await finish({"id_token": id_token()})
    assert (who.tenant, who.user, who.scopes, lasts_s) == (
        "acme",
        f"oidc:{URL}#jane",
        ("ask",),
        28_800,
    )
    [(url, form, auth)] = finish.issuer.posted
    assert (url, auth) == (f"{URL}/token", None)
    assert form == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "redirect_uri": "https://chat.acme.test/login/callback",
        "code_verifier": ATTEMPT.verifier,
        "client_id": "pages",
    }


@pytest.mark.parametrize(
    ("ways", "basic"),
    [(None, True), (["client_secret_basic"], True), (["client_secret_post"], False)],
)
async def test_a_client_with_a_secret_shows_it_as_the_issuer_takes_it(
    finish, tmp_path, ways, basic
):
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("s/3 cret")
    document = {} if ways is None else {"token_endpoint_auth_methods_supported": ways}
    assert takes_basic(document) == basic
    await finish({"id_token": id_token()}, document=document, client_secret_file=str(secret))
    [(_, form, auth)] = finish.issuer.posted
    assert (form.get("client_secret") == "s/3 cret") != basic
    assert isinstance(auth, httpx.BasicAuth) == basic


@pytest.mark.parametrize("answer", [{"code": "c0de"}, {"code": "c0de", "iss": f"{URL}2"}])
async def test_an_issuer_that_names_itself_in_its_answers_is_named_in_each(finish, answer):
    """RFC 9207: an answer of another issuer, which can't say so, is not taken for its."""
    names = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(NotSignedIn, match="iss"):
        await finish({"id_token": id_token()}, answer, document=names)
    assert await finish({"id_token": id_token()}, {"code": "c0de", "iss": URL}, document=names)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no such token"),
        ([], "no JSON object"),
        ({"id_token": 7}, "no such token"),
        ({"id_token": "opaque"}, "three parts"),
        ({"id_token": id_token(nonce="another")}, "nonce"),
        ({"id_token": id_token(nonce=None)}, "nonce"),
        ({"id_token": id_token(nonce=[])}, "nonce"),
        ({"id_token": id_token(OTHER)}, "signature"),
        ({"id_token": id_token(aud="playhead")}, "somebody else"),
        ({"id_token": id_token(aud=["pages", "other"])}, "azp"),
        ({"id_token": id_token(aud=["pages", "other"], azp="other")}, "azp"),
        ({"id_token": id_token(exp=1)}, "expired"),
        ({"id_token": id_token(iss=f"{URL}2")}, "another issuer"),
        ({"id_token": id_token(org=None)}, "claim of the tenant"),
        (BadIssuerAnswer("id.acme.test answers with status 400 (invalid_grant)"), "invalid_grant"),
    ],
)
async def test_an_answer_that_is_not_this_sign_ins_signs_in_nobody(finish, given, said):
    with pytest.raises(NotSignedIn, match=said) as refused:
        await finish(given)
    assert (refused.value.code, refused.value.page) == ("refused", "review")


@pytest.mark.parametrize("several", [["pages"], ["pages", "other"]])
async def test_an_id_token_may_be_for_several_if_it_was_given_to_us(finish, several):
    assert await finish({"id_token": id_token(aud=several, azp="pages")})


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (signed(), ""),
        (signed(claims(sub="joe")), "another subject"),
        (signed(claims(aud="pages")), "somebody else"),
        (signed(claims(at_hash="x")), "no access token"),
        (None, "no such token"),
    ],
)
async def test_claims_may_come_from_the_access_token_of_the_same_person(finish, access, said):
    given = {"id_token": id_token(org="globex"), "access_token": access}
    finishing = finish(given, claims_from="access_token")
    if said:
        with pytest.raises(NotSignedIn, match=said):
            await finishing
    else:
        assert (await finishing)[0].tenant == "acme"


@pytest.mark.parametrize("fault", [httpx.ConnectError("x"), TimeoutError()])
async def test_an_issuer_that_is_away_is_called_so(finish, fault):
    with pytest.raises(NotSignedIn) as away:
        await finish(fault)
    assert away.value.code == "away"


async def test_no_secret_goes_to_an_address_that_others_can_hear(finish):
    with pytest.raises(NotSignedIn, match="token_endpoint must be an https address"):
        await finish({"id_token": id_token()}, document={"token_endpoint": "http://id.acme.test/x"})
    assert finish.issuer.posted == []


async def test_nobody_is_sent_to_an_address_that_others_can_answer(finish):
    await finish({"id_token": id_token()}, document={"authorization_endpoint": "javascript:x"})
    with pytest.raises(NotSignedIn, match="authorization_endpoint must be an https address"):
        await finish.people.address(ATTEMPT)


async def test_an_issuer_is_told_the_digest_of_what_proves_who_asked(finish):
    """The digest by another hand; the issuer of the other tests compares none."""
    await finish({"id_token": id_token()})
    asked = parse_qs(urlsplit(await finish.people.address(ATTEMPT)).query)
    assert asked["code_challenge"] == [create_s256_code_challenge(ATTEMPT.verifier)]
    assert asked["code_challenge_method"] == ["S256"]
    assert (asked["state"], asked["nonce"]) == ([ATTEMPT.state], [ATTEMPT.nonce])


async def test_the_address_of_an_issuer_may_have_a_query_of_its_own(finish):
    await finish({"id_token": id_token()})
    assert (await finish.people.address(ATTEMPT)).startswith(
        f"{URL}/authorize?kc=1&response_type=code&"
    )


async def test_no_place_to_sign_out_is_no_fault(finish):
    await finish({"id_token": id_token()})
    assert await finish.people.farewell("staff") == ""
    assert await finish.people.farewell("unknown") == ""


def test_nothing_that_is_seen_tells_the_rest_of_an_attempt():
    seen = {ATTEMPT.state.split(".")[0], ATTEMPT.nonce, ATTEMPT.challenge}
    assert len({*seen, ATTEMPT.verifier, ATTEMPT.secret}) == 5
    other = SignInAttempt(ATTEMPT.secret, "staff", "chat")
    assert other.nonce != ATTEMPT.nonce
    assert len(ATTEMPT.verifier) == 43
