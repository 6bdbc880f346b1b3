"""Which inputs of a lane the live step ran, whatever lies among its outcomes."""

import pytest

from replay.rebuild.lane_inputs import LaneInputs
from schemas import Batch, Cause, ChunksIndexed
from tests.fakes import a_meta
from tests.replay.rebuild.indexed_log import CODEC, INPUTS, OUTCOMES, REF, IndexedLog


@pytest.fixture
def past():
    made = IndexedLog()
    for number in range(3):
        made.publish("a", {f"a{number}"})
    return made


def an_outcome(cause):
    return ChunksIndexed(
        meta=a_meta(cause=cause), document=REF, batch=Batch(number=0, last=True), outcome="indexed"
    )


def taken(inputs, past, **fields):
    return [one.given.offset for one in inputs.read(past.log, **fields)]


@pytest.mark.parametrize(
    "cause",
    [
        None,
        Cause(topic=OUTCOMES, partition=0, offset=0, id="x"),
        Cause(topic=INPUTS, partition=1, offset=0, id="x"),
        Cause(topic=INPUTS, partition=0, offset=-1, id="x"),
        Cause(topic=INPUTS, partition=0, offset=10**15, id="x"),
    ],
)
async def test_an_outcome_of_no_input_of_the_lane_says_nothing(past, cause):
    past.put(an_outcome(cause))
    past.log.put(OUTCOMES, b"noise")
    inputs = LaneInputs(CODEC, 0)
    assert taken(inputs, past) == []
    assert inputs.first_pending(past.log) == 0
    past.leave(0)
    assert taken(inputs, past) == [0]


async def test_each_input_has_the_code_of_its_first_outcome(past):
    past.leave(1, code="0.1.0")
    past.leave(0, code="0.2.0.dev1")
    past.leave(1, code="0.2.0.dev2")  # a late copy
    past.leave(2, code="0.1.0")
    codes = [one.code for one in LaneInputs(CODEC, 0).read(past.log)]
    assert codes == ["0.2.0.dev1", "0.1.0", "0.1.0"]


async def test_more_codes_than_are_told_apart_take_an_older_one(past):
    inputs = LaneInputs(CODEC, 0)
    inputs._codes += [f"0.0.{number}" for number in range(300)]
    past.leave(0, code="9.9.9")
    [one] = inputs.read(past.log)
    assert one.code == "0.0.0"


async def test_what_is_not_taken_wholly_is_taken_again(past):
    for offset in range(3):
        past.leave(offset)
    inputs = LaneInputs(CODEC, 0)
    reading = inputs.read(past.log)
    assert next(reading).given.offset == 0
    assert next(reading).given.offset == 1
    reading.close()  # while the second was being written
    assert inputs.next == 1
    assert taken(inputs, past) == [1, 2]
