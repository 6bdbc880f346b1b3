"""Epochs: a number of its own for whoever takes a lane over, to tell its runs from others'.

A worker that has lost a lane may still have outcomes on their way, which the broker takes when the
lane's new owner has read what was done. So whoever takes a lane over commits a number first, its
epoch, above the one that it finds there, and runs nothing before the group has taken that commit:
the group takes none of who is not the owner, so no two owners have one number. The runs of an epoch
count from RUNS times its number on, above their input's attempt. So

    records with one id and one attempt are of one run, whatever two owners saw of each other
    of the runs over an input those of a later owner have the higher numbers: they supersede, and
    what comes of an earlier one after them came late: it closes nothing, and no step runs over it

Which inputs a new owner finds closed by earlier ones, it commits before anything of the lane runs:
so whoever takes the lane from it knows which it can't have run once more. Until that commit it has
run nothing, and the one with its epoch says so: what was done before it stands.

Who gives a lane up in good order has nothing on its way and says so with its last commit: the next
owner takes its number on. So numbers rise with crashes, not with moves.

Why so and what it costs: docs/decisions/0053-epochs.md, 0105-who-ran-nothing-voids-nothing.md.
"""

from __future__ import annotations

from collections import OrderedDict

from schemas import Meta
from streams.running.admit import ATTEMPT_MAX

RUNS = 1_000
"""Runs over an input that an owner may begin before its numbers are the next one's."""
FLOOR_MAX = ATTEMPT_MAX // 10
"""Owners beyond it share numbers; eight steps in a row stay within what is admitted. A lane that
loses its worker once an hour comes here after eleven years."""
CAUSES = 1_024
"""Inputs of the step before that are remembered: what comes late comes within seconds."""


def floor_of(epoch: int) -> int:
    """Return what the runs of an epoch count from, above the attempt of their input."""
    return min(epoch * RUNS, FLOOR_MAX)


class LateInputs:
    """Tells which inputs of a lane are of a run that a later owner has superseded."""

    def __init__(self, size: int = CAUSES) -> None:
        self._size = size
        self._newest: OrderedDict[str, int] = OrderedDict()
        """Id of what the step before has run over -> its newest run; none of the first epoch, in
        which numbers rise with the offsets."""

    def superseded(self, meta: Meta) -> bool:
        """Take an input in; say whether one of a later run over the same cause came before it."""
        cause, attempt = meta.cause, meta.attempt
        if cause is None or (attempt <= RUNS and not self._newest):
            return False
        newest = self._newest.get(cause.id, 0)
        if attempt < newest:
            return True
        if attempt > RUNS:
            self._newest[cause.id] = attempt
            self._newest.move_to_end(cause.id)
            if len(self._newest) > self._size:
                self._newest.popitem(last=False)
        return False
