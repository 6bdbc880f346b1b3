"""The audit of a whole log: every partition against every checkpoint that anybody keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from replay.archive import BadArchive
from replay.log import Log
from replay.seal.audit import Audited, Tampering, audited
from replay.seal.known_checkpoints import Checkpoints
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import SEALED_TOPICS
from replay.what_is_away import AWAY, away_told
from replay.witnessing.cosigned_report import WitnessedTrees, WitnessTold
from replay.witnessing.stamping import StampedTrees
from streams.log.offsets import Partition

HOLDS, BROKEN, STRANGERS, NOT_CHECKED = 0, 1, 2, 3
"""Exit statuses: all is as it was signed; something is not; a witness that was named keeps nothing
of this log; nothing differs and something could not be checked, since it is away, nobody signed it,
or those who were named did not. As those of `replay verify` (docs/decisions/0024)."""


@dataclass
class Vouched:
    """What others than the log's owner say of its checkpoints."""

    witnessed: WitnessedTrees
    stamped: StampedTrees = field(default_factory=StampedTrees)
    stamps_wanted: bool = False
    """Whether roots were named, so that every partition is to have a time stamp."""


@dataclass
class AuditReport:
    """What was looked at, and what was found."""

    partitions: list[Audited] = field(default_factory=list)
    forged: list[Tampering] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Where the archive is not as its manifest tells."""
    keys: list[str] = field(default_factory=list)
    witnesses: list[WitnessTold] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    """Witnesses that could not be asked, and why."""
    strangers: list[str] = field(default_factory=list)
    """Witnesses that answer, and keep nothing of this log."""
    unread: str = ""
    """Why the rest of the log was not read; empty where all of it was."""
    too_few: list[Partition] = field(default_factory=list)
    """Partitions whose newest checkpoint too few witnesses have cosigned."""
    stamped: StampedTrees = field(default_factory=StampedTrees)
    unstamped: list[Partition] = field(default_factory=list)
    """Partitions of which no time stamp covers any checkpoint, where roots were named."""

    @property
    def findings(self) -> list[Tampering]:
        """Everything that is not as it was signed, in the order of topics and lanes."""
        return [*self.forged, *(one for part in self.partitions for one in part.findings)]

    @property
    def sealed(self) -> int:
        """Records that are as they were signed."""
        return sum(part.sealed for part in self.partitions)

    @property
    def unsealed(self) -> int:
        """Records behind the newest checkpoint of their partition."""
        return sum(max(0, part.records - part.sealed) for part in self._whole())

    @property
    def checkpoints(self) -> int:
        """Distinct checkpoints that were held against records."""
        return sum(part.checkpoints for part in self.partitions)

    @property
    def without(self) -> list[Audited]:
        """Partitions with records, and without any checkpoint."""
        return [part for part in self.partitions if part.records and not part.checkpoints]

    @property
    def status(self) -> int:
        """The exit status."""
        if self.findings or self.faults:
            return BROKEN
        if self.strangers:
            return STRANGERS
        lacking = self.unread or self.unheard or self.without or self.too_few or self.unstamped
        return NOT_CHECKED if lacking else HOLDS

    def _whole(self) -> list[Audited]:
        return [part for part in self.partitions if not part.findings]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "sealed": self.sealed,
            "unsealed": self.unsealed,
            "checkpoints": self.checkpoints,
            "partitions": len(self.partitions),
            "without_checkpoint": [f"{one.topic}[{one.partition}]" for one in self.without],
            "findings": [
                {
                    "topic": one.topic,
                    "partition": one.partition,
                    "offset": one.offset,
                    "kind": one.kind,
                    "reason": one.reason,
                }
                for one in self.findings
            ],
            "faults": self.faults,
            "keys": self.keys,
            "witnesses": [one.as_json() for one in self.witnesses],
            "unheard": self.unheard,
            "strangers": self.strangers,
            "unread": self.unread,
            "too_few_witnesses": _spelt(self.too_few),
            "timestamps": self.stamped.as_json(),
            "without_timestamp": _spelt(self.unstamped),
        }

    def take(self, vouched: Vouched, checkpoints: Checkpoints) -> None:
        """Take in what others say of the checkpoints."""
        self.witnesses = vouched.witnessed.told(checkpoints)
        self.unheard = vouched.witnessed.unheard
        self.strangers = vouched.witnessed.strangers
        self.too_few = vouched.witnessed.short(checkpoints)
        self.stamped = vouched.stamped
        if vouched.stamps_wanted:
            self.unstamped = sorted(set(checkpoints.by_place) - vouched.stamped.places)


def _spelt(places: Sequence[Partition]) -> list[str]:
    return [f"{topic}[{partition}]" for topic, partition in places]


def audit(
    log: Log,
    folder: SealFolder,
    checkpoints: Checkpoints,
    vouched: Vouched | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> AuditReport:
    """Hold a log against checkpoints; the folder's tiles only tell which record it is.

    Where the log can't be read any further, what was found by then is told with the reason.
    """
    report = AuditReport(forged=checkpoints.forged, keys=[str(key) for key in checkpoints.keys])
    if vouched is not None:
        report.take(vouched, checkpoints)
    try:
        report.faults += [fault.reason for fault in log.faults()]
        _hold(report, log, folder, checkpoints, progress)
    except AWAY as error:
        report.unread = away_told(error)
    return report


def _hold(
    report: AuditReport,
    log: Log,
    folder: SealFolder,
    checkpoints: Checkpoints,
    progress: Callable[[int], None],
) -> None:
    """Audit partition after partition; raises as the log does where it can't be read."""
    places = {place for place in log.extents() if place[0] in SEALED_TOPICS}
    for place in sorted(places | set(checkpoints.by_place)):
        tree = folder.tree(*place)
        known = checkpoints.by_place.get(place, ())
        try:
            part = audited(place, partial(log.records, *place), known, tree.tiles)
        except BadArchive as error:  # the others are told of all the same
            report.faults.append(str(error))
            continue
        progress(part.records)
        report.partitions.append(part)
