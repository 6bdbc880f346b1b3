"""What is looked for in a lane's outcomes before its inputs are run again."""

import dataclasses
import io
import tracemalloc

import fastavro
import pytest

from replay.lane_outcomes import LaneOutcomes
from replay.lane_reader import LaneReader
from replay.lane_survey import AHEAD, Heads, LastOutcomes, head_of
from replay.proved_records import ProvedRecords
from replay.report import Report
from replay.selection import Selection
from schemas import QuestionRedacted
from schemas.definitions import self_contained, without_logical_types
from schemas.registry import FixedIds
from streams.log.codec import HEADER, MAGIC, Codec
from tests.fakes import a_codec
from tests.replay.little_log import REDACTED, STEP, a_log, verified

INPUTS = 3 * AHEAD
A_RUN_BYTES = 2_500
"""What may stay of an input that was run: 800 to 1,300 do, its outcomes take 5,000 more."""


def heads(log, codec=None):
    return Heads(codec or Codec(log.ids), log.ids)


async def test_whose_outcome_a_record_is_is_read_as_by_who_reads_it_whole():
    log, codec = await a_log(2), a_codec()
    for stored in log.topics[REDACTED, 0]:
        event = codec.decode_any(stored.value)
        assert heads(log).of(stored.value, QuestionRedacted) == head_of(event) is not None


async def test_it_is_read_by_the_definition_that_the_record_was_written_with():
    log = await a_log(1)
    stored = log.topics[REDACTED, 0][0]
    event = a_codec().decode_any(stored.value)
    older = without_logical_types(self_contained("QuestionRedacted"))
    older["fields"] = older["fields"][:-1]
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(older), event.to_avro())
    log.ids = FixedIds({**log.ids._definitions, 999: older}, log.ids._ids)
    value = HEADER.pack(MAGIC, 999) + out.getvalue()
    assert heads(log).of(value, QuestionRedacted) == head_of(event)


@pytest.mark.parametrize("value", [None, b"", b"no avro", HEADER.pack(MAGIC, 12_345) + b"x"])
async def test_what_can_not_be_read_is_nobodys_outcome(value):
    assert heads(await a_log(1)).of(value, QuestionRedacted) is None


async def test_a_record_of_another_topic_is_nobodys_outcome():
    log = await a_log(1)
    value = log.topics["playhead.question.asked", 0][0].value
    assert heads(log).of(value, QuestionRedacted) is None


def moved(log, offset, to):
    """Put the outcomes of an input behind those of another one."""
    rows = log.topics[REDACTED, 0]
    codec = a_codec()
    of = [codec.decode_any(row.value).meta.cause.offset for row in rows]
    late = [row for row, cause in zip(rows, of, strict=True) if cause == offset]
    rest = [row for row, cause in zip(rows, of, strict=True) if cause != offset]
    place = sum(cause <= to for cause in of) - len(late)
    ordered = [*rest[:place], *late, *rest[place:]]
    rows[:] = [dataclasses.replace(row, offset=at) for at, row in enumerate(ordered)]


def surveyed(log):
    codec = Codec(log.ids)
    reader, proved = LaneReader(log, codec, 0, (STEP,)), ProvedRecords(log, codec)
    lane = LaneOutcomes(reader, heads(log), Selection(), (STEP,), Report(), proved)
    return lane._surveys["redact"]


@pytest.mark.parametrize(("to", "late"), [(AHEAD - 1, 0), (AHEAD, 3), (INPUTS - 1, 3)])
async def test_what_lies_far_behind_its_turn_is_kept_and_not_looked_ahead_for(to, late):
    log = await a_log(INPUTS)
    moved(log, 0, to)
    assert sum(len(found) for found in surveyed(log).late.values()) == late


async def test_a_log_in_order_has_nothing_late_and_nothing_out_of_turn():
    survey = surveyed(await a_log(INPUTS))
    assert (dict(survey.late), survey.out_of_turn) == ({}, set())


@pytest.mark.parametrize("to", [0, 1, AHEAD, INPUTS - 1])
async def test_outcomes_are_held_against_their_input_however_late_they_lie(to):
    """They lie out of turn, and the next input's run read a row that theirs had not written."""
    log = await a_log(INPUTS)
    moved(log, 0, to)
    report = await verified(log)
    assert report.records == 3 * INPUTS
    told = {entry.reason for entry in report.diverged}
    assert (len(report.diverged), len(told)) == ((3, 1) if to else (0, 0)), told


async def peak_of(count):
    """Return how many bytes verifying a log takes at most, beside the log itself."""
    log = await a_log(count)
    tracemalloc.start()
    try:
        report = await verified(log)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert (report.records, report.equal) == (3 * count, 3 * count)


async def test_no_more_of_a_lane_is_in_memory_than_is_open():
    """What stays of an input is that it was run (`streams.delivery.history`), within bounds."""
    await peak_of(1)  # what is made once: parsed definitions, kept patterns
    small, large = await peak_of(2 * AHEAD), await peak_of(10 * AHEAD)
    assert large - small < 8 * AHEAD * A_RUN_BYTES


def test_no_more_than_the_last_sessions_are_remembered():
    last = LastOutcomes(sessions_max=5)
    for count in (10, 40):
        for number in range(count):
            last.has_turn(("t", f"s{number}"), number, late=False)
        assert len(last._last) == 5


def test_what_a_session_had_before_it_was_forgotten_is_only_known_where_it_can_not_matter():
    last = LastOutcomes(sessions_max=2)
    assert last.has_turn(("t", "a"), 7, late=False)
    assert not last.has_turn(("t", "a"), 6, late=False)
    assert last.has_turn(("t", "a"), 6, late=True)  # it follows the one before
    assert last.has_turn(("t", "b"), 1, late=True)  # none was forgotten so far
    last.has_turn(("t", "c"), 9, late=False)  # forgets a
    assert not last.has_turn(("t", "a"), 8, late=True)
    assert last.has_turn(("t", "b"), 8, late=False)
