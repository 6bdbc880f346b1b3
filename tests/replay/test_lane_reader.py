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


def written(tape):
    """Read a tape to its end as the step that writes it does."""
    return list(iter(tape.outcome, None))


def read(tape):
    """Read a tape as the step that reads it does, as far as it can."""
    return list(iter(tape.input, None))


async def test_what_two_steps_share_is_decoded_once():
    log = await a_log(1)
    codec = CountingCodec(log)
    tape = a_reader(log, codec).tape(QuestionRedacted)
    assert written(tape) == read(tape)
    assert codec.decoded.count(QuestionRedacted) == 3


async def test_who_reads_a_topic_comes_as_far_as_who_writes_it():
    tape = a_reader(await a_log(1)).tape(QuestionRedacted)
    assert read(tape) == []
    first = tape.outcome()
    assert (read(tape), tape.over) == ([first], False)
    rest = written(tape)
    assert not tape.over
    assert (read(tape), tape.over) == (rest, True)


async def test_what_no_step_writes_is_read_as_it_lies():
    tape = a_reader(await a_log(2)).tape(QuestionAsked)
    assert len(read(tape)) == 2
    assert tape.over


async def test_what_no_step_reads_is_not_kept():
    tape = a_reader(await a_log(1), steps=(STEP,)).tape(QuestionRedacted)
    assert len(written(tape)) == 3
    assert tape.over


@pytest.mark.parametrize("value", [b"no avro", b"", None])
async def test_an_outcome_that_can_not_be_read_differs_at_its_place(value):
    log = await a_log(1)
    log.put(REDACTED, value)
    events = [event for _, event in a_reader(log).events(QuestionRedacted)]
    assert [type(event) for event in events[:-1]] == [QuestionRedacted] * 3
    unread = events[-1]
    assert (unread.at().topic, unread.at().offset) == (REDACTED, 3)
    assert unread.reason


async def test_a_record_of_another_topic_does_not_belong_here():
    log = await a_log(1)
    log.put(REDACTED, log.topics[ASKED, 0][0].value)
    unread = [event for _, event in a_reader(log).events(QuestionRedacted)][-1]
    assert unread.reason == "QuestionAsked does not belong here"


async def test_offsets_are_watched_once_however_often_a_topic_is_read():
    log = await a_log(2)
    del log.topics[REDACTED, 0][1]
    reader = a_reader(log)
    for _ in range(2):
        list(reader.events(QuestionRedacted))
    list(reader.records(REDACTED))
    assert [(one.topic, one.offset) for one in reader.faults] == [(REDACTED, 2)]


async def test_a_file_that_can_not_be_read_is_told_and_ends_its_topic_alone(tmp_path):
    export(await a_log(2), tmp_path / "a")
    [path] = (tmp_path / "a" / REDACTED / "0").glob("*.avro")
    path.write_bytes(b"no container")
    reader = a_reader(ArchiveLog(tmp_path / "a"))
    assert list(reader.events(QuestionRedacted)) == []
    assert len(list(reader.events(QuestionAsked))) == 2
    reasons = [one.reason for one in reader.faults]
    assert any("can't be read" in reason for reason in reasons), reasons
    assert any("are missing at the end" in reason for reason in reasons), reasons


@pytest.mark.parametrize("change", [{"key": b"another"}, {"key": None}, {"value": b"no avro"}])
async def test_an_input_that_is_not_admitted_stands_as_a_position_of_nobodys(change):
    log = await a_log(1)
    rows = log.topics[ASKED, 0]
    rows[0] = dataclasses.replace(rows[0], **change)
    reader = a_reader(log)
    [entry] = reader.events(QuestionAsked)
    given = reader.input_of(entry)
    assert isinstance(given.event, Unreadable)
    assert (given.event.meta.tenant, given.topic, given.offset) == ("", ASKED, 0)
    assert entry[0] is rows[0]
