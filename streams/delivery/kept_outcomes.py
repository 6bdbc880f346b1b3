"""Outcomes that were read back once, kept in the run folder: a takeover reads what came since.

The log does not change, so what was read of a stretch of it holds for good. A file holds what the
records of one stretch of a lane told of a step's inputs. It is a copy of what the log says, never
the truth, and whatever speaks against it has the log read in its place: bytes that are not as they
were written, a topic of another id, another record where its last one lay (the topic lost its tail
and has grown again). Nothing is kept of a stretch in which a record's schema was not known.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from confluent_kafka import Message

from schemas import Cause
from schemas.prepared_types import prepared
from streams.delivery.history import Outcome
from streams.delivery.lane import Place
from streams.version import CODE
from streams.watching.logs import logger

log = logger("kept outcomes")

FOLDER = "outcomes"
FILE_BYTES_MAX = 4_000_000
"""Of one that is read: some nine times what 8,192 ids of ours take."""
DIGEST_BYTES = 32


class OutcomeRow(NamedTuple):
    """What a record told."""

    offset: int
    size: int
    """Bytes of its value."""
    outcome: Outcome | None


class Mark(NamedTuple):
    """By which the last record of a stretch is known again."""

    offset: int
    time_ms: int
    digest: bytes
    """SHA-256 of its value."""

    @classmethod
    def of(cls, message: Message) -> Mark:
        """Take it of a record."""
        digest = sha256(message.value() or b"").digest()
        return cls(message.offset() or 0, message.timestamp()[1], digest)


class KnownStretch(NamedTuple):
    """What the records of a lane told from one offset up to another."""

    begin: int
    rows: list[OutcomeRow]
    last: Mark

    @property
    def end(self) -> int:
        """Return the offset behind the last record."""
        return self.last.offset + 1


_Told = tuple[int, int, int, str, int, bool]
"""Of an outcome: which of the topics, partition, offset, id of its input; attempt, last."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A file's content, behind its own digest."""

    topic_id: str
    begin: int
    last: Mark
    topics: list[str]
    """Of inputs, as the rows number them."""
    rows: list[tuple[int, int, _Told | None]]
    """Offset, size, outcome."""

    def outcome(self, told: _Told | None) -> Outcome | None:
        """Read an outcome."""
        if told is None:
            return None
        topic, partition, offset, cause_id, attempt, last = told
        name = self.topics[topic]
        cause = Cause(topic=name, partition=partition, offset=offset, id=cause_id)
        return Outcome(cause, attempt, last)


prepared(_Kept)


class KeptOutcomes:
    """Files of one step, one for each lane of its outputs."""

    def __init__(self, folder: Path, step: str) -> None:
        """Keep them in a folder, which is made when the first file is written."""
        self._folder = folder
        self._step = step

    def of(self, place: Place, topic_id: str) -> KnownStretch | None:
        """Return what is kept of a lane; None where nothing is that could be believed."""
        path = self._path(place)
        try:
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except OSError:
            return None
        digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if sha256(body).digest() != digest:  # the machine was cut off over it, or it is not ours
            return None
        try:
            kept = msgspec.msgpack.decode(body, type=_Kept)
            rows = [
                OutcomeRow(offset, size, kept.outcome(told)) for offset, size, told in kept.rows
            ]
        except (msgspec.MsgspecError, IndexError):
            return None
        if kept.topic_id != topic_id:
            return None
        return KnownStretch(kept.begin, rows, kept.last)

    def keep(self, place: Place, topic_id: str, stretch: KnownStretch) -> None:
        """Write down what the records of a lane told, in place of what stands there.

        Where that can't be done the next takeover reads the log.
        """
        topics: dict[str, int] = {}
        rows: list[tuple[int, int, _Told | None]] = []
        for offset, size, outcome in stretch.rows:
            told = None
            if outcome is not None:
                cause = outcome.cause
                topic = topics.setdefault(cause.topic, len(topics))
                at = (topic, cause.partition, cause.offset, cause.id)
                told = (*at, outcome.attempt, outcome.last)
            rows.append((offset, size, told))
        kept = _Kept(topic_id, stretch.begin, stretch.last, list(topics), rows)
        body = msgspec.msgpack.encode(kept)
        if len(body) + DIGEST_BYTES > FILE_BYTES_MAX:
            return
        path = self._path(place)
        # one name for all: those who are killed over it leave one file at most. A worker that has
        # just lost the lane may be writing it, too: then its digest is wrong
        beside = path.with_name(f".{path.name}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(sha256(body).digest() + body)
            beside.replace(path)
        except OSError as error:
            log.info("outcomes can't be kept", folder=str(self._folder), error=error.strerror)

    def _path(self, place: Place) -> Path:
        """Return where it is kept by this version of the code: another may run beside it."""
        topic, partition = place
        return self._folder / quote(f"{self._step}-{topic}-{partition}-{CODE}", "")
