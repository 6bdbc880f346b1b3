"""What a log asks of a witness (C2SP tlog-witness, add-checkpoint), as it stands in a request.

old SIZE          of the tree that the witness saw last
BASE64(hash)      the consistency proof from there, up to 63 lines
(an empty line)
the checkpoint, a signed note
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from replay.seal.checkpoint import number_in
from replay.seal.merkle import HASH_BYTES
from replay.seal.note import BadNote

PROOF_MAX = 63
REQUEST_BYTES_MAX = 256 * 1024
"""A checkpoint with a hundred cosignatures of the larger kind has as much."""
SIZE_TYPE = "text/x.tlog.size"
NOTE_TYPE = "text/plain; charset=utf-8"
ADD_CHECKPOINT = "add-checkpoint"
OLD = "old "


@dataclass(frozen=True)
class AddCheckpoint:
    """A checkpoint with the proof that it goes on from an older one."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @property
    def is_of_the_same_size(self) -> bool:
        """Whether the checkpoint is of the tree that the witness saw last, by its size."""
        return self.note.split("\n", 2)[1:2] == [str(self.old)]

    def spelt(self) -> bytes:
        """Return the body of the request."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.proof)
        return f"{OLD}{self.old}\n{hashes}\n{self.note}".encode()

    @classmethod
    def read(cls, body: bytes) -> AddCheckpoint:
        """Read the body of a request; raises BadNote. The note itself is not looked at."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise BadNote("the request is no UTF-8") from None
        head, parted, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not parted or not first.startswith(OLD):
            raise BadNote("the request is: an old size, a proof, an empty line, a checkpoint")
        if len(lines) > PROOF_MAX:
            raise BadNote(f"a proof has at most {PROOF_MAX} lines")
        old = number_in(first.removeprefix(OLD), "old size")
        return cls(old, tuple(_hash(line) for line in lines), note)


def monitored_path(origin: str) -> str:
    """Return where a witness shows its newest checkpoint of a log, below its prefix."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def _hash(line: str) -> bytes:
    try:
        content = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != HASH_BYTES:
        raise BadNote(f"a line of the proof is base64 of {HASH_BYTES} bytes")
    return content
