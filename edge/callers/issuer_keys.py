"""An issuer's public keys: asked for when they are needed, and known for a while without it.

What an issuer says is read with bounds of time and size, from https alone, and never from where a
token points (`jku`, `x5u`): a token does not choose by whom it is believed.

Everything here lives on the event loop; an issuer is asked by one request at a time.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from edge.callers.issuers import Issuer, check_address, is_loopback
from streams.watching.logs import logger

log = logger("gateway")
# what is weak is refused here, and which algorithms are taken is the operator's choice
warnings.filterwarnings("ignore", category=SecurityWarning)
IssuerPublicKey = RSAKey | ECKey | OKPKey
FRESH_S = 600.0
"""Keys that are older are asked for again, beside the request that noticed."""
STALE_S = 1_200.0
"""Keys that are older are asked for before they are believed, where the issuer answers: one that it
took back is out after so long, however seldom anybody comes."""
ASK_AGAIN_S = 5.0
"""At least between two questions to an issuer: tokens with made-up keys cost it no more."""
ASK_AGAIN_MAX_S = 60.0  # while it does not answer, the pause doubles up to this
ANSWER_S = 10.0  # for the whole of an answer
ANSWER_MAX = 524_288
"""Bytes of an answer: 64 keys with their certificates take half of it."""
KEYS_MAX = 64
RSA_BITS = (2_048, 8_192)  # below, it can be broken; above, each check costs milliseconds
EXPONENT_MAX = 2**32
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class BadIssuerAnswer(ValueError):
    """An issuer says what can't be used; the message holds nothing secret."""


class NoSuchKey(Exception):
    """The issuer has no key by this name for this algorithm."""


class IssuerAway(Exception):
    """The issuer can't be asked, and without it nobody knows."""

    def __init__(self, why: str, retry_after_s: int) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


FetchesJson = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True)
class KnownKey:
    """A key as an issuer lists it."""

    kid: str
    alg: str
    """The one algorithm that it is for; empty where the issuer does not say."""
    key: IssuerPublicKey

    def fits(self, algorithm: str) -> bool:
        """Tell whether a signature by an algorithm can be this key's."""
        if self.alg not in ("", algorithm):
            return False
        if isinstance(self.key, RSAKey):
            return algorithm[:2] in ("RS", "PS")
        if isinstance(self.key, ECKey):
            return CURVES.get(algorithm) == self.key.curve_name
        return algorithm in ("EdDSA", "Ed25519")


