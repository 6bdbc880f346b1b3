"""The effects of a rebuild: three writes go live, and nothing else is answered."""

import pytest

from agents.changes import CHANGES, ORDERED_VERSIONS
from replay.rebuild.lane_inputs import IndexInput
from replay.rebuild.target_effects import TargetEffects
from schemas import Batch, ChunksEmbedded, DocumentRef, Now, PublishVersion, WithdrawVersions
from streams.running.run import Input, StepBroken
from streams.version import CODE
from tests.fakes import a_meta
from tests.replay.rebuild.indexed_log import INPUTS

REF = DocumentRef(document="d", version=1, uri="")
EVENT = ChunksEmbedded(
    meta=a_meta(), document=REF, batch=Batch(number=0, last=True), outcome="embedded"
)


class Writes:
    """Notes what is written, and for which input."""

    def __init__(self):
        self.seen = []

    async def write(self, request, call):
        self.seen.append((type(request).__name__, call.topic, call.offset, call.tenant))
        return len(self.seen)

    index = publish = withdraw = write


def effects(code=CODE):
    writes = Writes()
    given = Input(EVENT, INPUTS, 0, 17)
    return writes, TargetEffects(writes, IndexInput(given, code))


async def test_writes_are_of_the_input_at_its_place():
    writes, fx = effects()
    assert await fx(PublishVersion(document=REF)) == 1
    assert await fx.gather(PublishVersion(document=REF), WithdrawVersions(document=REF)) == (2, 3)
    assert [name for name, *_ in writes.seen] == [
        "PublishVersion", "PublishVersion", "WithdrawVersions",
    ]  # fmt: skip
    assert {tuple(rest) for _, *rest in writes.seen} == {(INPUTS, 17, "acme")}
    await fx.pause()


async def test_whatever_else_the_step_came_to_ask_is_refused():
    _, fx = effects()
    with pytest.raises(StepBroken, match="index asked for Now: a rebuild has no answer"):
        await fx(Now())
    with pytest.raises(StepBroken, match="index asked for Now"):
        fx.stream(Now())


def test_rules_are_those_of_the_code_that_ran_the_input():
    assert all(effects()[1].has(change) for change in CHANGES)
    assert not any(effects("0.1.0")[1].has(change) for change in CHANGES)
    assert effects("0.2.0.dev3")[1].has(ORDERED_VERSIONS)
    assert effects()[1].configuration == {}
