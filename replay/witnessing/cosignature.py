"""Cosignatures (C2SP tlog-cosignature): a witness says when it saw a tree that none was gone of.

    — NAME BASE64(4 bytes that tell the key || 8 bytes: seconds since the epoch || signature)

A line of a signed note like the log's own, so whatever reads notes reads cosigned checkpoints.
Ed25519 (kind 0x04) signs time and text; ML-DSA-44 (kind 0x06), which a quantum computer does not
break, signs name, time, origin, size and root. Which kind is used is the witness's choice.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from replay.seal.checkpoint import tree_of
from replay.seal.note import (
    DASH,
    PRIVATE,
    BadNote,
    VerifierKey,
    a_name,
    fields,
    parts_of,
    signature_in,
)

COSIGNATURE_ED25519 = b"\4"
COSIGNATURE_MLDSA44 = b"\6"
SEED_BYTES = 32
TIME = struct.Struct(">Q")
TIME_MAX = 2**63 - 1
SUBTREE = b"subtree/v1\n\0"
NAME_BYTES_MAX = 255


@dataclass(frozen=True)
class WitnessKey(VerifierKey):
    """A witness's name with its public key, of Ed25519."""

    KIND: ClassVar[bytes] = COSIGNATURE_ED25519

    def holds(self, text: str, signature: bytes) -> bool:
        """Tell whether a timestamped signature is this key's over a checkpoint's text."""
        at_s = time_of(signature)
        return at_s is not None and super().holds(_dated(text, at_s), signature[TIME.size :])


@dataclass(frozen=True)
class MldsaWitnessKey(VerifierKey):
    """A witness's name with its public key, of ML-DSA-44 (FIPS 204)."""

    KIND: ClassVar[bytes] = COSIGNATURE_MLDSA44
    BYTES: ClassVar[int] = 1_312

    def holds(self, text: str, signature: bytes) -> bool:
        """Tell whether a timestamped signature is this key's over a checkpoint's tree."""
        at_s = time_of(signature)
        if at_s is None:
            return False
        try:
            message = _tree_message(self.name, text, at_s)
            public = MLDSA44PublicKey.from_public_bytes(self.key)
            public.verify(signature[TIME.size :], message)
        except (InvalidSignature, ValueError, UnsupportedAlgorithm):
            return False
        return True


KINDS: dict[bytes, type[VerifierKey]] = {
    COSIGNATURE_ED25519: WitnessKey,
    COSIGNATURE_MLDSA44: MldsaWitnessKey,
}


def witness_key(spelt: str) -> VerifierKey:
    """Read the key of a witness as it publishes it (vkey); raises BadNote."""
    encoded = spelt.strip().partition("+")[2].partition("+")[2]
    try:
        kind = base64.b64decode(encoded[:4], validate=True)[:1]
    except ValueError:
        kind = b""
    if kind not in KINDS:
        raise BadNote(
            f"{spelt[:100]!r} is no key of a witness, which is of kind 04 (Ed25519) or 06 "
            "(ML-DSA-44), NAME+ID+BASE64"
        )
    return KINDS[kind].read(spelt)


@dataclass(frozen=True)
class Cosignature:
    """That a witness signed a checkpoint, and when it says it did."""

    by: VerifierKey
    at_s: int
    """Seconds since the Unix epoch."""
    line: str


