"""Producer signatures: a header by which a record says who wrote it, and proves it.

    producer: v1 KEY TIME NONCE SIGNATURE

KEY names a producer's key, TIME is when it was signed (µs since the Unix epoch), NONCE 32 hex
digits of chance, SIGNATURE Ed25519 (RFC 8032) in base64url without padding, over `signed_bytes`:
topic, Kafka key, SHA-256 of the value, tenant, time and nonce, each in a line of its own. So a
signature holds for one record of one tenant on one topic under one key, and nowhere else.

Why it is so: the key is asymmetric, so those who check hold nothing with which they could sign.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from streams.log.clock import now_us
from streams.log.credential_files import secret_of
from streams.settings import BadSetting, Settings
from streams.topics import REQUESTS
from streams.variables import variable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRODUCER = "producer"
"""Name of the header."""
_FORM = re.compile(
    rb"v1 (?P<key>[A-Za-z0-9-]{1,64}) (?P<at>[0-9]{1,18}) (?P<nonce>[0-9a-f]{32}) "
    rb"(?P<signature>[A-Za-z0-9_-]{86})"
)
SEED_BYTES = 32
SIGNED = frozenset(topic.name for topic in REQUESTS)
"""Topics whose records whoever has a key signs."""
NO_KEY = (
    "requests must be signed, and this process has no key to sign with: an operator must set "
    "PLAYHEAD_PRODUCER_KEY_FILE and start it again"
)


class ProducerSignature(NamedTuple):
    """What a header says, unchecked."""

    key: str
    at_us: int
    nonce: str
    signature: bytes


class SignedRecord(NamedTuple):
    """What a signature is over."""

    topic: str
    key: bytes
    value: bytes
    tenant: str


def signed_bytes(record: SignedRecord, at_us: int, nonce: str) -> bytes:
    """Return what is signed of a record."""
    lines = (
        "playhead producer v1",
        record.topic,
        record.key.hex(),
        hashlib.sha256(record.value).hexdigest(),
        record.tenant.encode("utf-8", "surrogatepass").hex(),
        str(at_us),
        nonce,
    )
    return "\n".join(lines).encode()


def signature_in(headers: Iterable[tuple[str, bytes]]) -> ProducerSignature | None:
    """Read the signature among headers; None where there is none, or none of this form alone."""
    told = [value for name, value in headers if name == PRODUCER]
    form = _FORM.fullmatch(told[0]) if len(told) == 1 else None
    if form is None:
        return None
    return ProducerSignature(
        form["key"].decode(),
        int(form["at"]),
        form["nonce"].decode(),
        base64.urlsafe_b64decode(form["signature"] + b"=="),
    )


class ProducerSigner:
    """Signs records with one key; safe to use from several threads."""

    def __init__(self, key: str, private_key: Ed25519PrivateKey) -> None:
        """`key` is the name by which those who check know it."""
        self.key = key
        self._private_key = private_key

    @classmethod
    def of_secret(cls, secret: str) -> ProducerSigner:
        """Read what `playhead producers create` printed; raises ValueError for anything else."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key, _, seed = secret.strip().partition(":")
        try:
            private = base64.urlsafe_b64decode(seed.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            private = b""
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", key) or len(private) != SEED_BYTES:
            raise ValueError("this is no key of a producer, as `playhead producers create` prints")
        return cls(key, Ed25519PrivateKey.from_private_bytes(private))

    def header(
        self, record: SignedRecord, at_us: int | None = None, nonce: str | None = None
    ) -> tuple[str, bytes]:
        """Return the header that proves who wrote a record."""
        at_us = now_us() if at_us is None else at_us
        nonce = nonce or secrets.token_hex(16)
        signature = self._private_key.sign(signed_bytes(record, at_us, nonce))
        text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        return PRODUCER, f"v1 {self.key} {at_us} {nonce} {text}".encode()


def proof_of(signer: ProducerSigner | None, record: SignedRecord) -> tuple[tuple[str, bytes], ...]:
    """Return the headers that prove who wrote a record; none without a key, or on other topics."""
    return (signer.header(record),) if signer is not None and record.topic in SIGNED else ()


def signer_of(settings: Settings) -> ProducerSigner | None:
    """Return who signs what this process writes; None where no key is set. Raises BadSetting."""
    if not settings.producer_key_file:
        return None
    try:
        return ProducerSigner.of_secret(secret_of(settings, "producer_key_file"))
    except ValueError as error:
        if isinstance(error, BadSetting):
            raise
        raise BadSetting(f"{variable('producer_key_file')}: {error}") from None
