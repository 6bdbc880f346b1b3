"""One lane of a log as verify reads it: outcomes and inputs, each record decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from replay.log import Log, Stored
from replay.report import Difference
from replay.rules import StoredOutcome
from replay.selection import Selection
from schemas import Event
from streams.log.codec import Codec, Undecodable
from streams.running.admit import check_place, unreadable
from streams.running.run import Input
from streams.topics import Step, topic_of

KEPT_BYTES_MAX = 64 * 2**20
"""Outcomes kept decoded until the step that reads them is verified, as bytes on the log."""


class Outcomes(NamedTuple):
    """The derived records of a topic's lane that are selected, and those that can't be read."""

    read: list[StoredOutcome]
    unreadable: list[Difference]


class LaneReader:
    """Reads a lane for verify, step by step in the order of the chain."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        lane: int,
        selection: Selection,
        steps: Sequence[Step],
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        self.lane = lane
        self._log = log
        self._codec = codec
        self._selection = selection
        self._inputs = frozenset(record for step in steps for record in step.reads)
        self._kept: dict[str, dict[int, Event]] = {}
        self._kept_bytes = 0
        self._kept_bytes_max = kept_bytes_max
        log.load(lane)

    def outcomes(self, record: type[Event]) -> Outcomes:
        """Read the derived records of a type; what another step reads is kept for it."""
        topic = topic_of(record)
        outcomes = Outcomes([], [])
        for stored in self._log.records(topic, self.lane):
            try:
                event = self._codec.decode_any(stored.value)
                if not isinstance(event, Event) or topic_of(event) != topic:
                    raise Undecodable(f"{event.SCHEMA} does not belong here")
            except Undecodable as error:
                outcomes.unreadable.append(Difference.at(stored, "", "", f"unreadable: {error}"))
                continue
            if self._selection.takes(event.meta):
                outcomes.read.append(StoredOutcome(stored, event))
        if record in self._inputs:
            self._keep(topic, outcomes.read)
        return outcomes

    def _keep(self, topic: str, outcomes: Sequence[StoredOutcome]) -> None:
        size = sum(len(outcome.stored.value or b"") for outcome in outcomes)
        if self._kept_bytes + size <= self._kept_bytes_max:
            self._kept_bytes += size
            self._kept[topic] = {outcome.stored.offset: outcome.event for outcome in outcomes}

    def inputs(self, record: type[Event]) -> Iterator[tuple[Input, Stored]]:
        """Read the inputs of a type; one that is not admitted stands as a position of nobody's."""
        topic = topic_of(record)
        decoded = self._kept.pop(topic, {})
        for stored in self._log.records(topic, self.lane):
            try:
                event = decoded.get(stored.offset) or self._codec.decode(stored.value, record)
                check_place(event, stored.key, self.lane)
                given = Input(event, topic, self.lane, stored.offset)
            except Undecodable:
                given = unreadable(topic, self.lane, stored.offset)
            yield given, stored
