"""A tree of ten million leaves: how large it is, and what proofs out of it cost.

The records are not made: a leaf is the hash of its offset. Those that are proved are records like
any others. Everything else is what `playhead audit seal` writes and what a receipt is made by: the
tree, its tiles, a signed checkpoint.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.answers.figures import Figure
from bench.replays.seal_cost import PLACE, SealPlan, records_of
from bench.replays.verified_once import resident_mib
from replay.log import Stored
from replay.seal.checkpoint import Checkpoint, origin_of
from replay.seal.leaves import leaf_of
from replay.seal.merkle import check_consistency, consistency_proof, leaf_hash
from replay.seal.note import Signer
from replay.seal.proving import proved, signed_for
from replay.seal.receipt import check_receipt
from replay.seal.seal_folder import SealFolder
from replay.seal.tiles import Tiles, TileWriter

HASH_BYTES = 32
LOOK_LEAVES = 50_000
"""Between looks at the memory."""


@dataclass(frozen=True)
class TreePlan:
    """How large the tree is, and how much of it is proved."""

    leaves: int = 10_000_000
    proofs: int = 200
    value_bytes: int = 1_000
    """Of the records that are proved."""


@dataclass(frozen=True)
class TreeCost:
    """What growing a tree and proving by it took."""

    plan: TreePlan
    grown_s: float
    """Seconds of CPU for all leaves, their hashes included."""
    hashed_s: float
    """The same for the hashes of the leaves alone."""
    grown_mib: float
    """By how much the resident memory of this process grew meanwhile, at most."""
    proof_s: float
    """Seconds of CPU for one proof, checkpoint and tiles read anew each time."""
    proof_max_s: float
    checked_s: float
    proof_bytes: int
    """Of the largest receipt, but for the record in it."""
    consistency_s: float
    """Seconds of CPU for proving and checking that half of the tree is its beginning."""
    consistency_bytes: int

    def figures(self) -> list[Figure]:
        """Set each beside its baseline."""
        count, levels = self.plan.leaves, (self.plan.leaves - 1).bit_length()
        all_hashes = count * HASH_BYTES
        return [
            Figure(
                "growing a tree, in a CPU second",
                count / (self.grown_s - self.hashed_s),
                "leaves",
                count / self.hashed_s,
                "hashing the leaves alone",
            ),
            Figure(
                f"memory for {count:,} leaves",
                self.grown_mib,
                "MiB",
                all_hashes / 2**20,
                "their hashes",
            ),
            Figure(
                f"a proof in {count:,} leaves",
                1_000 * self.proof_s,
                "CPU ms",
                1_000 * self.grown_s,
                "without tiles: growing the tree again",
            ),
            Figure("the slowest", 1_000 * self.proof_max_s, "CPU ms", 1_000 * self.proof_s, "mean"),
            Figure("checking it", 1_000 * self.checked_s, "CPU ms", 1_000 * self.proof_s, "making"),
            Figure(
                "such a proof with its checkpoint",
                self.proof_bytes,
                "bytes",
                HASH_BYTES * levels,
                f"{levels} hashes alone",
            ),
            Figure(
                "that half of it is its beginning",
                1_000 * self.consistency_s,
                "CPU ms",
                self.consistency_bytes / HASH_BYTES,
                "hashes of it",
            ),
        ]


def tree_cost(plan: TreePlan, say: Callable[[str], None]) -> TreeCost:
    """Grow a tree of so many leaves, sign it, and prove some of them by it."""
    asked = random.Random(3).sample(range(plan.leaves), plan.proofs)  # noqa: S311 - no secret
    made = SealPlan(value_bytes=plan.value_bytes)
    stored = {at: next(records_of(made, at, at + 1)) for at in asked}
    real = {at: leaf_hash(leaf_of(one)) for at, one in stored.items()}
    say(f"growing a tree of {plan.leaves:,} leaves")
    began = time.process_time()
    for at in range(plan.leaves):
        _leaf(at, real)
    hashed_s = time.process_time() - began
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as place:
        folder, signer = SealFolder(Path(place)), Signer.new("playhead-bench")
        began = time.process_time()
        half, grown_mib = _grown(plan, real, folder, signer)
        grown_s = time.process_time() - began
        say(f"proving {plan.proofs} of them")
        proofs, checks, sizes = _proved(stored, folder)
        began = time.process_time()
        size = _check_half(folder, half)
        consistency_s = time.process_time() - began
    return TreeCost(
        plan,
        grown_s,
        hashed_s,
        grown_mib,
        sum(proofs) / len(proofs),
        max(proofs),
        sum(checks) / len(checks),
        max(sizes),
        consistency_s,
        size,
    )


def _leaf(at: int, real: Mapping[int, bytes]) -> bytes:
    return real.get(at) or hashlib.sha256(at.to_bytes(8, "big")).digest()


def _grown(
    plan: TreePlan, real: Mapping[int, bytes], folder: SealFolder, signer: Signer
) -> tuple[Checkpoint, float]:
    """Grow and sign the tree; returns its first half's checkpoint, and MiB of memory taken."""
    folder.add_key(signer.verifier)
    tree = folder.tree(*PLACE)
    writer, origin = TileWriter(tree.folder), origin_of(signer.verifier.name, *PLACE)
    half, before, most = None, resident_mib(), 0.0
    for at in range(plan.leaves):
        if at == plan.leaves // 2:
            half = Checkpoint(origin, at, writer.frontier.root, 0, at)
        if at % LOOK_LEAVES == 0:
            most = max(most, resident_mib() - before)
        writer.append(_leaf(at, real))
    writer.save()
    tree.keep(Checkpoint(origin, writer.size, writer.frontier.root, 0, writer.size).signed(signer))
    assert half is not None
    return half, most


def _proved(
    stored: Mapping[int, Stored], folder: SealFolder
) -> tuple[list[float], list[float], list[int]]:
    """Prove records and check what comes; returns seconds of CPU of both, and bytes."""
    proofs, checks, sizes = [], [], []
    for at, one in stored.items():
        began = time.process_time()
        keys = folder.keys()
        receipt = proved(one, folder, signed_for(folder, (*PLACE, at), keys), keys)
        proofs.append(time.process_time() - began)
        began = time.process_time()
        check_receipt(receipt, keys)
        checks.append(time.process_time() - began)
        sizes.append(len(msgspec.json.encode(replace(receipt, leaf=""))))
    return proofs, checks, sizes


def _check_half(folder: SealFolder, half: Checkpoint) -> int:
    """Prove that the half is the beginning of the whole, and check it; returns bytes."""
    tree = folder.tree(*PLACE)
    whole, _ = signed_for(folder, (*PLACE, half.size), folder.keys())
    proof = consistency_proof(Tiles(tree.folder, whole.size), half.size, whole.size)
    check_consistency(half.size, whole.size, proof, half.root, whole.root)
    return sum(map(len, proof))
