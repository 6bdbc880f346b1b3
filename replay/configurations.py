"""The configurations on the log, by digest: a step is run again with the one that was in force."""

from __future__ import annotations

import json
from typing import Any

from replay.log import Log
from replay.recorded import Divergence
from schemas import ConfigurationSet
from streams.log.codec import Codec, Undecodable
from streams.topics import topic_of

CONFIGURATION = topic_of(ConfigurationSet)


class Configurations:
    """Reads all of them once."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._contents: dict[str, str] = {}
        self._values: dict[str, dict[str, Any]] = {}
        for stored in log.records(CONFIGURATION, 0):
            try:
                entry = codec.decode(stored.value, ConfigurationSet)
            except Undecodable:
                continue  # nothing refers to it; a run that does says which digest is missing
            self._contents[entry.digest] = entry.content

    def values(self, digest: str) -> dict[str, Any]:
        """Return the values of a configuration; Divergence where the log holds none to be read."""
        if digest not in self._values:
            self._values[digest] = self._parsed(digest)
        return self._values[digest]

    def _parsed(self, digest: str) -> dict[str, Any]:
        name = f"configuration {digest[:12]}…"
        try:
            values = json.loads(self._contents[digest])
        except KeyError:
            raise Divergence(f"{name} is not on {CONFIGURATION}") from None
        except (ValueError, RecursionError) as error:
            raise Divergence(f"{name} is not JSON: {type(error).__name__}") from None
        if not isinstance(values, dict):
            raise Divergence(f"{name} is not a JSON object")
        return values
