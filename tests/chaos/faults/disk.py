"""Disks that are full: the broker's, and that of the run folder as far as workers write to it.

What makes a disk full here is a limit on the size of files (RLIMIT_FSIZE) of zero, which an ordinary user may set and which
needs no mount: every write to a file and every larger file fails, with EFBIG in place of ENOSPC. Both reach a program
as a failed write. It stands for a disk on which not one more byte fits, and it does not show what else uses that disk.
Workers here write their log and their ready file; claims and keys are behind connectors, which are fakes here.
"""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from infra.local.supervisor import State
from tests.chaos.faults.happening import Effects, Happenings, note
from tests.chaos.faults.limits import Limited
from tests.chaos.ground import Ground
from tests.chaos.plan import Fault
from tests.chaos.slots import Slot


class DiskFaults:
    """Fills disks."""

    def __init__(self, ground: Ground, slots: Sequence[Slot], effects: Effects) -> None:
        self._ground = ground
        self._slots = slots
        self._effects = effects

    def happenings(self) -> Happenings:
        """Return the faults by kind."""
        return {"broker disk full": self._broker, "run folder full": self._run_folder}

    @contextmanager
    def _broker(self, fault: Fault) -> Iterator[bool]:
        """Fill a broker's disk; it ends, and can't start again before there is room."""
        name = self._ground.brokers[fault.slot % len(self._ground.brokers)]
        stack = self._ground.stack
        keeper = stack._keepers[name]
        if keeper.state is not State.READY:
            yield False
            return
        restarts = keeper.restarts
        with Limited(resource.RLIMIT_FSIZE, lambda: filter(None, [keeper.pid]), lambda _: 0):
            yield True
        if keeper.state is State.FAILED:  # given up: as an operator would, once there is room
            stack.start_component(name)
        seen = {"restarts of the broker": keeper.restarts - restarts}
        stack.wait_ready(name)
        note(self._effects, fault.kind, seen)

    @contextmanager
    def _run_folder(self, fault: Fault) -> Iterator[bool]:
        """Fill the disk on which workers keep their logs and ready files."""

        def pids() -> list[int]:
            return [slot.process.pid for slot in self._slots if slot.running and slot.process]

        with Limited(resource.RLIMIT_FSIZE, pids, lambda _: 0) as limited:
            written = self._written()  # nothing is written from here on
            yield True
            silent = sum(
                after == before for after, before in zip(self._written(), written, strict=True)
            )
        note(self._effects, fault.kind, {"workers": limited.number, "silent logs": silent})

    def _written(self) -> list[int]:
        return [slot.log.stat().st_size if slot.log.exists() else 0 for slot in self._slots]
