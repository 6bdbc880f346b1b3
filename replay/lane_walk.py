"""One step's way through a lane: its inputs in their order, as far as they are at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial

from replay.lane_outcomes import StepOutcomes, Tapes
from replay.lane_reader import LaneReader
from replay.log import Stored
from replay.places import is_marked
from streams.delivery.epochs import LateInputs
from streams.delivery.history import History
from streams.log.offsets import Partition
from streams.running.run import Input
from streams.topics import Step

AT_ONCE = 32
"""Requests that are read before the steps behind the first one go on: few enough that the texts of
a question are still known (`agents.language`) when the next step looks at them."""
CAUSES = 100_000
"""Of which it is known what came late: more than any worker remembers."""


class StepWalk:
    """A step, the inputs that it has not been run over again, and what it did so far."""

    def __init__(
        self,
        step: Step,
        reader: LaneReader,
        outcomes: StepOutcomes,
        tapes: Tapes,
        committed: Mapping[Partition, int],
        rank: int = 0,
    ) -> None:
        self.step = step
        self.rank = rank
        """Its place in the chain."""
        self.outcomes = outcomes
        self.history = History()
        self.over = False
        self._reader = reader
        self._committed = committed
        self._late: defaultdict[str, LateInputs] = defaultdict(partial(LateInputs, CAUSES))
        self._left = [tapes[record] for record in step.reads]

    def acknowledged(self, stored: Stored) -> int:
        """Return the next offset of an input's topic that the step has not acknowledged."""
        return self._committed.get((stored.topic, stored.partition), 0)

    def comes_late(self, given: Input, stored: Stored) -> bool:
        """Say whether an input is of a run that a later owner of its lane has superseded."""
        return self._late[stored.topic].superseded(given.event.meta) and not is_marked(stored)

    def inputs(self) -> Iterator[tuple[Input, Stored]]:
        """Yield the inputs at hand; those of a type when all of the one before were.

        When there are none any more, the outcomes without an input are told.
        """
        requests = 0
        while self._left:
            tape = self._left[0]
            if not tape.written:
                if requests == AT_ONCE:
                    return
                requests += 1
            entry = tape.input()
            if entry is not None:
                yield self._reader.input_of(entry), entry[0]
            elif tape.over:
                del self._left[0]
            else:
                return
        if not self.over:
            self.over = True
            self.outcomes.tell_without_cause()
