"""The gate of producers: whether a record was written by one who may write for its tenant.

Where producers must sign, an input of the first steps that bears no good signature reaches no step:
it becomes a dead letter, as one that can't be read does. Live traffic, the edge and replay ask the
same way.

Why it is so: the answer depends on nothing but the record, where it lies, and a configuration that
is on the log for ever (docs/decisions/0080). From which position on signatures are asked for, and
a revoked key's are refused, stands in it as offsets, and a key's end is held against the time that
was signed. So there is no clock in it and no key store, and a verification decades later asks what
the gate asked; which configuration it was, a run records as it began (`Begun.producers`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from streams.log.codec import Undecodable
from streams.log.configuration import PRODUCERS, Configuration
from streams.log.producer_signature import (
    PRODUCER,
    ProducerSignature,
    SignedRecord,
    signature_in,
    signed_bytes,
)

EVERY_TENANT = "*"
"""The tenant of a key that signs for all: the edge's own, and an operator's."""
SIGN = "sign it with a key of its tenant (playhead producers create)"


class Unproved(Undecodable):
    """A record of which nobody proved that its tenant's producer wrote it."""

    def __init__(self, reason: str, by: str) -> None:
        """`by` is the digest of the configuration that asks for it."""
        super().__init__(f"nobody proved who wrote this record: {reason}")
        self.by = by


class WrittenAt(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class ProducerRules:
    """Who may write for which tenant, and since when that is asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._required_from: Mapping[str, Sequence[int]] = values.get("required_from") or {}
        self._keys: Mapping[str, Mapping[str, Any]] = values.get("keys") or {}

    @property
    def required(self) -> bool:
        """Whether records must be signed anywhere."""
        return bool(self._required_from)

    def asks(self, at: WrittenAt) -> bool:
        """Say whether a record that lies there must be signed."""
        return _reached(self._required_from.get(at.topic), at)

    def why_not(
        self, at: WrittenAt, record: SignedRecord, headers: Iterable[tuple[str, bytes]]
    ) -> str:
        """Say why a record is not taken for its tenant's; empty where it is, or is not asked."""
        if not self.asks(at):
            return ""
        headers = tuple(headers)
        if all(name != PRODUCER for name, _ in headers):
            return f"it bears no signature of a producer: {SIGN}"
        told = signature_in(headers)
        if told is None:
            return f"its header {PRODUCER} holds no signature of a form that is known: {SIGN}"
        key = self._keys.get(told.key)
        if key is None:
            return f"its key {told.key} is none that is known here: {SIGN}"
        return self._against(told, key, at, record)

    def _against(
        self, told: ProducerSignature, key: Mapping[str, Any], at: WrittenAt, record: SignedRecord
    ) -> str:
        if key["tenant"] not in {EVERY_TENANT, record.tenant}:
            return f"its key {told.key} signs for another tenant: {SIGN}"
        if not _is_by(key["public_key"], told, record):
            return (
                f"its signature by {told.key} is of another record: each holds for one topic, key, "
                "value and tenant, so sign this one"
            )
        revoked = key.get("revoked_from") or {}
        if revoked and (at.topic not in revoked or _reached(revoked[at.topic], at)):
            return f"its key {told.key} is revoked: {SIGN}"
        until_us = key.get("until_us")
        if until_us is not None and told.at_us > until_us:
            return f"its key {told.key} had expired when it was signed: {SIGN}"
        return ""

    def check(
        self, at: WrittenAt, record: SignedRecord, headers: Iterable[tuple[str, bytes]], by: str
    ) -> None:
        """Raise Unproved where a record is not taken for its tenant's; `by`: see there."""
        if reason := self.why_not(at, record, headers):
            raise Unproved(reason, by)


class ProducersInForce:
    """The rules in force at the moment at which they are asked for, read once for each change."""

    def __init__(self, configurations: Mapping[str, Configuration]) -> None:
        self._configurations = configurations
        self._read = "", ProducerRules({})

    def now(self) -> tuple[str, ProducerRules]:
        """Return the digest of the configuration in force, and its rules."""
        configured = self._configurations.get(PRODUCERS)
        if configured is not None and configured.digest != self._read[0]:
            self._read = configured.digest, ProducerRules(configured.values)
        return self._read


def _reached(offsets: Sequence[int] | None, at: WrittenAt) -> bool:
    """Say whether a place lies at or behind the offset of its lane; without one, all of it does."""
    if offsets is None:
        return False
    return at.partition >= len(offsets) or at.offset >= offsets[at.partition]


def _is_by(public_key: str, told: ProducerSignature, record: SignedRecord) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public_key))
        key.verify(told.signature, signed_bytes(record, told.at_us, told.nonce))
    except (InvalidSignature, ValueError):
        return False
    return True
