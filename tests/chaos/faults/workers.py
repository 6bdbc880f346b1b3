"""Workers that are set up wrongly: two in one place, or with too little memory."""

import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil

from tests.chaos.faults.happening import SEEN_PATIENCE_S, Effects, Happenings, note, until_seen
from tests.chaos.faults.limits import Limited
from tests.chaos.faults.said import Said
from tests.chaos.plan import Fault
from tests.chaos.slots import Slot

FENCED = "fenced by other consumer"  # what a worker says when another took its place
INTRUDERS_FROM = 100  # numbers of workers that are not the run's own
ROOM_BYTES = 4 << 20  # beyond what the process has mapped already


class WorkerFaults:
    """Sets workers up wrongly."""

    def __init__(
        self,
        slots: Sequence[Slot],
        effects: Effects,
        another: Callable[[int, str], Slot],
        patience_s: float = SEEN_PATIENCE_S,
    ) -> None:
        """`another` makes one more worker, with a number, for a place.

        `patience_s` is how long such a worker may take until it is there.
        """
        self._patience_s = patience_s
        self._slots = slots
        self._effects = effects
        self._another = another
        self._intruders = INTRUDERS_FROM

    def happenings(self) -> Happenings:
        """Return the faults by kind."""
        return {"same slot": self._same_slot, "little memory": self._little_memory}

    @contextmanager
    def _same_slot(self, fault: Fault) -> Iterator[bool]:
        """Start another worker in the place of one that runs: whoever comes last has its lanes."""
        placed = [slot for slot in self._slots if slot.place and slot.running]
        if not placed:
            yield False
            return
        self._intruders += 1
        mate = placed[fault.slot % len(placed)]
        intruder = self._another(self._intruders, mate.place)
        try:
            with Said([*self._slots, intruder], FENCED) as said:
                intruder.start()
                until_seen(
                    lambda: said.count or intruder.ready.exists() or intruder.code is not None,
                    self._patience_s,
                )
                yield True
                until_seen(lambda: said.count or intruder.code is not None, self._patience_s)
                note(self._effects, fault.kind, {"lines about it": said.count})
        finally:
            intruder.signal(signal.SIGTERM)
            intruder.leave()

    @contextmanager
    def _little_memory(self, fault: Fault) -> Iterator[bool]:
        """Leave a worker no more memory than it has taken."""
        slot = self._slots[fault.slot]
        if not slot.running or slot.process is None:
            yield False
            return
        process = slot.process

        def most(pid: int) -> int:
            return psutil.Process(pid).memory_info().vms + ROOM_BYTES

        with Limited(resource.RLIMIT_AS, lambda: [process.pid], most) as limited:
            yield True
            ended = process.poll() is not None
        note(self._effects, fault.kind, {"workers": limited.number, "of them ended": int(ended)})
