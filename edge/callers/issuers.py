"""Issuers: whose tokens are taken, and what their claims mean here. Read once, at the start.

A TOML file, named by PLAYHEAD_OIDC; docs/how-to/single-sign-on.md shows one. All that is wrong with
it is said at the start, not when the first person signs in.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Collection
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, structs

from edge.callers.api_keys import RESERVED
from edge.callers.scopes import unknown_scope
from edge.requests import limits
from schemas.prepared_types import prepared
from streams.settings import BadSetting

ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""Signatures with a private key. Those with a shared secret (HS256) are never taken: where the
issuer's public key is taken for the secret, everybody can sign."""
ISSUER_MAX = 512  # characters of its address, which is part of each user's name
CLAIMS = ("tenant", "subject", "groups", "scopes")

ClaimPath = str | list[str]
"""A claim by its name, or by names within each other: `["realm_access", "roles"]`."""
IssuerName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")]
ShortText = Annotated[str, Meta(min_length=1, max_length=ISSUER_MAX)]
WholeSeconds = Annotated[int, Meta(ge=1, le=31_536_000)]


class ClaimNames(Struct, frozen=True, forbid_unknown_fields=True):
    """Which claims say who calls; an empty one says nothing."""

    tenant: ClaimPath = ""
    subject: ClaimPath = "sub"
    groups: ClaimPath = ""
    scopes: ClaimPath = ""


class SignInSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How people sign in to the pages at an issuer (authorisation code with PKCE)."""

    client_id: ShortText
    client_secret_file: str = ""
    """File (mode 0600) with the client's secret; empty for a public client."""
    title: str = ""
    """What the button says; the issuer's name where it is empty."""
    ask_for: str = "openid"
    """Scopes that the issuer is asked for, separated by spaces."""
    claims_from: Literal["id_token", "access_token"] = "id_token"
    """Which token says who it is; the other must be of the same subject."""
    lasts_s: WholeSeconds = 28_800
    """How long a sign-in lasts: a working day."""


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """An issuer whose tokens are taken."""

    name: IssuerName
    issuer: ShortText
    """Its address, exactly as its tokens say in `iss`."""
    audience: list[ShortText]
    """A token must be for one of these (`aud`)."""
    algorithms: list[str] = msgspec.field(default_factory=lambda: ["RS256", "ES256"])
    keys: str = ""
    """Address of its keys (JWKS); empty to ask its discovery document."""
    type: Literal["", "at+jwt"] = ""
    """at+jwt: only tokens that call themselves access tokens (RFC 9068)."""
    skew_s: Annotated[int, Meta(ge=0, le=300)] = 30
    """How far its clock and ours may differ."""
    known_keys_s: WholeSeconds = 86_400
    """How long keys that are known go on to be taken while it can't be asked."""
    tenant: str = ""
    """The tenant of all its tokens, where no claim says it."""
    tenants: list[str] | dict[str, str] = msgspec.field(default_factory=list)
    """Tenants that the claim may name: a list, or what each value means; `["*"]` for any."""
    claims: ClaimNames = ClaimNames()
    may_lack: list[Literal["groups", "scopes"]] = msgspec.field(default_factory=list)
    """Claims that a token may go without; without any other it is refused."""
    scopes: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """What each of the token's own scopes or roles allows here."""
    everyone: list[str] = msgspec.field(default_factory=list)
    """Scopes that everybody has."""
    login: SignInSettings | None = None

    def tenant_of(self, claimed: str) -> str | None:
        """Return the tenant that a claim's value stands for; None where it may not name it."""
        if isinstance(self.tenants, dict):
            return self.tenants.get(claimed)
        taken = claimed in self.tenants or self.tenants == ["*"]
        return claimed if taken and limits.TENANT.fullmatch(claimed) else None

    def still_says(self, tenant: str, user: str, scopes: Collection[str]) -> bool:
        """Tell whether it could say so now of who signed in: the file may have changed since."""
        values = self.tenants.values() if isinstance(self.tenants, dict) else self.tenants
        may = {*self.everyone, *(name for names in self.scopes.values() for name in names)}
        return (
            user.startswith(f"{RESERVED}{self.issuer}#")
            and (tenant == self.tenant or tenant in values or self.tenants == ["*"])
            and set(scopes) <= may
        )


