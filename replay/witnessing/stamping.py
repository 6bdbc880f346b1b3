"""Having a seal stamped, and holding its stamps against the checkpoints that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from replay.seal.audit import TamperingKind
from replay.seal.known_checkpoints import Checkpoints, place_of
from replay.seal.note import BadNote
from replay.seal.seal_folder import SealFolder
from replay.witnessing.cosigned_report import newest_of
from replay.witnessing.stamp_folder import STAMPS, BadStamp, StampedList, StampFolder, digest_of
from replay.witnessing.time_stamps import NoStamp, TimeStampAuthority, check_stamp
from streams.log.offsets import Partition


@dataclass(frozen=True)
class StampPass:
    """What one pass led to at the authority."""

    url: str
    at: datetime | None = None
    """What the new stamp says; None where there is none."""
    by: str = ""
    checkpoints: int = 0
    """That it covers."""
    fault: str = ""
    """Why there is none; empty where none was due."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "url": self.url,
            "at": self.at.isoformat() if self.at else None,
            "by": self.by or None,
            "checkpoints": self.checkpoints,
            "fault": self.fault or None,
        }


def stamp(
    folder: SealFolder,
    authority: TimeStampAuthority,
    every_s: float = 0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> StampPass:
    """Have the newest checkpoints stamped, if others were last, no sooner than `every_s` after.

    Raises BadNote, and OSError, where the seal's folder can't be used.
    """
    stamps = StampFolder(folder)
    content = StampedList.of(folder).spelt()
    if not _is_due(stamps, content, authority, every_s, now()):
        return StampPass(authority.url)
    try:
        response, told = authority.stamp(content, now)
    except NoStamp as error:
        return StampPass(authority.url, fault=str(error))
    with folder.held():
        stamps.keep(content, response)
    return StampPass(authority.url, told.at, told.by, len(StampedList.read(content).checkpoints))


def _is_due(
    stamps: StampFolder,
    content: bytes,
    authority: TimeStampAuthority,
    every_s: float,
    now: datetime,
) -> bool:
    numbers = stamps.numbers()
    if not numbers:
        return True
    try:
        before, response = stamps.read(numbers[-1])
        at = check_stamp(response, before, authority.roots).at
    except BadStamp:
        return True
    return before != content and (now - at).total_seconds() >= every_s


@dataclass
class StampedTrees:
    """The stamps of a log's checkpoints."""

    stamps: int = 0
    """That hold."""
    unchecked: int = 0
    """For which no roots were named."""
    newest: datetime | None = None
    by: str = ""
    """Who made the newest one."""
    places: set[Partition] = field(default_factory=set)
    """Partitions of which a stamp covers some checkpoint."""
    current: int = 0
    """Of which one covers the newest checkpoint that is known."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "stamps": self.stamps,
            "unchecked": self.unchecked,
            "newest": self.newest.isoformat() if self.newest else None,
            "by": self.by or None,
            "partitions": len(self.places),
            "current": self.current,
        }


def check_stamps(
    folder: SealFolder, roots: list[x509.Certificate] | None, known: Checkpoints
) -> StampedTrees:
    """Check every stamp of a seal, and that what was stamped is still there.

    What does not hold is told among the forged checkpoints. A checkpoint that was stamped and is
    not known here any more stands for an older log in the place of a newer one, or for another.
    """
    stamps, found = StampFolder(folder), StampedTrees()
    numbers = stamps.numbers()
    if roots is None:
        found.unchecked = len(numbers)
        return found
    digests = {
        place: {digest_of(one.checkpoint.text()): one.checkpoint.size for one in kept}
        for place, kept in known.by_place.items()
    }
    covered: set[str] = set()
    for number in numbers:
        try:
            content, response = stamps.read(number)
            told = check_stamp(response, content, roots)
            held = list(_held_against(StampedList.read(content), digests))
        except BadStamp as error:
            known.forge((STAMPS, number), str(error), "forged time stamp")
            continue
        found.stamps += 1
        if found.newest is None or told.at > found.newest:
            found.newest, found.by = told.at, told.by
        for place, digest, lacking in held:
            found.places.add(place)
            covered.add(digest)
            if lacking:
                kind, why = lacking
                known.forge(place, f"{why} (time stamp {number} of {told.at.isoformat()})", kind)
    found.current = sum(digest_of(newest.text()) in covered for newest in newest_of(known).values())
    return found


LackingCheckpoint = tuple[TamperingKind, str] | None


def _held_against(
    listed: StampedList, digests: dict[Partition, dict[str, int]]
) -> Iterator[tuple[Partition, str, LackingCheckpoint]]:
    """Yield each checkpoint of a list, and what it means where it is not known here."""
    for origin, (digest, size) in listed.checkpoints.items():
        try:
            place = place_of(origin)
        except BadNote:
            raise BadStamp("what was stamped is of no partition") from None
        here = digests.get(place, {})
        if digest in here:
            yield place, digest, None
        elif size > max(here.values(), default=-1):
            yield place, digest, ("rolled back", f"{size} records were signed, and are not here")
        else:
            yield place, digest, ("contradiction", f"another tree of {size} records was signed")
