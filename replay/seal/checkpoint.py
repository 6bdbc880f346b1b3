"""Checkpoints (C2SP tlog-checkpoint): which tree, how many leaves, and their root, in a note.

ORIGIN
SIZE
BASE64(root)
(lines of who signs: `first OFFSET`, the offset of the first leaf, and `next OFFSET`, the one
 behind the last; a partition may begin above 0, and compaction leaves gaps)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from replay.seal.merkle import HASH_BYTES
from replay.seal.note import BadNote, Signer, VerifierKey, opened

DIGITS_MAX = 19  # of an offset
FIRST, NEXT = "first ", "next "


def origin_of(name: str, topic: str, partition: int) -> str:
    """Name the tree of a partition: the name of whose log it is, then where it lies."""
    return f"{name}/{topic}/{partition}"


@dataclass(frozen=True)
class Checkpoint:
    """A tree at one moment."""

    origin: str
    size: int
    """Leaves."""
    root: bytes
    first: int
    """Offset of the first leaf."""
    next: int
    """Offset behind the last leaf."""

    def text(self) -> str:
        """Spell it as it is signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n{FIRST}{self.first}\n{NEXT}{self.next}\n"

    def signed(self, signer: Signer) -> str:
        """Return it as a note."""
        return signer.sign(self.text())


def read(note: str, known: Iterable[VerifierKey]) -> Checkpoint:
    """Read a signed checkpoint; raises BadNote where it is none or no known key has signed it."""
    return parsed(opened(note, known).text)


def parsed(text: str) -> Checkpoint:
    """Read the text of a checkpoint; lines that are not known are passed over. Raises BadNote."""
    origin, size, root, others = tree_of(text)
    return Checkpoint(origin, size, root, _offset(others, FIRST), _offset(others, NEXT))


def tree_of(text: str) -> tuple[str, int, bytes, list[str]]:
    """Read the checkpoint of any log: origin, size, root, and its other lines; raises BadNote."""
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or not lines[0]:
        raise BadNote("a checkpoint has three lines at least: origin, size, root")
    origin, size, spelt, *others = lines
    try:
        root = base64.b64decode(spelt, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != HASH_BYTES:
        raise BadNote("the root of a checkpoint is base64 of 32 bytes")
    return origin, number_in(size, "size of a checkpoint"), root, others


def _offset(lines: list[str], name: str) -> int:
    told = [line.removeprefix(name) for line in lines if line.startswith(name)]
    if len(told) != 1:
        raise BadNote(f"a checkpoint of a partition has one line that begins with {name.strip()}")
    return number_in(told[0], f"{name.strip()} of a checkpoint")


def number_in(digits: str, what: str) -> int:
    """Read a decimal number without leading zeros; raises BadNote."""
    plain = digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS_MAX
    if not plain or str(int(digits)) != digits:
        raise BadNote(f"the {what} is a decimal number")
    return int(digits)
