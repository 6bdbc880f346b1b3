"""Gathering: ask every witness about the newest checkpoints, and keep the cosignatures that hold.

It comes after the seal and never holds it up: what a witness does not cosign now it is asked about
at the next seal, with a proof from whatever it saw last. Witnesses are asked beside each other; one
that does not answer at all is left alone until then.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from replay.bounded_http import ANSWER_S
from replay.seal.checkpoint import Checkpoint
from replay.seal.merkle import consistency_proof
from replay.seal.note import BadNote, VerifierKey
from replay.seal.seal_folder import SealedTree, SealFolder, text_of
from replay.seal.sealer import SealedPartition
from replay.witnessing.cosignature import (
    Cosignature,
    cosignatures,
    cosigned,
    without_broken,
)
from replay.witnessing.witness_client import (
    WitnessAway,
    WitnessClient,
    WitnessContradicts,
    WitnessFault,
)
from replay.witnessing.witness_messages import AddCheckpoint
from replay.witnessing.witness_policy import HttpWitness, WitnessPolicy
from streams.log.offsets import Partition

WITNESS_S = 60.0
"""For all checkpoints of one pass at one witness: the next pass goes on with the rest."""
TRIES = 2
"""Of one checkpoint: the second begins at the size that the witness told."""
FAULTS_TOLD_MAX = 5
MakesClient = Callable[[HttpWitness], WitnessClient]


@dataclass(frozen=True)
class Due:
    """A newest checkpoint, as it is to be cosigned."""

    tree: SealedTree
    checkpoint: Checkpoint
    note: str

    @property
    def place(self) -> Partition:
        """Topic and partition."""
        return self.tree.topic, self.tree.partition


@dataclass
class WitnessPass:
    """What one pass led to at one witness."""

    name: str
    url: str
    cosigned: int = 0
    """Newest checkpoints that bear its cosignature now."""
    of: int = 0
    faults: list[str] = field(default_factory=list)
    """What it did not cosign, and why; the first few."""
    contradicts: bool = False
    """Whether it knows a log that this one does not go on from, or that goes further."""
    forgot: bool = False
    """Whether it says that it saw less than it cosigned."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "witness": self.name,
            "url": self.url,
            "cosigned": self.cosigned,
            "of": self.of,
            "contradicts": self.contradicts,
            "forgot": self.forgot,
            "faults": self.faults,
        }