class IssuerKeys:
    """The keys of one issuer, and what else its discovery document says."""

    def __init__(
        self,
        issuer: Issuer,
        fetch: FetchesJson | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._fetch: FetchesJson = fetch_json if fetch is None else fetch
        self._clock = clock
        self._keys: tuple[KnownKey, ...] | None = None
        self._read_s = 0.0
        """When they were read."""
        self._document: Mapping[str, Any] = {}
        self._asked_s = self._document_asked_s = float("-inf")
        self._pause_s = ASK_AGAIN_S
        self._why = ""
        """Why the last question was in vain; empty where it was not."""
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str, algorithm: str) -> IssuerPublicKey:
        """Return the key that a token names; raises NoSuchKey, or IssuerAway.

        A token that names none is by the issuer's only key for its algorithm.
        """
        known = self._known(kid, algorithm)
        age_s = self._clock() - self._read_s
        if known is not None and (age_s <= STALE_S or self._why):
            if age_s > FRESH_S:
                self._ask_beside()
            return known
        await self._ask()
        known = self._known(kid, algorithm)
        if known is not None:
            return known
        if self._why:
            raise IssuerAway(self._why, self._left_s())
        raise NoSuchKey

    async def document(self) -> Mapping[str, Any]:
        """Return the discovery document; raises IssuerAway.

        Whoever makes up keys has the issuer asked for those, and keeps nobody from asking for this.
        """
        while self._asking is not None:
            await asyncio.shield(self._asking)
        if not self._document and self._clock() - self._document_asked_s >= self._pause_s:
            self._begin(with_document=True)
            await self._ask()
        if not self._document:
            raise IssuerAway(self._why or "it was asked a moment ago", self._left_s())
        return self._document

    def _known(self, kid: str, algorithm: str) -> IssuerPublicKey | None:
        if self._keys is None or self._clock() - self._read_s > self._issuer.known_keys_s:
            return None
        fitting = [one for one in self._keys if one.fits(algorithm)]
        if kid:
            fitting = [one for one in fitting if one.kid == kid]
        # of two by one name nobody knows which is meant
        return fitting[0].key if len(fitting) == 1 else None

    def _left_s(self) -> int:
        return max(1, round(self._asked_s + self._pause_s - self._clock()))

    def _may_ask(self) -> bool:
        return self._clock() - self._asked_s >= self._pause_s

    def _ask_beside(self) -> None:
        if self._asking is None and self._may_ask():
            self._begin(with_document=False)

    async def _ask(self) -> None:
        """Ask the issuer, with whoever else waits for its answer; not if it was asked just now."""
        if self._asking is None:
            if not self._may_ask():
                return
            self._begin(with_document=False)
        asking = self._asking
        assert asking is not None
        await asyncio.shield(asking)

    def _begin(self, *, with_document: bool) -> None:
        self._asked_s = self._clock()
        if with_document:
            self._document_asked_s = self._asked_s
        self._asking = asyncio.create_task(self._read(with_document=with_document))

    async def _read(self, *, with_document: bool) -> None:
        try:
            if not self._issuer.keys or with_document:
                document = await self._fetch(
                    self._issuer.issuer.rstrip("/") + "/.well-known/openid-configuration"
                )
                self._document = discovered(document, self._issuer.issuer)
            where = self._issuer.keys or str(self._document["jwks_uri"])
            self._keys = keys_in(await self._fetch(where), self._issuer.name)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            if why != self._why:
                log.warning("an issuer does not say its keys", issuer=self._issuer.name, reason=why)
            self._why = why
            self._pause_s = min(2 * self._pause_s, ASK_AGAIN_MAX_S)
        else:
            self._why, self._read_s, self._pause_s = "", self._clock(), ASK_AGAIN_S
        finally:
            self._asking = None


def discovered(document: Any, issuer: str) -> Mapping[str, Any]:
    """Check a discovery document; raises ValueError for one of another issuer, or without keys."""
    if not isinstance(document, dict):
        raise BadIssuerAnswer("its discovery document is no JSON object")
    if document.get("issuer") != issuer:
        raise BadIssuerAnswer(
            "its discovery document is of another issuer: write `issuer` as it does"
        )
    check_address("jwks_uri of the discovery document", document.get("jwks_uri"))
    return document


def keys_in(content: Any, issuer: str) -> tuple[KnownKey, ...]:
    """Read the usable keys of a key set; raises ValueError where it is none.

    One that can't be used is passed over, and named in the log: others may go on.
    """
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise BadIssuerAnswer("its key set has no list of keys")
    if len(listed) > KEYS_MAX:
        raise BadIssuerAnswer(f"its key set has {len(listed)} keys: more than {KEYS_MAX}")
    found = []
    for number, one in enumerate(listed):
        try:
            key = usable_key(one)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("a key is passed over", issuer=issuer, number=number, reason=str(error))
        else:
            if key is not None:
                found.append(key)
    return tuple(found)


