"""A lane as verify reads it: outcomes and inputs, each record decoded once."""

import dataclasses

import pytest

from replay.archive import ArchiveLog
from replay.export import export
from replay.lane_reader import LaneReader
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


def a_reader(log, codec=None, steps=(STEP, NEXT)):
    return LaneReader(log, codec or a_codec(), 0, steps)


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
    reader = LaneReader(log, codec, 0, (STEP, NEXT), kept_bytes_max=size + room)
    reader.outcomes(QuestionRedacted)
    assert len(list(reader.inputs(QuestionRedacted))) == 3
    assert codec.decoded.count(QuestionRedacted) == decoded


@pytest.mark.parametrize("value", [b"no avro", b"", None])
async def test_an_outcome_that_can_not_be_read_differs_at_its_place(value):
    log = await a_log(1)
    log.put(REDACTED, value)
    outcomes = a_reader(log).outcomes(QuestionRedacted)
    assert len(outcomes.read) == 3
    [unread] = outcomes.unreadable
    assert (unread.at().topic, unread.at().offset) == (REDACTED, 3)
    assert unread.reason


async def test_a_record_of_another_topic_does_not_belong_here():
    log = await a_log(1)
    log.put(REDACTED, log.topics[ASKED, 0][0].value)
    [unread] = a_reader(log).outcomes(QuestionRedacted).unreadable
    assert unread.reason == "QuestionAsked does not belong here"


async def test_offsets_are_watched_once_however_often_a_topic_is_read():
    log = await a_log(2)
    del log.topics[REDACTED, 0][1]
    reader = a_reader(log)
    for _ in range(2):
        reader.outcomes(QuestionRedacted)
    list(reader.inputs(QuestionRedacted))
    assert [(one.topic, one.offset) for one in reader.faults] == [(REDACTED, 2)]


async def test_a_file_that_can_not_be_read_is_told_and_ends_its_topic_alone(tmp_path):
    export(await a_log(2), tmp_path / "a")
    [path] = (tmp_path / "a" / REDACTED / "0").glob("*.avro")
    path.write_bytes(b"no container")
    reader = a_reader(ArchiveLog(tmp_path / "a"))
    assert reader.outcomes(QuestionRedacted).read == []
    assert len(list(reader.inputs(QuestionAsked))) == 2
    reasons = [one.reason for one in reader.faults]
    assert any("can't be read" in reason for reason in reasons), reasons
    assert any("are missing at the end" in reason for reason in reasons), reasons


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
