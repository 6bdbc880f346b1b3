"""Which witness cosigned which checkpoint, by what was kept and by what witnesses show now."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from replay.seal.checkpoint import Checkpoint, origin_of
from replay.seal.known_checkpoints import Checkpoints
from replay.seal.note import BadNote, VerifierKey
from replay.seal.seal_folder import SealFolder, text_of
from replay.witnessing.cosignature import cosignatures
from replay.witnessing.witness_client import WitnessAway, WitnessClient, WitnessFault
from replay.witnessing.witness_policy import HttpWitness, WitnessPolicy
from streams.log.offsets import Partition

WITNESS_S = 120.0
"""For one witness to show all its checkpoints of a log."""
NOTHING = "it cosigned nothing of this log: it is another log's witness, or another log lies here"


@dataclass
class WitnessTold:
    """What one witness cosigned of a log."""

    name: str
    newest: int = 0
    """Partitions of which it cosigned the newest checkpoint that is known."""
    older: int = 0
    """Of which it cosigned an older one alone."""
    at_s: int = 0
    """When it cosigned last, as it says."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "witness": self.name,
            "newest": self.newest,
            "older": self.older,
            "at": moment(self.at_s) if self.at_s else None,
        }


@dataclass
class WitnessedTrees:
    """The cosignatures of a log's checkpoints."""

    policy: WitnessPolicy
    signers: defaultdict[str, set[VerifierKey]] = field(default_factory=lambda: defaultdict(set))
    """Who cosigned a checkpoint, by its text."""
    at_s: dict[tuple[Partition, VerifierKey], int] = field(default_factory=dict)
    """When a witness cosigned last of a partition."""
    unheard: list[str] = field(default_factory=list)
    """Witnesses that could not be asked, and why."""
    strangers: list[str] = field(default_factory=list)
    """Witnesses that answer, and keep nothing of this log."""

    def take(self, note: str, place: Partition, known: Checkpoints, by: str) -> None:
        """Take in a checkpoint; cosignatures that do not hold are told as forged ones."""
        try:
            found = cosignatures(note, self.policy.keys)
        except BadNote as error:
            known.forge(place, f"{error} ({by})")
            return
        for one in found:
            self.signers[text_of(note)].add(one.by)
            self.at_s[place, one.by] = max(self.at_s.get((place, one.by), 0), one.at_s)

    def take_folder(self, folder: SealFolder, known: Checkpoints, by: str) -> None:
        """Take in what lies with a seal."""
        for tree in folder.trees():
            for note in (*tree.cosigned(), tree.note):
                self.take(note, (tree.topic, tree.partition), known, by)

    def told(self, known: Checkpoints) -> list[WitnessTold]:
        """Return what each witness cosigned."""
        newest = newest_of(known)
        found = []
        for key in self.policy.keys:
            told = WitnessTold(key.name)
            for place, checkpoint in newest.items():
                at_s = self.at_s.get((place, key), 0)
                told.at_s = max(told.at_s, at_s)
                if key in self._signers_of(checkpoint):
                    told.newest += 1
                elif at_s:
                    told.older += 1
            found.append(told)
        return found

    def short(self, known: Checkpoints) -> list[Partition]:
        """Return the partitions whose newest checkpoint too few have cosigned."""
        return [
            place
            for place, checkpoint in sorted(newest_of(known).items())
            if not self.policy.quorum.holds(self._signers_of(checkpoint))
        ]

    def _signers_of(self, checkpoint: Checkpoint) -> set[VerifierKey]:
        return self.signers.get(text_of(f"{checkpoint.text()}\n"), set())


def newest_of(known: Checkpoints) -> dict[Partition, Checkpoint]:
    """Return the newest known checkpoint of each partition."""
    return {
        place: max((one.checkpoint for one in found), key=lambda one: (one.size, one.next))
        for place, found in known.by_place.items()
        if found
    }


def ask_witnesses(
    witnessed: WitnessedTrees, known: Checkpoints, places: Iterable[Partition]
) -> None:
    """Ask each witness that has an address what it saw last of each partition, and take it in.

    So an archive that was put in the place of a newer one is found, whatever lies beside it.
    """
    asked = [one for one in witnessed.policy.witnesses if one.url]
    origins = [
        (origin_of(name, *place), place)
        for place in sorted(places)
        for name in sorted({key.name for key in known.keys})
    ]
    results = asyncio.run(_shown_by_all(asked, origins, known.keys))
    for witness, (notes, fault) in zip(asked, results, strict=True):
        by = f"witness {witness.name}"
        for note, place in notes:
            known.take(note, place, by)
            witnessed.take(note, place, known, by)
        if fault:
            witnessed.unheard.append(f"{by}: {fault}")
        elif not notes:
            witnessed.strangers.append(f"{by}: {NOTHING}")


Shown = tuple[list[tuple[str, Partition]], str]
"""Checkpoints with their partitions, and what went wrong."""


async def _shown_by_all(
    witnesses: Sequence[HttpWitness],
    origins: Sequence[tuple[str, Partition]],
    keys: Sequence[VerifierKey],
) -> list[Shown]:
    return await asyncio.gather(*(_shown_by(one, origins, keys) for one in witnesses))


async def _shown_by(
    witness: HttpWitness, origins: Sequence[tuple[str, Partition]], keys: Sequence[VerifierKey]
) -> Shown:
    notes: list[tuple[str, Partition]] = []
    fault = ""
    try:
        async with (
            asyncio.timeout(WITNESS_S),
            WitnessClient(witness, lambda: int(time.time())) as client,
        ):
            for origin, place in origins:
                try:
                    note = await client.latest(origin, keys)
                except WitnessAway:
                    raise
                except WitnessFault as error:
                    fault = fault or f"{place[0]}[{place[1]}]: {error}"
                    continue
                if note is not None:
                    notes.append((note, place))
    except TimeoutError:
        fault = f"it did not show everything within {WITNESS_S:g} s"
    except WitnessAway as error:
        fault = str(error)
    return notes, fault


def moment(at_s: int) -> str:
    """Spell a time in seconds since the epoch; a witness may say any."""
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{at_s} s since 1970"
