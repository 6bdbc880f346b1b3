"""How a document comes along, as frames: from taken in until it can be found, or has failed.

A cursor holds the request and how far it was told of; to resume, what the log has of the request
is turned into frames again, and those that were told are left out. A status never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.answering.cursors import Frame, opaque, opaque_read
from edge.listening.entries import Entry
from edge.listening.known_documents import RANK, status_in
from edge.problems import Problem
from edge.requests.limits import ID_MAX, INT64_MAX
from schemas import ChunksCut, ChunksIndexed, Event, EventRejected
from schemas.prepared_types import prepared

DOCUMENT_RESULTS: tuple[type[Event], ...] = (ChunksCut, ChunksIndexed, EventRejected)
"""What becomes of a document, in the order in which a chain writes it."""
LAST_RANK = max(RANK.values())
UNTOLD = -1


class ProgressCursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a reader was told."""

    request: str = msgspec.field(name="r", default="")
    rank: int = msgspec.field(name="s", default=UNTOLD)
    """Of the last status that was told."""
    offset: int = msgspec.field(name="u", default=UNTOLD)
    """Of an upload: how many bytes were told to have arrived."""

    def spelt(self) -> str:
        """Spell it as an opaque text."""
        return opaque(msgspec.json.encode(self))


prepared(ProgressCursor)


def cursor_read(spelt: str) -> ProgressCursor:
    """Read a cursor back, the first for an empty text; raises Problem for one that is not ours."""
    if not spelt:
        return ProgressCursor()
    try:
        cursor = msgspec.json.decode(opaque_read(spelt), type=ProgressCursor)
    except (ValueError, msgspec.DecodeError):
        raise bad_cursor() from None
    is_ours = (
        UNTOLD <= cursor.rank <= LAST_RANK
        and UNTOLD <= cursor.offset <= INT64_MAX
        and len(cursor.request) <= ID_MAX
    )
    if not is_ours:
        raise bad_cursor()
    return cursor


def bad_cursor() -> Problem:
    """Say that a cursor is none of this stream."""
    return Problem(
        422,
        "bad-cursor",
        "the cursor is not one of this document: send the last one received, or none to begin at "
        "the start",
    )


@dataclass
class DocumentProgress:
    """How far one reader was told of one request about a document."""

    document: str
    request: str
    told: int = UNTOLD
    """Rank of the last status that was told."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.told >= LAST_RANK

    def accepted(self) -> list[Frame]:
        """Say that it is on the log, unless that was told."""
        return self._tell("accepted", "")

    def take(self, entries: Iterable[Entry]) -> list[Frame]:
        """Learn from entries of the request, and return what is new."""
        ranked = sorted(entries, key=lambda entry: _order_of(entry.event))
        return [frame for entry in ranked for frame in self._take(entry.event)]

    def _take(self, event: Event) -> list[Frame]:
        came = status_in(event)
        if came is None:
            return []
        version = event.document.version if isinstance(event, ChunksIndexed) else 0
        return self._tell(*came, version=version)

    def _tell(self, status: str, reason: str, version: int = 0) -> list[Frame]:
        if RANK[status] <= self.told:
            return []
        self.told = RANK[status]
        frame: dict[str, Any] = {
            "type": "document",
            "document_id": self.document,
            "status": status,
            "reason": reason,
            "version": version,
        }
        return [self.mark(frame)]

    def mark(self, frame: Frame) -> Frame:
        """Give a frame its request and the cursor that leads on from it."""
        cursor = ProgressCursor(self.request, self.told).spelt()
        return {"type": frame["type"], "request_id": self.request, "cursor": cursor} | frame


def _order_of(event: Event) -> int:
    kinds = [number for number, kind in enumerate(DOCUMENT_RESULTS) if isinstance(event, kind)]
    return kinds[0] if kinds else len(DOCUMENT_RESULTS)
