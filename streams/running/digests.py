"""Digests of requests and of the responses to local ones, as they stand in `meta.effects`.

A digest stands on the log for ever, so it says its own form:

    2   33 bytes: the number 2, then 32 bytes over the canonical form (`schemas.canonical`), which
        no compatible change of a definition changes
    1   32 bytes over the Avro encoding, by the definitions of 0.1.0, which alone wrote it

The 32 bytes are a SHA-256, or, where what is digested may be personal, an HMAC-SHA-256 under the
tenant's key for digests, since short texts can be guessed. Both forms are read; 2 is written.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from msgspec.structs import replace

from schemas import Record, Request
from schemas.canonical import VERSION_FIELDS, canonical
from schemas.released_definitions import encode_as_released

FORM = b"\2"
_SIZE = 32
_WROTE_FORM_1 = "0.1.0"


class UnknownForm(ValueError):
    """A digest in a form that this release does not have; `later` where another may have it."""

    def __init__(self, what: str, *, later: bool) -> None:
        super().__init__(what)
        self.later = later


def request_digest(request: Request[Any], digest_key: bytes) -> bytes:
    """Digest a request."""
    key = digest_key if request.PERSONAL else None
    return FORM + _digest(canonical(request), key)


def response_digest(response: Record, digest_key: bytes) -> bytes:
    """Digest the response to a local request, but for the versions that gave it."""
    return FORM + _digest(canonical(response), digest_key)


def is_digest_of_request(digest: bytes, request: Request[Any], digest_key: bytes) -> bool:
    """Say whether a digest on the log is that of a request; raises UnknownForm."""
    if digest[:1] == FORM and len(digest) == 1 + _SIZE:
        return digest == request_digest(request, digest_key)
    key = digest_key if request.PERSONAL else None
    return digest == _digest(_in_form_1(digest, request), key)


def is_digest_of_response(digest: bytes, response: Record, digest_key: bytes) -> bool:
    """Say whether a digest on the log is that of a local response; raises UnknownForm.

    In form 1 it is a digest of the versions, too, that gave the response.
    """
    if digest[:1] == FORM and len(digest) == 1 + _SIZE:
        return digest == response_digest(response, digest_key)
    return digest == _digest(_in_form_1(digest, response), digest_key)


def holds_versions(digest: bytes) -> bool:
    """Say whether the versions that gave a response are part of what its digest is of."""
    return len(digest) == _SIZE


def version_of(response: Record) -> str:
    """Return the versions that gave a response, where it tells any."""
    field = VERSION_FIELDS.get(type(response))
    return getattr(response, field) if field else ""


def with_version(response: Record, version: str) -> Record:
    """Return a response as other versions would have given it, had they given the same."""
    field = VERSION_FIELDS.get(type(response))
    return replace(response, **{field: version}) if field else response


def _in_form_1(digest: bytes, record: Record) -> bytes:
    if len(digest) == _SIZE:
        try:
            return encode_as_released(record, _WROTE_FORM_1)
        except ValueError as error:
            raise UnknownForm(f"a digest of form 1: {error}", later=False) from None
    if len(digest) == 1 + _SIZE and digest > FORM:
        raise UnknownForm(f"a digest of form {digest[0]}: a later release reads it", later=True)
    raise UnknownForm(f"a digest of {len(digest)} bytes: no release writes such", later=False)


def _digest(data: bytes, key: bytes | None) -> bytes:
    if key is None:
        return hashlib.sha256(data).digest()
    return hmac.digest(key, data, "sha256")
