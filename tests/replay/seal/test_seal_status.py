"""How a pass of the sealer ends: what was changed is told from who was not there."""

import pytest

from replay.seal.seal_cli import seal_status
from replay.seal.sealer import SealedPartition
from replay.witnessing.gathering import GatheredCosignatures, WitnessPass

SEALED = SealedPartition("playhead.question.asked", 0, None)
REFUSED = SealedPartition("playhead.question.asked", 1, None, refused="it has lost records")
UNREAD = SealedPartition("playhead.question.asked", 2, None, refused="EIO", unread=True)
AWAY = WitnessPass("w.test", "http://w.test", faults=["it does not answer"])
CONTRADICTS = WitnessPass("v.test", "http://v.test", contradicts=True)
SHORT = [("playhead.question.asked", 0)]


@pytest.mark.parametrize(
    ("done", "passes", "short", "once", "status"),
    [
        ([SEALED], [], [], True, 0),
        ([SEALED], [AWAY], [], True, 0),
        ([SEALED], [AWAY], SHORT, True, 3),
        ([SEALED], [AWAY], SHORT, False, 0),
        ([SEALED], [AWAY, CONTRADICTS], SHORT, True, 1),
        ([SEALED], [CONTRADICTS], [], True, 0),
        ([SEALED, REFUSED], [AWAY], SHORT, True, 1),
        ([SEALED, REFUSED], [], [], False, 1),
        ([SEALED, UNREAD], [], [], True, 3),
        ([SEALED, UNREAD], [], [], False, 0),
        ([REFUSED, UNREAD], [], [], True, 1),
    ],
)
def test_too_few_witnesses_are_no_tampering(done, passes, short, once, status):
    assert seal_status(done, GatheredCosignatures(passes, short), once=once) == status
