"""Access tokens: who calls, as an issuer signed it (RFC 7519, RFC 8725, RFC 9068).

A token is believed after its signature was checked with a key that its issuer lists, by an
algorithm that the operator named. Nothing in it chooses the key but `kid`, which is a name in that
list and nothing else: no path, no address. What it says besides is read after that.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import time
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from json import loads
from typing import Any

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, deserialize_compact

from edge.callers.api_keys import RESERVED
from edge.callers.caller import Caller
from edge.callers.issuer_keys import IssuerAway, IssuerKeys, IssuerPublicKey, NoSuchKey
from edge.callers.issuers import ClaimPath, Issuer, Issuers, path_of
from edge.callers.scopes import granted
from edge.problems import Problem, forbidden, overloaded, unauthorized
from edge.requests import limits

TOKEN_MAX = 16_384
"""Characters: with groups, tokens have a few thousand; a server takes 64 KiB of headers."""
HEADER_MAX = 8_192  # of which a certificate may be most
SUBJECT_MAX = 255  # characters; OpenID Connect, section 2
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
ACCESS_TYPES = ("", "jwt", "at+jwt", "application/at+jwt", "application/jwt")
OTHER_KINDS = ("ID", "Refresh", "Offline", "Logout")
"""What Keycloak calls tokens that are none of access, in their claim `typ`."""

Json = dict[str, Any]


class TokenRefused(Exception):
    """A token is not taken; the message says why, and none of its values."""


class TenantRefused(Exception):
    """A token is sound, and its tenant is none that its issuer may speak for."""


class _Registry(JWSRegistry):
    max_header_length = HEADER_MAX
    max_payload_length = TOKEN_MAX


@dataclass(frozen=True)
class Token:
    """A token, taken apart; nothing of it is believed yet."""

    text: str
    header: Json
    claims: Json

    @property
    def algorithm(self) -> str:
        """How it says that it is signed."""
        return str(self.header["alg"])

    @property
    def kid(self) -> str:
        """The name of its key."""
        return str(self.header.get("kid", ""))


def looks_like_token(secret: str) -> bool:
    """Tell whether what came as a key is a token: no key has a dot."""
    return secret.count(".") >= 2


class Tokens:
    """Tells who calls from tokens of some issuers; lives on one event loop."""

    def __init__(
        self,
        issuers: Issuers,
        keys_of: Callable[[Issuer], IssuerKeys] = IssuerKeys,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuers = issuers
        self._issuers = {one.issuer: one for one in issuers.issuers}
        self.keys = {one.name: keys_of(one) for one in issuers.issuers}
        self._clock = clock

    async def caller(self, secret: str, subject_of: Callable[[str, str], str]) -> Caller:
        """Return who an access token is of; raises Problem: 401, 403, or 503 for no answer."""
        try:
            token = taken_apart(secret)
            issuer = self._issuer_of(token)
            await self.verify(issuer, token, issuer.audience)
            check_access(issuer, token)
            who = identity_of(issuer, token.claims)
        except TokenRefused as error:
            raise refused(str(error)) from None
        except TenantRefused as error:
            raise forbidden(str(error)) from None
        subject = await asyncio.to_thread(subject_of, who.tenant, who.user)
        return who.caller(subject, "token", "", token.claims["exp"] + issuer.skew_s)

    async def verify(self, issuer: Issuer, token: Token, audience: Sequence[str]) -> None:
        """Check who signed a token, for whom, and its time; raises TokenRefused, or Problem 503."""
        check_header(issuer, token)
        try:
            key = await self.keys[issuer.name].find(token.kid, token.algorithm)
        except NoSuchKey:
            raise TokenRefused(
                "it is signed with a key that its issuer does not list; one that is only just in "
                "use is known within seconds"
            ) from None
        except IssuerAway as error:
            raise away(issuer, error) from None
        await asyncio.to_thread(check_signature, token, key)
        check_claims(issuer, token.claims, audience, self._clock())

    def _issuer_of(self, token: Token) -> Issuer:
        named = token.claims.get("iss")
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise TokenRefused("its issuer is none of those whose tokens are taken here")
        return issuer


@dataclass(frozen=True)
class PersonKnown:
    """Who a token is of, in words of this system."""

    issuer: str
    tenant: str
    user: str
    scopes: tuple[str, ...]
    groups: tuple[str, ...]

    def caller(self, subject: str, came_by: str, credential: str, ends_s: float) -> Caller:
        """Return who calls; however many tokens they have, they share one share."""
        digest = hashlib.sha256(f"{self.tenant}\0{self.user}".encode()).hexdigest()
        return Caller(
            key=f"person-{digest[:16]}",
            tenant=self.tenant,
            user=self.user,
            subject=subject,
            scopes=granted(self.scopes),
            groups=self.groups,
            credential=credential,
            ends_s=ends_s,
            came_by=came_by,
        )


def refused(why: str) -> Problem:
    """Say that a token is not taken (RFC 6750)."""
    problem = unauthorized(f"the token is not taken: {why}")
    problem.headers["WWW-Authenticate"] += ', error="invalid_token"'
    return problem


def away(issuer: Issuer, error: IssuerAway) -> Problem:
    """Say that a token can be neither taken nor refused at the moment."""
    return overloaded(
        f"the issuer {issuer.name} can't be asked for its keys ({error}): try again",
        error.retry_after_s,
    )


# ---------------------------------------------------------------------- the parts of a token


def taken_apart(text: str) -> Token:
    """Take a token apart; raises TokenRefused for what is none, or may be read in two ways."""
    if len(text) > TOKEN_MAX:
        raise TokenRefused(f"it has more than {TOKEN_MAX} characters")
    parts = text.split(".")
    if len(parts) == 5:
        raise TokenRefused("it is encrypted: have the issuer sign access tokens alone")
    if len(parts) != 3 or not all(SEGMENT.fullmatch(part) for part in parts):
        raise TokenRefused("it is not three parts of base64url with dots between: an unsigned one?")
    header = _object(parts[0], "header")
    claims = _object(parts[1], "claims")
    if not isinstance(header.get("alg"), str):
        raise TokenRefused("its header says no algorithm")
    if not isinstance(header.get("kid", ""), str):
        raise TokenRefused("kid is no text")
    return Token(text, header, claims)


def _object(segment: str, what: str) -> Json:
    """Decode a part; a name that stands twice may mean either to whoever reads it next."""
    try:
        content = urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        found = loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except (NotBase64, ValueError, RecursionError) as error:
        twice = str(error) if isinstance(error, _Twice) else ""
        raise TokenRefused(f"its {what} can't be read{twice}: not JSON in base64url") from None
    if not isinstance(found, dict):
        raise TokenRefused(f"its {what} is no JSON object: a token within a token is not taken")
    return found


class _Twice(ValueError):
    """A name stands twice in an object."""


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice(" (a name stands twice)")
    return found


def _no_number(_: str) -> float:
    raise ValueError("no number of JSON")


# ---------------------------------------------------------------------- whether it is believed


def check_header(issuer: Issuer, token: Token) -> None:
    """Check what a token says of itself before anything is done for it; raises TokenRefused."""
    if token.algorithm not in issuer.algorithms:
        raise TokenRefused("it is not signed by an algorithm that is taken from its issuer")
    if "crit" in token.header or "b64" in token.header:
        raise TokenRefused("it needs an extension (crit) that is not understood here")
    if str(token.header.get("cty", "")).lower() in ("jwt", "application/jwt"):
        raise TokenRefused("a token within a token is not taken")


def check_signature(token: Token, key: IssuerPublicKey) -> None:
    """Check who signed; raises TokenRefused."""
    registry = _Registry(algorithms=[token.algorithm], strict_check_header=False)
    try:
        deserialize_compact(token.text, key, registry=registry)
    except (JoseError, ValueError):
        raise TokenRefused("its signature is not its issuer's") from None


def check_claims(issuer: Issuer, claims: Json, audience: Sequence[str], now_s: float) -> None:
    """Check for whom and when a token is; raises TokenRefused."""
    if claims.get("iss") != issuer.issuer:
        raise TokenRefused("it is of another issuer")
    meant = claims.get("aud")
    meant = [meant] if isinstance(meant, str) else meant
    if not isinstance(meant, list) or not all(isinstance(one, str) for one in meant):
        raise TokenRefused("aud is missing, or no text")
    if not set(meant) & set(audience):
        raise TokenRefused("it is for somebody else (aud)")
    if _time(claims, "exp") + issuer.skew_s <= now_s:
        raise TokenRefused("it has expired")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now_s + issuer.skew_s:
            raise TokenRefused(f"its time has not come yet ({name}): compare the clocks")


def _time(claims: Json, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f"{name} is missing, or no number")
    if not 0 <= value <= 2**40 or not math.isfinite(value):
        raise TokenRefused(f"{name} is no time")
    return float(value)


def check_access(issuer: Issuer, token: Token) -> None:
    """Check that a token is one of access, for whoever bears it; raises TokenRefused."""
    kind = token.header.get("typ", "")
    kind = kind.lower() if isinstance(kind, str) else "?"
    if issuer.type and kind not in ("at+jwt", "application/at+jwt"):
        raise TokenRefused("it does not call itself an access token (typ at+jwt)")
    if kind not in ACCESS_TYPES:
        raise TokenRefused("it is no access token (typ)")
    claims = token.claims
    if "at_hash" in claims or "c_hash" in claims or claims.get("typ") in OTHER_KINDS:
        raise TokenRefused("it is no access token: an id_token says who signed in, to one client")
    if "cnf" in claims:
        raise TokenRefused("it is bound to a key of its client (cnf), which can't be checked here")


# ---------------------------------------------------------------------- what it means here


def identity_of(issuer: Issuer, claims: Mapping[str, Any]) -> PersonKnown:
    """Say who a believed token is of; raises TokenRefused, or TenantRefused.

    A user is named by issuer and subject together: neither of two issuers, nor an operator who
    makes keys, can make up another's.
    """
    subject = _text(claims, issuer.claims.subject, "subject")
    if len(subject) > SUBJECT_MAX:
        raise TokenRefused(f"the claim of the subject has more than {SUBJECT_MAX} characters")
    return PersonKnown(
        issuer=issuer.name,
        tenant=_tenant_of(issuer, claims),
        user=f"{RESERVED}{issuer.issuer}#{subject}",
        scopes=_scopes_of(issuer, claims),
        groups=_groups_of(issuer, claims),
    )


def _tenant_of(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    if issuer.tenant:
        return issuer.tenant
    tenant = issuer.tenant_of(_text(claims, issuer.claims.tenant, "tenant"))
    if tenant is None:
        raise TenantRefused(
            f"the token's tenant is none that the issuer {issuer.name} may speak for: whoever runs "
            "the gateway lists them under tenants in the file of PLAYHEAD_OIDC"
        )
    return tenant


def _scopes_of(issuer: Issuer, claims: Mapping[str, Any]) -> tuple[str, ...]:
    mine = list(issuer.everyone)
    for name in _texts(issuer, claims, "scopes", by_spaces=True):
        mine.extend(issuer.scopes.get(name, ()))
    return tuple(dict.fromkeys(mine))


def _groups_of(issuer: Issuer, claims: Mapping[str, Any]) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(_texts(issuer, claims, "groups")))
    if len(groups) > limits.KEY_GROUPS_MAX:
        raise TokenRefused(f"it names more than {limits.KEY_GROUPS_MAX} groups")
    if not all(0 < len(group) <= limits.GROUP_MAX for group in groups):
        raise TokenRefused(f"a group is empty, or has more than {limits.GROUP_MAX} characters")
    return groups


def _texts(
    issuer: Issuer, claims: Mapping[str, Any], what: str, *, by_spaces: bool = False
) -> list[str]:
    """Return a claim that is a list of texts, or texts with spaces between where they may be."""
    path = getattr(issuer.claims, what)
    if not path_of(path):
        return []
    found = _at(claims, path)
    if found is None and what in issuer.may_lack:
        return []
    if isinstance(found, str) and by_spaces:
        return found.split()
    if not isinstance(found, list) or not all(_is_text(one) for one in found):
        raise TokenRefused(f"the claim of {what} is missing, or no list of texts")
    return found


def _text(claims: Mapping[str, Any], path: ClaimPath, what: str) -> str:
    found = _at(claims, path)
    if not _is_text(found) or not found:
        raise TokenRefused(f"the claim of the {what} is missing, or no text")
    return str(found)


def _is_text(value: Any) -> bool:
    """Tell whether a claim is text in UTF-8, without characters that nobody sees."""
    if not isinstance(value, str) or any(ord(one) < 32 or ord(one) == 127 for one in value):
        return False
    return not any(0xD800 <= ord(one) <= 0xDFFF for one in value)


def _at(claims: Mapping[str, Any], path: ClaimPath) -> Any:
    found: Any = claims
    for name in path_of(path):
        found = found.get(name) if isinstance(found, dict) else None
    return found
