"""Time stamps (RFC 3161): an authority signs that it saw a digest at a time.

Request, response and token are ASN.1 in CMS signed data, which rfc3161-client (Trail of Bits) reads
and checks: signature, chain to given roots, the certificate's purpose, and its validity at the time
that the token tells. What is compared here besides is the digest, the nonce, and our own clock.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.errors import VerificationError

from replay.bounded_http import (
    ANSWER_S,
    BoundedHttp,
    NoHttpAnswer,
    UselessAnswer,
    refused,
)
from replay.witnessing.stamp_folder import STAMP_BYTES_MAX, BadStamp

QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
APART_S_MAX = 3_600
"""How far an authority's clock may be from ours when it is asked."""
ROOTS_BYTES_MAX = 10_000_000
ROOTS_MAX = 1_000
CHAIN = re.compile(r'Verify error: ?([^"]{1,200})')
MEANINGS = {404: "it is no address of an authority"}


class NoStamp(ConnectionError):
    """An authority gave no time stamp that can be kept; it is asked again at the next seal."""


@dataclass(frozen=True)
class TimeStamp:
    """What a checked token says."""

    at: datetime
    by: str
    """The authority's certificate: its subject."""


def read_roots(path: Path) -> list[x509.Certificate]:
    """Read the certificates that are believed (PEM), each once; raises BadStamp, OSError."""
    with path.open("rb") as file:
        content = file.read(ROOTS_BYTES_MAX + 1)
    try:
        found = list(dict.fromkeys(x509.load_pem_x509_certificates(content)))
    except ValueError as error:
        raise BadStamp(f"{path} holds no certificates in PEM: {error}") from None
    if len(content) > ROOTS_BYTES_MAX or len(found) > ROOTS_MAX:
        raise BadStamp(f"{path} holds more than {ROOTS_MAX} certificates")
    return found


def check_stamp(
    response: bytes, content: bytes, roots: list[x509.Certificate], nonce: int | None = None
) -> TimeStamp:
    """Check an authority's response (DER) over some bytes, without network; raises BadStamp."""
    try:
        return _checked(_decoded(response), content, roots, nonce)
    except VerificationError as error:
        raise BadStamp(f"the time stamp does not hold: {_reason(str(error))}") from None


def _reason(said: str) -> str:
    """Return what OpenSSL says of a chain, out of the stack of errors that it stands in."""
    found = CHAIN.search(said)
    return found[1] if found else said[:300]


def _decoded(response: bytes) -> TimeStampResponse:
    if len(response) > STAMP_BYTES_MAX:
        raise BadStamp(f"a time stamp has at most {STAMP_BYTES_MAX} bytes")
    try:
        return decode_timestamp_response(response)
    except ValueError as error:
        raise BadStamp(f"it is no time stamp: {error}") from None


def _checked(
    response: TimeStampResponse, content: bytes, roots: list[x509.Certificate], nonce: int | None
) -> TimeStamp:
    if response.status:
        said = "; ".join(response.status_string)[:200]
        raise BadStamp(f"the authority refused (status {response.status}): {said or 'no reason'}")
    try:
        verifier = VerifierBuilder(roots=roots, nonce=nonce).build()
        verifier.verify_message(response, content)
        told = response.tst_info
        by = next(
            (
                certificate.subject.rfc4514_string()
                for certificate in map(
                    x509.load_der_x509_certificate, response.signed_data.certificates
                )
                for signer in response.signed_data.signer_infos
                if (certificate.issuer, certificate.serial_number)
                == (signer.issuer, signer.serial_number)
            ),
            "",
        )
    except ValueError as error:
        raise BadStamp(f"the time stamp can't be read: {error}") from None
    return TimeStamp(told.gen_time, by)


@dataclass(frozen=True)
class TimeStampAuthority:
    """An authority, where it is asked, and by which roots it is believed."""

    url: str
    roots: list[x509.Certificate]
    answer_s: float = ANSWER_S

    def stamp(self, content: bytes, now: Callable[[], datetime]) -> tuple[bytes, TimeStamp]:
        """Have some bytes stamped; returns the response as it is kept. Raises NoStamp.

        The authority is told their SHA-256 alone.
        """
        asked = (
            TimestampRequestBuilder(data=content, hash_algorithm=HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        try:
            response = asyncio.run(self._ask(asked.as_bytes()))
            told = check_stamp(response, content, self.roots, asked.nonce)
        except (NoHttpAnswer, UselessAnswer, BadStamp) as error:
            raise NoStamp(str(error)) from None
        apart_s = abs((told.at - now()).total_seconds())
        if apart_s > APART_S_MAX:
            raise NoStamp(
                f"it says that it is {told.at.isoformat()}, which is {apart_s:.0f} s from this "
                "machine's clock: one of them is wrong"
            )
        return response, told

    async def _ask(self, asked: bytes) -> bytes:
        async with BoundedHttp(self.answer_s) as http:
            headers = {"Content-Type": QUERY_TYPE, "Accept": REPLY_TYPE}
            status, body = await http.ask("POST", self.url, asked, headers)
        if status != 200:
            raise UselessAnswer(refused(status, body, MEANINGS))
        return body


def authority_at(url: str, roots: list[x509.Certificate]) -> TimeStampAuthority:
    """Name an authority by its address; raises BadStamp for what is none, or without roots."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    if not plain:
        raise BadStamp(f"{url[:200]!r} is no address of an authority: https://HOST/PATH")
    if not roots:
        raise BadStamp("an authority is believed by its roots: name them (--timestamp-roots)")
    return TimeStampAuthority(url, roots)
