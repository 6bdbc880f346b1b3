"""The configurations on the log, by digest: a step is run again with the one that was in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Protocol

from replay.archive import BadArchive
from replay.log import Stored
from replay.recorded import Contradiction
from replay.report import Difference
from schemas import ConfigurationSet
from streams.log.codec import Codec, Undecodable
from streams.log.ids import request_id
from streams.topics import topic_of

CONFIGURATION = topic_of(ConfigurationSet)


class HasRecords(Protocol):
    """As much of a log as is needed here."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order."""


class Configurations:
    """Reads all of them once; one whose content is not that of its digest is none."""

    def __init__(self, log: HasRecords, codec: Codec) -> None:
        self._contents: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self.faults: list[Difference] = []
        """Records that no set-up writes."""
        try:
            for stored in log.records(CONFIGURATION, 0):
                self._take(stored, codec)
        except BadArchive as error:
            self.faults.append(Difference(CONFIGURATION, 0, -1, "", "", str(error)))

    def _take(self, stored: Stored, codec: Codec) -> None:
        try:
            entry = codec.decode(stored.value, ConfigurationSet)
        except Undecodable as error:
            self._against(stored, "", f"unreadable: {error}")
            return
        if hashlib.sha256(entry.content.encode()).hexdigest() != entry.digest:
            self._against(stored, entry.meta.id, "its content is not that of its digest")
        elif stored.key != entry.digest.encode():
            self._against(stored, entry.meta.id, "its key is not its digest")
        elif entry.meta.id != request_id("", f"{entry.step}|{entry.digest}"):
            self._against(stored, entry.meta.id, "its id is not that of its step and digest")
        else:
            self._contents[entry.digest] = entry.content

    def _against(self, stored: Stored, event_id: str, reason: str) -> None:
        self.faults.append(Difference.at(stored, event_id, "", reason))

    def values(self, digest: str) -> dict[str, Any]:
        """Return the values of a configuration; Contradiction where the log holds none."""
        if digest not in self._values:
            self._values[digest] = self._parsed(digest)
        return self._values[digest]

    def _parsed(self, digest: str) -> dict[str, Any]:
        name = f"configuration {digest[:12]}…"
        try:
            values = json.loads(self._contents[digest])
        except KeyError:
            raise Contradiction(f"{name} is not on {CONFIGURATION}") from None
        except (ValueError, RecursionError) as error:
            raise Contradiction(f"{name} is not JSON: {type(error).__name__}") from None
        if not isinstance(values, dict):
            raise Contradiction(f"{name} is not a JSON object")
        return values
