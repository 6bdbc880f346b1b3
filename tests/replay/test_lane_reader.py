"""A lane as verify reads it: outcomes and inputs, each record decoded once."""

import dataclasses

import pytest

from replay.lane_reader import LaneReader
from replay.selection import Selection
from schemas import QuestionAsked, QuestionRedacted
from streams.log.codec import Codec
from streams.running.admit import Unreadable
from streams.topics import Step
from tests.fakes import a_codec
from tests.replay.little_log import ASKED, REDACTED, STEP, a_log


class CountingCodec(Codec):
    def __init__(self, log):
        super().__init__(log.ids)
        self.decoded = []

    def decode(self, data, record):
        self.decoded.append(record)
        return super().decode(data, record)


NEXT = Step("rewrite", None, {QuestionRedacted: ()})


def a_reader(log, codec=None, selection=None, steps=(STEP, NEXT)):
    return LaneReader(log, codec or a_codec(), 0, selection or Selection(), steps)


async def test_the_lane_is_loaded_before_it_is_read():
    log = await a_log(1)
    a_reader(log)
    assert log.loaded == 0


@pytest.mark.parametrize(("steps", "decoded"), [((STEP, NEXT), 3), ((STEP,), 6)])
async def test_what_two_steps_share_is_decoded_once(steps, decoded):
    log = await a_log(1)
    codec = CountingCodec(log)
    reader = a_reader(log, codec, steps=steps)
    outcomes = reader.outcomes(QuestionRedacted).read
    inputs = [given.event for given, _ in reader.inputs(QuestionRedacted)]
    assert inputs == [outcome.event for outcome in outcomes]
    assert codec.decoded.count(QuestionRedacted) == decoded


@pytest.mark.parametrize(("room", "decoded"), [(0, 3), (-1, 6)])
async def test_what_is_too_large_to_keep_is_decoded_again(room, decoded):
    log = await a_log(1)
    codec = CountingCodec(log)
    size = sum(len(row.value) for row in log.topics[REDACTED, 0])
    reader = LaneReader(log, codec, 0, Selection(), (STEP, NEXT), kept_bytes_max=size + room)
    reader.outcomes(QuestionRedacted)
    assert len(list(reader.inputs(QuestionRedacted))) == 3
    assert codec.decoded.count(QuestionRedacted) == decoded


@pytest.mark.parametrize("value", [b"no avro", b"", None])
async def test_an_outcome_that_can_not_be_read_differs_at_its_place(value):
    log = await a_log(1)
    log.put(REDACTED, value)
    outcomes = a_reader(log).outcomes(QuestionRedacted)
    assert len(outcomes.read) == 3
    [difference] = outcomes.unreadable
    assert (difference.topic, difference.offset) == (REDACTED, 3)
    assert difference.reason.startswith("unreadable: ")


async def test_a_record_of_another_topic_does_not_belong_here():
    log = await a_log(1)
    log.put(REDACTED, log.topics[ASKED, 0][0].value)
    [difference] = a_reader(log).outcomes(QuestionRedacted).unreadable
    assert difference.reason == "unreadable: QuestionAsked does not belong here"


async def test_only_what_is_selected_is_read_as_outcome_and_everything_as_input():
    reader = a_reader(await a_log(2), selection=Selection(request="r-1"))
    outcomes = reader.outcomes(QuestionRedacted).read
    assert {outcome.event.meta.request for outcome in outcomes} == {"r-1"}
    assert len(list(reader.inputs(QuestionAsked))) == 2
    assert len(list(reader.inputs(QuestionRedacted))) == 6


@pytest.mark.parametrize("change", [{"key": b"another"}, {"key": None}, {"value": b"no avro"}])
async def test_an_input_that_is_not_admitted_stands_as_a_position_of_nobodys(change):
    log = await a_log(1)
    rows = log.topics[ASKED, 0]
    rows[0] = dataclasses.replace(rows[0], **change)
    [(given, stored)] = a_reader(log).inputs(QuestionAsked)
    assert isinstance(given.event, Unreadable)
    assert (given.event.meta.tenant, given.topic, given.offset) == ("", ASKED, 0)
    assert stored is rows[0]


async def test_an_outcome_that_was_kept_is_admitted_like_any_input():
    log = await a_log(1)
    rows = log.topics[REDACTED, 0]
    rows[1] = dataclasses.replace(rows[1], key=b"another")
    reader = a_reader(log)
    reader.outcomes(QuestionRedacted)
    kinds = [isinstance(given.event, Unreadable) for given, _ in reader.inputs(QuestionRedacted)]
    assert kinds == [False, True, False]