class Issuers(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    issuers: Annotated[list[Issuer], Meta(min_length=1, max_length=64)]
    public_url: str = ""
    """Where browsers reach the gateway, such as https://chat.example.org; for sign-in alone."""

    @property
    def origin(self) -> str:
        """What browsers send as Origin from the gateway's own pages; empty without sign-in."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    @property
    def with_login(self) -> dict[str, Issuer]:
        """Those at which people sign in, by name."""
        return {issuer.name: issuer for issuer in self.issuers if issuer.login}


prepared(Issuers)


def issuers_of(path: str) -> Issuers | None:
    """Read a file of issuers; None for no file. Raises BadSetting that says what to mend."""
    if not path:
        return None
    try:
        content = tomllib.loads(Path(path).expanduser().read_text("utf-8"))
        issuers = _with_paths(msgspec.convert(content, Issuers), Path(path).expanduser().parent)
        _check(issuers)
    except OSError as error:
        raise BadSetting(f"PLAYHEAD_OIDC={path}: {error.strerror}") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise BadSetting(f"PLAYHEAD_OIDC={path}: {error}") from None
    return issuers


def _with_paths(issuers: Issuers, folder: Path) -> Issuers:
    """Read paths in the file as seen from its folder, wherever the process runs."""
    return structs.replace(
        issuers,
        issuers=[
            structs.replace(one, login=_with_path(one.login, folder)) if one.login else one
            for one in issuers.issuers
        ],
    )


def _with_path(login: SignInSettings, folder: Path) -> SignInSettings:
    file = login.client_secret_file
    path = str((folder / Path(file).expanduser()).absolute()) if file else ""
    return structs.replace(login, client_secret_file=path)


def secret_of(login: SignInSettings) -> str:
    """Read a client's secret, empty for a public client; raises BadSetting."""
    if not login.client_secret_file:
        return ""
    path = Path(login.client_secret_file).expanduser()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadSetting(f"{path} can be read by others: run `chmod 600 {path}`")
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise BadSetting(f"client_secret_file {path}: {error.strerror}") from None
    if not secret:
        raise BadSetting(f"client_secret_file {path} is empty: put the client's secret there")
    return secret


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: what is said to it nobody can hear."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(what: str, address: Any) -> str:
    """Return an address that may be asked; raises ValueError for one that others could answer."""
    parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
    host = parts.hostname or ""
    is_private = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not host or not is_private or parts.username or parts.fragment:
        raise ValueError(f"{what} must be an https address (http on this machine alone)")
    return str(address)


def path_of(claim: ClaimPath) -> tuple[str, ...]:
    """Return the names that lead to a claim; none for a claim that is not asked for."""
    names = (claim,) if isinstance(claim, str) else tuple(claim)
    return () if names == ("",) else names


def _check(issuers: Issuers) -> None:
    for one in issuers.issuers:
        try:
            _check_issuer(one)
        except ValueError as error:
            raise ValueError(f"issuer {one.name}: {error}") from None
    for what in ("name", "issuer"):
        values = [getattr(one, what) for one in issuers.issuers]
        if len(set(values)) < len(values):
            raise ValueError(f"two issuers have one {what}: each has its own")
    if issuers.with_login:
        _check_public(issuers.public_url)


def _check_public(url: str) -> None:
    if not url:
        raise ValueError("public_url is missing: people who sign in are sent back there")
    check_address("public_url", url)
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query:
        raise ValueError("public_url has a path or query: give scheme, host and port alone")


def _check_issuer(one: Issuer) -> None:
    check_address("issuer", one.issuer)
    if urlsplit(one.issuer).query or "#" in one.issuer:
        raise ValueError("issuer has a query or a fragment: give its address as tokens say it")
    if one.keys:
        check_address("keys", one.keys)
    if not one.audience:
        raise ValueError('audience is empty: a token for anybody would be taken; say ["playhead"]')
    if not one.algorithms:
        raise ValueError(f"algorithms is empty: choose from {', '.join(ALGORITHMS)}")
    for name in one.algorithms:
        if name not in ALGORITHMS:
            raise ValueError(f"algorithm {name} is not taken: choose from {', '.join(ALGORITHMS)}")
    if not path_of(one.claims.subject):
        raise ValueError("claims.subject is empty: a token must say whose it is")
    _check_tenants(one)
    _check_scopes(one)
    if one.login and "openid" not in one.login.ask_for.split():
        raise ValueError("login.ask_for lacks openid: without it there is no id_token")
    if one.login:
        secret_of(one.login)


def _check_tenants(one: Issuer) -> None:
    by_claim = bool(path_of(one.claims.tenant))
    if by_claim == bool(one.tenant):
        raise ValueError("say either tenant, or claims.tenant and the tenants that it may name")
    if by_claim and not one.tenants:
        raise ValueError('tenants is empty: list those that claims.tenant may name, or say ["*"]')
    if not by_claim and one.tenants:
        raise ValueError("tenants says what claims.tenant may name, and there is no claims.tenant")
    named = one.tenants.values() if isinstance(one.tenants, dict) else one.tenants
    for tenant in (*([one.tenant] if one.tenant else []), *named):
        if tenant == "*" and one.tenants == ["*"]:
            continue
        if not limits.TENANT.fullmatch(tenant):
            raise ValueError(f"no tenant can be called {tenant!r}")


def _check_scopes(one: Issuer) -> None:
    given = [name for names in one.scopes.values() for name in names]
    if mistake := unknown_scope((*one.everyone, *given)):
        raise ValueError(mistake)
    if not given and not one.everyone:
        raise ValueError('nobody may do anything: say everyone = ["ask"], or what scopes give')
    if bool(one.scopes) != bool(path_of(one.claims.scopes)):
        raise ValueError("claims.scopes and scopes go together: which claim, and what it gives")
