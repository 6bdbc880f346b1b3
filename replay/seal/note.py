"""Signed notes (C2SP signed-note): a text and the signatures under it, for people and programs.

    the text, which ends with a line break
    (an empty line)
    — NAME BASE64(4 bytes that tell the key || signature)

Ed25519 keys are written NAME+HEX(key id)+BASE64(0x01 || key). So golang.org/x/mod/sumdb/note reads
what is written here, and the other way round. Keys of other kinds have another first byte, and are
classes below `VerifierKey` (`replay.witnessing.cosignature`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\1"
KEY_BYTES = 32
ID_BYTES = 4
DASH = "\N{EM DASH} "
NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
PRIVATE = "PRIVATE+KEY+"


class BadNote(ValueError):
    """A note or a key that is none, or a signature that does not hold; the message says which."""


@dataclass(frozen=True)
class VerifierKey:
    """A name with its public key."""

    KIND: ClassVar[bytes] = ED25519
    BYTES: ClassVar[int] = KEY_BYTES

    name: str
    key: bytes
    """Of so many BYTES."""

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell this key from others of the name."""
        named = self.name.encode() + b"\n" + self.KIND + self.key
        return hashlib.sha256(named).digest()[:ID_BYTES]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a key as it is published; raises BadNote, for one of another kind, too."""
        name, key_id, key = fields(text, "NAME+ID+KEY", cls.KIND, cls.BYTES)
        verifier = cls(a_name(name), key)
        if verifier.key_id.hex() != key_id:
            raise BadNote(f"the key of {name} is not the one that its id {key_id} tells of")
        return verifier

    def __str__(self) -> str:
        """Spell it as it is published."""
        spelt = base64.b64encode(self.KIND + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{spelt}"

    def holds(self, text: str, signature: bytes) -> bool:
        """Tell whether a signature is this key's over a text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A name with its private key."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = VerifierKey(a_name(name), _raw(key.public_key()))

    @classmethod
    def new(cls, name: str) -> Signer:
        """Make a key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> Signer:
        """Read a private key as `secret` spells it; raises BadNote that holds nothing of it."""
        if not text.startswith(PRIVATE):
            raise BadNote(f"a private key begins with {PRIVATE}")
        name, key_id, seed = fields(
            text.removeprefix(PRIVATE), f"{PRIVATE}NAME+ID+KEY", ED25519, KEY_BYTES
        )
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        if signer.verifier.key_id.hex() != key_id:
            raise BadNote(f"the private key of {name} is not the one that its id tells of")
        return signer

    def secret(self) -> str:
        """Spell the private key."""
        seed = self._key.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        spelt = base64.b64encode(ED25519 + seed).decode()
        return f"{PRIVATE}{self.verifier.name}+{self.verifier.key_id.hex()}+{spelt}"

    def sign(self, text: str) -> str:
        """Return a text as a note with this key's signature."""
        if not _is_text(text):
            raise BadNote("a note ends with a line break and holds no other control characters")
        return f"{text}\n{self.line(text)}"

    def line(self, text: str) -> str:
        """Return the line of a note that holds this key's signature over its text."""
        signed = self.verifier.key_id + self._key.sign(text.encode())
        return f"{DASH}{self.verifier.name} {base64.b64encode(signed).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A text that a known key has signed."""

    text: str
    by: tuple[VerifierKey, ...]
    """Known keys whose signatures hold."""


def opened(note: str, known: Iterable[VerifierKey]) -> Note:
    """Check a note against known keys.

    Signatures of others are passed over. Raises BadNote where it is no note, where a known key's
    signature does not hold, or none is a known key's.
    """
    text, lines = parts_of(note)
    verifiers = {(one.name, one.key_id): one for one in known}
    by: list[VerifierKey] = []
    for line in lines:
        name, key_id, signature = signature_in(line)
        verifier = verifiers.get((name, key_id))
        if verifier is None or verifier in by:
            continue
        if not verifier.holds(text, signature):
            raise BadNote(f"the signature of {name} does not hold: the text was changed")
        by.append(verifier)
    if not by:
        names = ", ".join(sorted({name for name, _ in verifiers})) or "nobody"
        raise BadNote(f"no signature is by a key that is known here ({names})")
    return Note(text, tuple(by))


def parts_of(note: str) -> tuple[str, list[str]]:
    """Split a note into its text and its lines of signatures; raises BadNote."""
    if len(note) > NOTE_BYTES_MAX:
        raise BadNote(f"a note has at most {NOTE_BYTES_MAX} bytes")
    head, parted, tail = note.rpartition("\n\n")
    text = head + "\n"
    lines = tail.split("\n")
    if not parted or lines.pop() or not lines or not _is_text(note):
        raise BadNote("it is no signed note: text, an empty line, lines that begin with a dash")
    if len(lines) > SIGNATURES_MAX:
        raise BadNote(f"a note has at most {SIGNATURES_MAX} signatures")
    return text, lines


def signature_in(line: str) -> tuple[str, bytes, bytes]:
    """Read a line of a note: name, key id and signature; raises BadNote."""
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    signed = _decoded(encoded)
    if not line.startswith(DASH) or signed is None or len(signed) <= ID_BYTES:
        raise BadNote("a signature is spelt: dash, name, base64")
    return a_name(name), signed[:ID_BYTES], signed[ID_BYTES:]


def fields(text: str, form: str, kind: bytes, size: int) -> tuple[str, str, bytes]:
    """Read a key's spelling: name, id, and the key behind the byte of its kind; raises BadNote."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _decoded(encoded)
    if key is None or len(key) != 1 + size or key[:1] != kind:
        raise BadNote(f"a key of kind {kind.hex()} (01 is Ed25519) is spelt {form}")
    return name, key_id, key[1:]


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def a_name(name: str) -> str:
    """Return the name of a key; raises BadNote for one that no key can have."""
    if not name or "+" in name or any(sign.isspace() for sign in name):
        raise BadNote("the name of a key has neither blanks nor +")
    return name


def _is_text(text: str) -> bool:
    """Tell whether a text may be signed: whole characters, no controls but line breaks."""
    return text.endswith("\n") and not any(
        sign != "\n" and unicodedata.category(sign) in {"Cc", "Cs"} for sign in text
    )


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
