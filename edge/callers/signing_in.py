"""Signing in: authorisation code with PKCE, state and nonce (OpenID Connect; RFC 7636, RFC 9700).

The gateway exchanges the code, so no page ever holds a token. What an attempt needs to remember is
one random secret in a cookie of the browser that began it: state, nonce and verifier follow from
it. So nothing is stored for people who never come back, and any gateway can take the answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from edge.callers.access_tokens import (
    PersonKnown,
    TenantRefused,
    Token,
    TokenRefused,
    Tokens,
    check_access,
    identity_of,
    taken_apart,
)
from edge.callers.issuer_keys import BadIssuerAnswer, IssuerAway, fetch_json
from edge.callers.issuers import Issuer, SignInSettings, check_address, secret_of
from edge.callers.sign_in_attempts import NotSignedIn, SignInAttempt
from edge.problems import Problem
from streams.watching.logs import logger

log = logger("gateway")
CALLBACK = "/login/callback"
CODE_MAX = 4_096  # characters


class SigningIn:
    """Leads people to their issuer and back; lives on one event loop."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._with_login = tokens.issuers.with_login

    @property
    def choices(self) -> list[dict[str, str]]:
        """Where people can sign in."""
        return [
            {"name": name, "title": (issuer.login and issuer.login.title) or name}
            for name, issuer in self._with_login.items()
        ]

    def knows(self, issuer: str) -> bool:
        """Tell whether people can sign in at an issuer."""
        return issuer in self._with_login

    async def address(self, attempt: SignInAttempt) -> str:
        """Return where a browser is sent to sign in; raises NotSignedIn."""
        _, login, document = await self._at(attempt)
        where = _endpoint(document, "authorization_endpoint", attempt)
        asked = {
            "response_type": "code",
            "client_id": login.client_id,
            "redirect_uri": self._callback,
            "scope": login.ask_for,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(asked)}"

    async def finish(
        self, attempt: SignInAttempt, answer: Mapping[str, str]
    ) -> tuple[PersonKnown, int]:
        """Exchange a code; returns who signed in, and for how many seconds. Raises NotSignedIn."""
        issuer, login, document = await self._at(attempt)
        if answer.get("error"):
            raise NotSignedIn("refused", "the issuer refused it", attempt.page)
        says_so = document.get("authorization_response_iss_parameter_supported") is True
        if answer.get("iss", "" if says_so else issuer.issuer) != issuer.issuer:
            raise NotSignedIn("refused", "another issuer answered (iss)", attempt.page)
        code = answer.get("code", "")
        if not 0 < len(code) <= CODE_MAX:
            raise NotSignedIn("refused", "the issuer sent no code", attempt.page)
        where = _endpoint(document, "token_endpoint", attempt)
        try:
            given = await self._exchange(where, login, document, code, attempt)
            who = await self._who(issuer, login, given, attempt)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NotSignedIn("away", type(error).__name__, attempt.page) from None
        except TenantRefused as error:
            raise NotSignedIn("denied", str(error), attempt.page) from None
        except (TokenRefused, ValueError) as error:
            raise NotSignedIn("refused", str(error), attempt.page) from None
        except Problem as error:
            raise NotSignedIn("away", error.detail, attempt.page) from None
        return who, login.lasts_s

    async def farewell(self, issuer: str) -> str:
        """Return where a browser signs out at an issuer, too; empty where it has no such place."""
        if not self.knows(issuer):
            return ""
        login = self._with_login[issuer].login
        try:
            document = await self._tokens.keys[issuer].document()
            where = check_address("end_session_endpoint", document.get("end_session_endpoint"))
        except (IssuerAway, ValueError):
            return ""
        assert login
        # without id_token_hint: a token has no place in an address
        asked = {
            "client_id": login.client_id,
            "post_logout_redirect_uri": self._tokens.issuers.public_url.rstrip("/") + "/",
        }
        return f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(asked)}"

    @property
    def _callback(self) -> str:
        return self._tokens.issuers.public_url.rstrip("/") + CALLBACK

    async def _at(self, attempt: SignInAttempt) -> tuple[Issuer, SignInSettings, Mapping[str, Any]]:
        issuer = self._with_login.get(attempt.issuer)
        if issuer is None or issuer.login is None:
            raise NotSignedIn("stale", "its issuer is not known any more", attempt.page)
        try:
            return issuer, issuer.login, await self._tokens.keys[issuer.name].document()
        except IssuerAway as error:
            raise NotSignedIn("away", str(error), attempt.page) from None

    async def _exchange(
        self,
        where: str,
        login: SignInSettings,
        document: Mapping[str, Any],
        code: str,
        attempt: SignInAttempt,
    ) -> Mapping[str, Any]:
        """Exchange a code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": attempt.verifier,
        }
        secret, auth = secret_of(login), None
        if secret and takes_basic(document):
            # RFC 6749, 2.3.1: both are encoded as in a form before they are put together
            auth = httpx.BasicAuth(_form_text(login.client_id), _form_text(secret))
        else:
            form |= {"client_id": login.client_id} | ({"client_secret": secret} if secret else {})
        given = await fetch_json(where, body=form, auth=auth)
        if not isinstance(given, dict):
            raise BadIssuerAnswer("the issuer's answer is no JSON object")
        return given

    async def _who(
        self,
        issuer: Issuer,
        login: SignInSettings,
        given: Mapping[str, Any],
        attempt: SignInAttempt,
    ) -> PersonKnown:
        told = await self._verified(issuer, given.get("id_token"), [login.client_id])
        nonce = told.claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode("utf-8", "replace"), attempt.nonce.encode()
        ):
            raise TokenRefused("the id_token is of another sign-in (nonce)")
        meant = told.claims["aud"]
        if isinstance(meant, list) and len(meant) > 1 and told.claims.get("azp") != login.client_id:
            raise TokenRefused("the id_token is for several, and not given to this client (azp)")
        if login.claims_from == "id_token":
            return identity_of(issuer, told.claims)
        access = await self._verified(issuer, given.get("access_token"), issuer.audience)
        check_access(issuer, access)
        if access.claims.get("sub") != told.claims.get("sub"):
            raise TokenRefused("the access_token is of another subject than the id_token")
        return identity_of(issuer, access.claims)

    async def _verified(self, issuer: Issuer, text: Any, audience: list[str]) -> Token:
        if not isinstance(text, str):
            raise TokenRefused("the issuer sent no such token")
        token = taken_apart(text)
        await self._tokens.verify(issuer, token, audience)
        return token


def takes_basic(document: Mapping[str, Any]) -> bool:
    """Tell whether an issuer takes a client's secret as a password; by default it does."""
    ways = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return not isinstance(ways, list) or "client_secret_basic" in ways


def _endpoint(document: Mapping[str, Any], name: str, attempt: SignInAttempt) -> str:
    try:
        return check_address(name, document.get(name))
    except ValueError as error:
        raise NotSignedIn("away", str(error), attempt.page) from None


def _form_text(text: str) -> str:
    return urlencode({"": text})[1:]
