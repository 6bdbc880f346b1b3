"""Issuers for tests: their settings, and tokens signed in this process."""

import json
import time
from base64 import urlsafe_b64encode

import msgspec
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from edge.callers.access_tokens import Tokens
from edge.callers.issuer_keys import IssuerKeys
from edge.callers.issuers import Issuers

URL = "https://id.acme.test/realms/staff"
KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
OTHER = RSAKey.generate_key(2048, {"kid": "key-1"})
"""Of the same name, and not the issuer's."""
CURVE = ECKey.generate_key("P-256", {"kid": "curve"})
EDWARDS = OKPKey.generate_key("Ed25519", {"kid": "edwards"})

STAFF = {
    "name": "staff",
    "issuer": URL,
    "audience": ["playhead"],
    "tenants": ["acme", "globex"],
    "claims": {"tenant": "org", "groups": "groups", "scopes": "scope"},
    "may_lack": ["groups"],
    "scopes": {"chat": ["ask"], "editor": ["ask", "ingest"]},
}


def issuers(*several, public_url="", **changed):
    """Settings of some issuers; of one as above, changed, where none is given."""
    content = {"issuers": list(several) or [{**STAFF, **changed}], "public_url": public_url}
    return msgspec.convert(content, Issuers)


def claims(**changed):
    """What a sound token says; None leaves a claim out."""
    said = {
        "iss": URL,
        "aud": "playhead",
        "sub": "jane",
        "org": "acme",
        "scope": "openid chat",
        "exp": int(time.time()) + 86_400,  # some are made at import, long before their test
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def signed(said=None, key=KEY, header=None, algorithm="RS256"):
    """Sign claims (or bytes)."""
    named = {"alg": algorithm, "kid": key.kid, **(header or {})}
    named = {name: value for name, value in named.items() if value is not None}
    payload = said if isinstance(said, bytes) else json.dumps(said or claims()).encode()
    text = f"{part(named)}.{part(payload)}"
    return f"{text}.{part(JWSRegistry.algorithms[algorithm].sign(text.encode(), key))}"


def part(content):
    """Spell a part of a token."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


class Answers:
    """What an issuer answers, by address; an exception is raised."""

    def __init__(self, *keys):
        self.keys = [key.as_dict(private=False) for key in keys]
        self.asked = []
        self.fault = None

    async def __call__(self, url):
        self.asked.append(url)
        if self.fault is not None:
            raise self.fault
        if url.endswith("/openid-configuration"):
            return {
                "issuer": url.removesuffix("/.well-known/openid-configuration"),
                "jwks_uri": f"{URL}/keys",
            }
        return {"keys": self.keys}


def tokens(settings=None, *keys, clock=time.monotonic):
    """Tokens of an issuer whose keys are these."""
    answers = Answers(*(keys or (KEY, CURVE, EDWARDS)))
    return Tokens(settings or issuers(), lambda issuer: IssuerKeys(issuer, answers, clock)), answers


async def caller(token, settings=None, *keys):
    """Who a token is of, or the Problem."""
    found, _ = tokens(settings, *keys)
    return await found.caller(token, lambda tenant, user: f"digest of {tenant}/{user}")
