"""Sealing a partition of made-up records, and proving some of them by its tree."""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.answers.figures import Figure
from replay.log import Stored
from replay.seal.note import Signer
from replay.seal.proving import proved, signed_for
from replay.seal.receipt import check_receipt
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import SEALED_TOPICS, seal
from streams.log.offsets import Extent

PLACE = SEALED_TOPICS[0], 0
HEADERS = (("playhead-id", b"0" * 36), ("traceparent", b"0" * 55))
KEY = b"tenant"
TIME_MS = 1_764_000_000_000


@dataclass(frozen=True)
class SealPlan:
    """What is sealed, and how often it is proved; ten times as much is in `long_tree`."""

    records: int = 1_000_000
    value_bytes: int = 1_000
    """Of each record, about as many as records of a chat have."""
    proofs: int = 200


@dataclass(frozen=True)
class SealCost:
    """What sealing and proving took."""

    plan: SealPlan
    made_s: float
    """Seconds of CPU for making the records, which stands in all that follow."""
    hashed_s: float
    """The same with one SHA-256 over the value of each."""
    sealed_s: float
    """The same with sealing in place of that."""
    proof_s: float
    """Seconds of CPU for one proof, checkpoint and tiles read anew each time."""
    checked_s: float
    proof_bytes: int
    """Of the largest receipt, but for the record in it."""

    def figures(self) -> list[Figure]:
        """Set each beside its baseline."""
        count, levels = self.plan.records, (self.plan.records - 1).bit_length()
        hashing = f"one SHA-256 over each value of {self.plan.value_bytes:,} bytes"
        return [
            Figure(
                "sealing, in a CPU second",
                count / (self.sealed_s - self.made_s),
                "records",
                count / (self.hashed_s - self.made_s),
                hashing,
            ),
            Figure(
                f"a proof in {count:,} records",
                1_000 * self.proof_s,
                "CPU ms",
                1_000 * (self.sealed_s - self.made_s),
                "without a tree: hashing them all",
            ),
            Figure("checking it", 1_000 * self.checked_s, "CPU ms", 1_000 * self.proof_s, "making"),
            Figure(
                "a proof with its checkpoint",
                self.proof_bytes,
                "bytes",
                32 * levels,
                f"{levels} hashes alone",
            ),
        ]


def seal_cost(plan: SealPlan, say: Callable[[str], None]) -> SealCost:
    """Make the records three times: alone, hashed, sealed; then prove some of them."""
    say(f"making, hashing and sealing {plan.records:,} records")
    made_s = _cpu_s(lambda: deque(records_of(plan, 0, plan.records), maxlen=0))
    hashed_s = _cpu_s(lambda: _hash_each(records_of(plan, 0, plan.records)))
    extent = Extent(*PLACE, 0, plan.records)
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as place:
        folder, signer = SealFolder(Path(place)), Signer.new("playhead-bench")
        sealed_s = _cpu_s(
            lambda: list(
                seal({PLACE: extent}, lambda e: records_of(plan, e.begin, e.end), folder, signer)
            )
        )
        say(f"proving {plan.proofs} of them")
        receipts, asked = [], random.Random(3)  # noqa: S311 - which records, no secret
        proof_s = checked_s = 0.0
        for _ in range(plan.proofs):
            offset = asked.randrange(plan.records)
            [stored] = records_of(plan, offset, offset + 1)
            began = time.process_time()
            keys = folder.keys()
            signed = signed_for(folder, (*PLACE, offset), keys)
            receipt = proved(stored, folder, signed, keys)
            proof_s += time.process_time() - began
            began = time.process_time()
            check_receipt(receipt, keys)
            checked_s += time.process_time() - began
            receipts.append(len(msgspec.json.encode(replace(receipt, leaf=""))))
    return SealCost(
        plan, made_s, hashed_s, sealed_s, proof_s / plan.proofs, checked_s / plan.proofs,
        max(receipts),
    )  # fmt: skip


def records_of(plan: SealPlan, begin: int, end: int) -> Iterator[Stored]:
    """Make records that differ in offset, time and value."""
    rest = random.Random(2).randbytes(plan.value_bytes - 8)  # noqa: S311 - any bytes, no secret
    for offset in range(begin, end):
        value = offset.to_bytes(8, "big") + rest
        yield Stored(*PLACE, offset, TIME_MS + offset, KEY, value, HEADERS)


def _hash_each(records: Iterator[Stored]) -> None:
    for stored in records:
        hashlib.sha256(stored.value or b"").digest()


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
