"""Whatever is done to a small log, verify comes to a report, and what matters does not pass."""

import asyncio
import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.running.run import stamped
from tests.fakes import a_codec
from tests.memory_log import MemoryLog
from tests.replay.little_log import REDACTED, a_log, verified

WHOLE = asyncio.run(a_log(2))
ROWS = WHOLE.topics[REDACTED, 0]


def tampered(**rows):
    """Return the log with other rows in its topics, each at the offset where it lies now."""
    log = MemoryLog()
    log.topics = {place: list(of_place) for place, of_place in WHOLE.topics.items()}
    for topic, of_topic in rows.items():
        log.topics[topic, 0] = [
            dataclasses.replace(row, topic=topic, offset=offset)
            for offset, row in enumerate(of_topic)
        ]
    return log


@given(st.data())
def test_a_log_that_is_cut_doubled_and_shuffled_leads_to_a_report(data):
    every = [row for rows in WHOLE.topics.values() for row in rows]
    some = st.lists(st.sampled_from(every), max_size=8)
    log = tampered(**{topic: data.draw(some, topic) for topic, _ in WHOLE.topics})
    log.acknowledged["redact"] = data.draw(st.integers(0, 3), "acknowledged")
    report = asyncio.run(verified(log))
    assert report.records >= report.equal + report.superseded + report.erased
    assert report.model_calls == 0


def without_effects(value):
    """Leave out what was answered, when and by whom: facts, which rest on nothing in the log."""
    record = a_codec().decode_any(value)
    return stamped(record, replace(record.meta, effects=()))


@given(st.integers(0, len(ROWS) - 1), st.data())
def test_a_byte_that_is_changed_outside_the_recorded_effects_is_noticed(index, data):
    value = bytearray(ROWS[index].value)
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    forged = bytes(value)
    rows = [*ROWS]
    rows[index] = dataclasses.replace(ROWS[index], value=forged)
    report = asyncio.run(verified(tampered(**{REDACTED: rows})))
    if not report.diverged:
        assert without_effects(forged) == without_effects(ROWS[index].value)


@given(st.sets(st.integers(0, len(ROWS) - 1), min_size=1))
def test_an_outcome_that_is_left_out_never_goes_unnoticed(left_out):
    rows = [row for number, row in enumerate(ROWS) if number not in left_out]
    assert asyncio.run(verified(tampered(**{REDACTED: rows}))).diverged


@given(st.permutations(range(len(ROWS))))
def test_records_in_another_order_never_go_unnoticed(order):
    report = asyncio.run(verified(tampered(**{REDACTED: [ROWS[number] for number in order]})))
    assert bool(report.diverged) == (order != sorted(order))


@given(st.lists(st.sampled_from(range(len(ROWS))), max_size=6))
def test_each_copy_is_named_however_many_there_are(copies):
    rows = [*ROWS, *(ROWS[number] for number in copies)]
    report = asyncio.run(verified(tampered(**{REDACTED: rows})))
    assert (report.equal, len(report.unverifiable)) == (len(ROWS), len(copies))
    assert report.diverged == []