def cosignatures(note: str, known: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return the newest cosignature of each known witness that has signed a checkpoint.

    Raises BadNote for what is no note, or where a known witness's signature does not hold.
    """
    text, lines = parts_of(note)
    verifiers = {(one.name, one.key_id): one for one in known}
    found: dict[VerifierKey, Cosignature] = {}
    for line in lines:
        name, key_id, signature = signature_in(line)
        verifier = verifiers.get((name, key_id))
        if verifier is None:
            continue
        at_s = time_of(signature)
        if at_s is None or not verifier.holds(text, signature):
            raise BadNote(f"the cosignature of {name} does not hold")
        before = found.get(verifier)
        if before is None or at_s > before.at_s:
            found[verifier] = Cosignature(verifier, at_s, f"{line}\n")
    return list(found.values())


def without_broken(note: str, known: Iterable[VerifierKey]) -> str:
    """Return a note without what should be a known witness's signature and is not; raises BadNote.

    So what became of a file keeps nobody from signing anew.
    """
    text, lines = parts_of(note)
    verifiers = {(one.name, one.key_id): one for one in known}
    kept = []
    for line in lines:
        name, key_id, signature = signature_in(line)
        verifier = verifiers.get((name, key_id))
        if verifier is None or verifier.holds(text, signature):
            kept.append(line)
    return f"{text}\n" + "".join(f"{line}\n" for line in kept)


def cosigned(note: str, lines: Iterable[str]) -> str:
    """Return a note with further lines of signatures, each once; raises BadNote for another line.

    An empty line would make a text of the signatures before it.
    """
    text, there = parts_of(note)
    for line in lines:
        if not line.startswith(DASH) or line.find("\n") != len(line) - 1:
            raise BadNote("it is no line of a signature")
        if line[:-1] not in there:
            there.append(line[:-1])
    return f"{text}\n" + "".join(f"{line}\n" for line in there)


def time_of(signature: bytes) -> int | None:
    """Return when a timestamped signature says it was made; None where it says nothing usable."""
    if len(signature) <= TIME.size:
        return None
    at_s = int(TIME.unpack_from(signature)[0])
    return at_s if 0 < at_s <= TIME_MAX else None


class Cosigner:
    """A witness's name with its private key."""

    def __init__(self, name: str, key: Ed25519PrivateKey | MLDSA44PrivateKey) -> None:
        self._key = key
        kind = WitnessKey if isinstance(key, Ed25519PrivateKey) else MldsaWitnessKey
        self.verifier: VerifierKey = kind(a_name(name), key.public_key().public_bytes_raw())
        if len(name.encode()) > NAME_BYTES_MAX:
            raise BadNote(f"the name of a witness has at most {NAME_BYTES_MAX} bytes")

    @classmethod
    def new(cls, name: str, kind: bytes = COSIGNATURE_ED25519) -> Cosigner:
        """Make a key."""
        of_kind = Ed25519PrivateKey if kind == COSIGNATURE_ED25519 else MLDSA44PrivateKey
        return cls(name, of_kind.generate())

    @classmethod
    def read(cls, text: str) -> Cosigner:
        """Read a private key as `secret` spells it; raises BadNote that holds nothing of it."""
        for kind in KINDS:
            try:
                name, key_id, seed = fields(
                    text.removeprefix(PRIVATE), f"{PRIVATE}NAME+ID+KEY", kind, SEED_BYTES
                )
            except BadNote:
                continue
            made = cls(
                name,
                Ed25519PrivateKey.from_private_bytes(seed)
                if kind == COSIGNATURE_ED25519
                else MLDSA44PrivateKey.from_seed_bytes(seed),
            )
            if made.verifier.key_id.hex() == key_id:
                return made
        raise BadNote(f"it is no private key of a witness, {PRIVATE}NAME+ID+KEY")

    def secret(self) -> str:
        """Spell the private key."""
        verifier = self.verifier
        spelt = base64.b64encode(verifier.KIND + self._key.private_bytes_raw()).decode()
        return f"{PRIVATE}{verifier.name}+{verifier.key_id.hex()}+{spelt}"

    def line(self, text: str, at_s: int) -> str:
        """Return the line of a note that holds this cosignature; raises BadNote for no tree."""
        verifier = self.verifier
        message = (
            _dated(text, at_s).encode()
            if verifier.KIND == COSIGNATURE_ED25519
            else _tree_message(verifier.name, text, at_s)
        )
        signed = verifier.key_id + TIME.pack(at_s) + self._key.sign(message)
        return f"{DASH}{verifier.name} {base64.b64encode(signed).decode()}\n"


def _dated(text: str, at_s: int) -> str:
    return f"cosignature/v1\ntime {at_s}\n{text}"


def _tree_message(name: str, text: str, at_s: int) -> bytes:
    """Return what ML-DSA-44 signs, the specification's `cosigned_message`; raises BadNote."""
    origin, size, root, _ = tree_of(text)
    named = origin.encode()
    if len(named) > NAME_BYTES_MAX:
        raise BadNote(f"the origin of a checkpoint has at most {NAME_BYTES_MAX} bytes")
    return b"".join(
        (
            SUBTREE,
            _short(name.encode()),
            TIME.pack(at_s),
            _short(named),
            TIME.pack(0),
            TIME.pack(size),
            root,
        )
    )


def _short(content: bytes) -> bytes:
    return bytes([len(content)]) + content
