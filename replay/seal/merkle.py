"""Merkle trees as in RFC 6962, section 2.1: what transparency logs and their tools compute.

    leaf   SHA-256(0x00 || data)                 node   SHA-256(0x01 || left || right)

A tree of n leaves is split at the largest power of two below n, so a part that is full never
changes again. A `Frontier` keeps the roots of the full parts, at most one a power of two, and that
is all that appending needs. Proofs need more hashes: any `HashReader`, as `tiles` is one.

An inner hash is named by its level and its index there; (level, index) covers the leaves
[index * 2^level, (index + 1) * 2^level), and is stored only once these are all there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

HASH_BYTES = 32
EMPTY = hashlib.sha256().digest()
"""Root of a tree without leaves."""


class HashReader(Protocol):
    """Where the hashes of full parts are read."""

    def hash_at(self, level: int, index: int) -> bytes:
        """Return one; raises LookupError where it is not stored."""


class BadProof(ValueError):
    """A proof that does not prove what it should; the message says where it breaks."""


def leaf_hash(data: bytes) -> bytes:
    """Hash the data of a leaf."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours of a level."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """The roots of the full parts of a growing tree, the largest one first."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Go on with a tree of `size` leaves; raises ValueError where these hashes are not its."""
        self.size = size
        self.hashes = list(hashes)
        if size < 0 or len(self.hashes) != size.bit_count():
            raise ValueError(
                f"a tree of {size} leaves has {max(size, 0).bit_count()} full parts, "
                f"not {len(self.hashes)}"
            )
        if any(len(part) != HASH_BYTES for part in self.hashes):
            raise ValueError(f"a hash has {HASH_BYTES} bytes")

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add the hash of a leaf; returns level, index and hash of each part that became full."""
        full = [(0, self.size, leaf)]
        level, index = 0, self.size
        while index & 1:
            leaf = node_hash(self.hashes.pop(), leaf)
            level, index = level + 1, index >> 1
            full.append((level, index, leaf))
        self.hashes.append(leaf)
        self.size += 1
        return full

    @property
    def root(self) -> bytes:
        """The root of the whole tree."""
        return _folded(self.hashes)


def _folded(parts: Sequence[bytes]) -> bytes:
    """Return the root over full parts, the largest first: the smaller ones are joined first."""
    if not parts:
        return EMPTY
    root = parts[-1]
    for part in reversed(parts[:-1]):
        root = node_hash(part, root)
    return root


def _parts(start: int, end: int) -> list[tuple[int, int]]:
    """Split leaves [start, end) of a subtree into full parts, the largest first."""
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append((level, start >> level))
        start += 1 << level
    return parts


def subtree_root(reader: HashReader, start: int, end: int) -> bytes:
    """Return the root over leaves [start, end), one of the subtrees of RFC 6962."""
    return _folded([reader.hash_at(level, index) for level, index in _parts(start, end)])


def _split(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(reader: HashReader, index: int, size: int) -> list[bytes]:
    """Prove that a leaf is in the tree of the first `size` leaves; hashes from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, beside = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            beside.append((middle, end))
            end = middle
        else:
            beside.append((start, middle))
            start = middle
    return [subtree_root(reader, *part) for part in reversed(beside)]


def consistency_proof(reader: HashReader, old: int, size: int) -> list[bytes]:
    """Prove that the tree of the first `old` leaves is the beginning of the one of `size`."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves has no beginning of {old}")
    if old in (0, size):
        return []
    start, end, beside, whole = 0, size, [], True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            beside.append((middle, end))
            end = middle
        else:
            beside.append((start, middle))
            start, whole = middle, False
    proof = [] if whole else [subtree_root(reader, start, end)]
    return proof + [subtree_root(reader, *part) for part in reversed(beside)]


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check such a proof for the hash of a leaf; raises BadProof. RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        raise BadProof(f"a tree of {size} leaves has no leaf {index}")
    computed = leaf
    for step, stands_left in _climbed(index, size - 1, _hashes(proof)):
        computed = node_hash(step, computed) if stands_left else node_hash(computed, step)
    if computed != root:
        raise BadProof("the proof leads to another root: the leaf is not in this tree there")


def check_consistency(
    old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    """Check such a proof for two roots; raises BadProof. RFC 9162, section 2.1.4.2."""
    if not 0 <= old <= size:
        raise BadProof(f"a tree of {size} leaves has no beginning of {old}")
    if old in (0, size):
        if proof:
            raise BadProof("nothing has to be proved, and yet there is a proof")
        if old_root != (EMPTY if old == 0 else root):
            raise BadProof("trees of one size have two roots")
        return
    steps = list(_hashes(proof))
    if old & (old - 1) == 0:  # a full part: its root is known
        steps.insert(0, old_root)
    if not steps:
        raise BadProof("the proof is empty")
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = steps[0]
    for step, stands_left in _climbed(node, last, steps[1:]):
        if stands_left:
            before, after = node_hash(step, before), node_hash(step, after)
        else:
            after = node_hash(after, step)
    if before != old_root:
        raise BadProof("the older tree is another one: what was signed is not in this log any more")
    if after != root:
        raise BadProof("the proof leads to another root: the newer tree does not go on from here")


def _climbed(node: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Climb from a node to the root; yields each hash beside, and whether it stands to the left.

    `last` is the last node of the same level. Raises BadProof where the hashes are too many or few.
    """
    for step in proof:
        if last == 0:
            raise BadProof("the proof goes on above the root")
        stands_left = bool(node & 1) or node == last
        if stands_left:
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        yield step, stands_left
        node, last = node >> 1, last >> 1
    if last:
        raise BadProof("the proof ends below the root")


def _hashes(proof: Sequence[bytes]) -> Sequence[bytes]:
    if any(len(step) != HASH_BYTES for step in proof):
        raise BadProof(f"a hash of the proof has not {HASH_BYTES} bytes")
    return proof