def usable_key(listed: Any) -> KnownKey | None:
    """Read one key; None for one of another use. Raises ValueError for a weak or broken one.

    Nothing but the public numbers is read: a key that is a shared secret, or the private half of
    one, would be in the wrong place.
    """
    if not isinstance(listed, dict):
        raise BadIssuerAnswer("it is no JSON object")
    uses = listed.get("key_ops", ["verify"])
    if listed.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        return None
    kid, alg = listed.get("kid", ""), listed.get("alg", "")
    if not isinstance(kid, str) or not isinstance(alg, str):
        raise BadIssuerAnswer("kid or alg is no text")
    match listed.get("kty"):
        case "RSA":
            key: IssuerPublicKey = RSAKey.import_key(_public(listed, "n", "e"))
            _check_rsa(key)
        case "EC":
            key = ECKey.import_key(_public(listed, "crv", "x", "y"))
            if key.curve_name not in CURVES.values():
                raise BadIssuerAnswer("its curve is not taken")
            assert key.public_key  # read at the first use, and may be off the curve
        case "OKP":
            key = OKPKey.import_key(_public(listed, "crv", "x"))
            if key.curve_name != "Ed25519":
                raise BadIssuerAnswer("its curve is not taken")
            assert key.public_key
        case _:
            raise BadIssuerAnswer("it is no public key of a kind that is taken (RSA, EC, OKP)")
    return KnownKey(kid, alg, key)


def _public(listed: Mapping[str, Any], *names: str) -> dict[str, str | list[str]]:
    members = {name: listed.get(name) for name in ("kty", *names)}
    if not all(isinstance(value, str) and 0 < len(value) <= 2_048 for value in members.values()):
        raise BadIssuerAnswer(f"{', '.join(names)}: one is missing or no text")
    return {name: str(value) for name, value in members.items()}


def _check_rsa(key: IssuerPublicKey) -> None:
    numbers: Any = key.public_key
    bits, exponent = numbers.key_size, numbers.public_numbers().e
    least, most = RSA_BITS
    if not least <= bits <= most:
        raise BadIssuerAnswer(f"it has {bits} bits, and {least} to {most} are taken")
    if not 3 <= exponent <= EXPONENT_MAX or exponent % 2 == 0:
        raise BadIssuerAnswer("its exponent is not taken")


async def fetch_json(
    url: str, *, body: Mapping[str, str] | None = None, auth: httpx.Auth | None = None
) -> Any:
    """Get a JSON document, or post a form for one, within bounds.

    Raises httpx.HTTPError, TimeoutError, or ValueError for an answer that is none. Messages hold
    the host alone: an address may have been given with something secret in it.
    """
    host = urlsplit(url).hostname or ""
    chunks: list[bytes] = []
    size = 0
    async with (
        asyncio.timeout(ANSWER_S),
        httpx.AsyncClient(
            verify=trusted(), trust_env=not is_loopback(host), follow_redirects=False
        ) as client,
        client.stream(
            "POST" if body is not None else "GET",
            url,
            data=body,
            auth=auth,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        ) as reply,
    ):
        # compressed, a small answer can be a large one
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise BadIssuerAnswer(f"{host} answers compressed, though it was asked not to")
        async for chunk in reply.aiter_raw():
            size += len(chunk)
            if size > ANSWER_MAX:
                raise BadIssuerAnswer(f"{host} answers with more than {ANSWER_MAX} bytes")
            chunks.append(chunk)
    if reply.status_code != 200:
        raise BadIssuerAnswer(f"{host} answers with status {reply.status_code}{_error(chunks)}")
    try:
        return orjson.loads(b"".join(chunks))
    except orjson.JSONDecodeError:
        raise BadIssuerAnswer(f"{host} answers with what is no JSON") from None


@cache
def trusted() -> ssl.SSLContext:
    """Return whom we trust (SSL_CERT_FILE names others): reading that takes longer than asking."""
    return httpx.create_ssl_context()


def _error(chunks: list[bytes]) -> str:
    """Return the error code of OAuth in an answer, which says nothing of a person."""
    with suppress(orjson.JSONDecodeError):
        told = orjson.loads(b"".join(chunks))
        code = told.get("error") if isinstance(told, dict) else None
        if isinstance(code, str) and len(code) <= 64 and code.isascii() and code.isprintable():
            return f" ({code})"
    return ""
