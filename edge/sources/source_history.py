"""How a source was followed until now, and how somebody wants it followed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from edge.sources.run_report import RunReport
from schemas import SourceConfigured, SourceRan


class NoSuchSource(LookupError):
    """A tenant has no source of that name."""


@dataclass(frozen=True)
class RunWish:
    """How somebody wants a source followed."""

    dry: bool = False
    full: bool = False
    allow_deletions: bool = False
    take_over: bool = False
    wait: bool = False
    """Until what is handed in can be searched."""
    quiet: bool = False
    """One of many: it stands on the log only where it found something."""


@dataclass(frozen=True)
class ListedSource:
    """A source, what it holds, and how it ran last."""

    configured: SourceConfigured
    documents: int
    last: SourceRan | None


class RunHistory:
    """What the log says of a source's runs."""

    def __init__(self, runs: Iterator[SourceRan], source: str, digest: str) -> None:
        self.last: SourceRan | None = None
        self.cursor = ""
        self.since_us: int | None = None
        """When the last run began that ended, or the first of those behind it that were cut off."""
        for ran in runs:
            if ran.source != source:
                continue
            if ran.state == "begun" and (self.last is None or self.last.state == "ended"):
                self.since_us = ran.meta.at
            self.last = ran
            if ran.configured != digest:
                self.cursor = ""
            elif ran.state == "ended" and ran.cursor:
                self.cursor = ran.cursor
        self.trusted = (
            self.last is not None and self.last.state == "ended" and self.last.configured == digest
        )


class NothingListed:
    """The source of a run that lists nothing."""

    absence_tells = False
    incomplete = ""
    cursor = ""

    def expected(self) -> int | None:
        """Tell that there is nothing."""
        return 0

    def found(self, _known: Any, _cursor: str) -> Iterator[Any]:
        """List nothing."""
        return iter(())


def reason_kept(reason: str) -> str:
    """Shorten a reason to what is kept for ever: Playhead's own words.

    Behind a colon come those of a database, of a server or of somebody's code, which may repeat
    values of rows.
    """
    return reason.partition(": ")[0]


def ended(
    ran: SourceRan, state: str, reason: str, cursor: str, report: RunReport, began_s: float
) -> SourceRan:
    """Spell how a run ended."""
    return structs.replace(
        ran,
        state=state,
        complete=state == "ended" and not report.incomplete,
        reason=reason_kept(reason),
        cursor=cursor,
        took_ms=round((time.monotonic() - began_s) * 1_000),
        added=report.counts["added"],
        changed=report.counts["changed"],
        removed=report.counts["removed"],
        unchanged=report.counts["unchanged"],
        skipped=report.counts["skipped"],
        failed=report.counts["failed"],
    )