@dataclass
class GatheredCosignatures:
    """What one pass led to at all witnesses."""

    passes: list[WitnessPass] = field(default_factory=list)
    short: list[Partition] = field(default_factory=list)
    """Partitions whose newest checkpoint too few have cosigned."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "witnesses": [one.as_json() for one in self.passes],
            "too_few_witnesses": [f"{topic}[{partition}]" for topic, partition in self.short],
        }


def gather(
    folder: SealFolder,
    done: Sequence[SealedPartition],
    policy: WitnessPolicy,
    now_s: Callable[[], int] = lambda: int(time.time()),
    answer_s: float = ANSWER_S,
) -> GatheredCosignatures:
    """Have the newest checkpoints of a pass cosigned, and keep them so; blocks a minute at most.

    Raises BadNote, and OSError, where the seal's folder can't be used; what a witness does is told
    in what is returned.
    """
    due = [
        Due(
            folder.tree(one.topic, one.partition),
            one.checkpoint,
            without_broken(one.note, policy.keys),
        )
        for one in done
        if one.checkpoint is not None and one.note
    ]
    asked = [one for one in policy.witnesses if one.url]
    results = asyncio.run(_asked_all(asked, due, lambda one: WitnessClient(one, now_s, answer_s)))
    gathered = GatheredCosignatures([told for told, _ in results])
    new: defaultdict[Partition, list[str]] = defaultdict(list)
    for _, found in results:
        for place, cosignature in found.items():
            new[place].append(cosignature.line)
    with folder.held():
        for one in due:
            note = _kept(one, new[one.place], policy.keys)
            if not policy.quorum.holds(_signers(note, policy.keys)):
                gathered.short.append(one.place)
    return gathered


def _kept(one: Due, lines: Sequence[str], keys: Sequence[VerifierKey]) -> str:
    """Keep new cosignatures with a checkpoint; returns it with all that it has.

    Those too that somebody else has kept since it was read: of two seals at once, one would drop
    what the other was given.
    """
    now = one.tree.note
    same = text_of(now) == text_of(one.note)
    note = cosigned(without_broken(now, keys) if same else one.note, lines)
    if lines:
        one.tree.keep_cosigned(note)
    return note


def _signers(note: str, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    return [one.by for one in cosignatures(note, keys)]


async def _asked_all(
    witnesses: Sequence[HttpWitness], due: Sequence[Due], client_of: MakesClient
) -> list[tuple[WitnessPass, dict[Partition, Cosignature]]]:
    return await asyncio.gather(*(_asked(one, due, client_of(one)) for one in witnesses))


async def _asked(
    witness: HttpWitness, due: Sequence[Due], asking: WitnessClient
) -> tuple[WitnessPass, dict[Partition, Cosignature]]:
    """Ask one witness about every checkpoint that it has not cosigned."""
    told = WitnessPass(witness.name, witness.url, of=len(due))
    found: dict[Partition, Cosignature] = {}
    try:
        async with asyncio.timeout(WITNESS_S), asking as client:
            for one in due:
                if _signers(one.note, [witness.key]):
                    told.cosigned += 1
                    continue
                try:
                    found[one.place] = await _cosigned_by(client, witness.key, one, told)
                    told.cosigned += 1
                except WitnessAway:
                    raise
                except WitnessFault as error:
                    told.contradicts |= isinstance(error, WitnessContradicts)
                    _note(told, f"{one.tree.topic}[{one.tree.partition}]: {error}")
    except TimeoutError:
        _note(told, f"after {WITNESS_S:g} s the rest was left for the next seal")
    except WitnessAway as error:
        _note(told, str(error))
    return told, found


async def _cosigned_by(
    client: WitnessClient, key: VerifierKey, one: Due, told: WitnessPass
) -> Cosignature:
    """Have one checkpoint cosigned, with a proof from what the witness saw; raises WitnessFault.

    One that has forgotten is told of: its cosignature holds, and what it stands for does not.
    """
    size = one.checkpoint.size
    seen = old = _seen_by(key, one)
    for _ in range(TRIES):
        if old > size:
            raise WitnessContradicts(
                f"it has seen {old} records, and {size} are sealed here: an older log stands in "
                "the place of a newer one, or somebody else seals by this log's key"
            )
        try:
            proof = consistency_proof(one.tree.tiles(size), old, size)
        except LookupError as error:
            raise WitnessFault(f"the seal can't prove a growth from {old}: {error}") from None
        answer = await client.add_checkpoint(AddCheckpoint(old, tuple(proof), one.note))
        if isinstance(answer, Cosignature):
            return answer
        old = answer.size
        if old < seen:
            told.forgot = True
            _note(
                told,
                f"{one.tree.topic}[{one.tree.partition}]: it cosigned {seen} records and says that "
                f"it saw {old}: it has lost what it saw, and would sign another history from there",
            )
    raise WitnessFault(f"it says that it saw {old} records, and refuses a proof from there")


def _seen_by(key: VerifierKey, one: Due) -> int:
    """Return the size of the tree that a witness cosigned last, as far as is known here."""
    name = key.name
    for note in one.tree.newest_cosigned():
        if f"\n\N{EM DASH} {name} " in note:
            try:
                if cosignatures(note, [key]):
                    return int(note.split("\n", 2)[1])
            except (BadNote, ValueError, IndexError):
                continue
    return 0


def _note(told: WitnessPass, fault: str) -> None:
    if len(told.faults) < FAULTS_TOLD_MAX:
        told.faults.append(fault)
