"""What a source finds, as whoever follows it takes it: one thing at a time, with flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


class SourceAway(Exception):
    """A source can't be listed at all; the message says why and what to do."""


class UnreadDocument(Exception):
    """A document is there and can't be read, or must not be: why, and what to do."""


class GoneMeanwhile(Exception):
    """A document was listed and is not there any more."""


@dataclass(frozen=True)
class ReadVersion:
    """A document as it was read."""

    content: bytes
    media_type: str
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    marker: str = ""
    """Tells this version from others; what was listed counts where it is empty."""
    validators: str = ""
    """What the next conditional request is made with; empty for none."""


@dataclass(frozen=True)
class FoundDocument:
    """A document that is there."""

    uri: str
    read: Callable[[], ReadVersion]
    """Raises UnreadDocument or GoneMeanwhile."""
    marker: str = ""
    """Equal markers are equal versions; empty where only reading tells."""


@dataclass(frozen=True)
class FoundUnchanged:
    """A document is there, and the source says that it is as it was when it was last read."""

    uri: str


@dataclass(frozen=True)
class FoundGone:
    """The source says that a document is there no more."""

    uri: str


@dataclass(frozen=True)
class LeftOut:
    """Something is there and is not handed in."""

    name: str
    """What a person finds it by."""
    reason: str
    why: Literal["skipped", "failed"] = "skipped"
    """failed: it should have been handed in."""
    uri: str = ""
    """Its uri where it may be a known document: it is not gone."""


SourceFinding = FoundDocument | FoundUnchanged | FoundGone | LeftOut


class KnownVersions(Protocol):
    """What the log says of a source's documents."""

    def validators(self, uri: str) -> str:
        """Return what the last version was read with; empty where there is none to trust."""

    def uris(self) -> Iterator[str]:
        """Name the documents that were there."""


class DocumentSource(Protocol):
    """A place that documents come from."""

    absence_tells: bool
    """Whether a document that a complete listing lacks is gone; otherwise FoundGone says so."""
    incomplete: str
    """Why the listing lacks something that may be there; empty once all of it was listed."""
    cursor: str
    """Up to where it was listed, to go on from the next time; empty where it is not read so."""

    def found(self, known: KnownVersions, cursor: str) -> Iterator[SourceFinding]:
        """List what is there, from a cursor on where there is one; raises SourceAway."""

    def expected(self) -> int | None:
        """How many things will be listed, where that is cheap to tell."""
