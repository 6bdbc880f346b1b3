"""Which outcomes of a lane lie in their turn, and which that do not are lawful."""

import dataclasses

from msgspec.structs import replace

from replay.verify import Verifier
from schemas import Numbered, Placeholders, ReadPlaceholders
from schemas.registry import FixedIds
from streams.log.addressing import address_of
from streams.log.codec import HEADER, MAGIC
from streams.running.run import stamped
from tests.fakes import a_codec
from tests.memory_log import MemoryLog
from tests.replay.little_log import (
    ANSWERS,
    CONFIGURATION,
    STEP,
    asked,
    configuration_set,
    fake_run,
    put,
    verified,
)

COUNTED = Placeholders(entries=(Numbered(placeholder="1", kind="count", digest=""),))


async def passed_by(log, schema_id):
    """Verify two questions of a session, the first of which is answered behind the second, and from its row.

    The first was written under a schema id of its own.
    """
    events = [asked(0), asked(1)]
    value = a_codec().encode(events[0])
    put(log, configuration_set(), key=CONFIGURATION.digest.encode())
    topic, _, key, headers = address_of(events[0])
    log.put(topic, HEADER.pack(MAGIC, schema_id) + value[HEADER.size :], key, headers=headers)
    put(log, events[1])
    for offset, read in ((1, Placeholders()), (0, COUNTED)):
        answers = {**ANSWERS, ReadPlaceholders: lambda _, read=read: read}
        run = fake_run(events[offset], offset, answers)
        await run.execute()
        for outcome in run.outcomes:
            put(log, outcome)
    return await verified(log)


async def test_an_input_that_waited_for_its_schema_may_be_passed_by_others_of_its_session():
    log = MemoryLog()
    ours = log.ids.id_of("QuestionAsked")
    log.ids = FixedIds({**log.ids._definitions, 999: log.ids.definition_of(ours)}, log.ids._ids)
    report = await passed_by(log, 999)
    assert (report.equal, report.diverged) == (6, [])


async def test_an_input_under_a_schema_that_its_passers_have_too_keeps_its_turn():
    log = MemoryLog()
    report = await passed_by(log, log.ids.id_of("QuestionAsked"))
    assert any("contradicts the log" in entry.reason for entry in report.diverged)
    assert {entry.offset for entry in report.diverged} == {3, 4, 5}


async def test_an_input_from_before_its_step_is_counted_by_itself():
    log = MemoryLog()
    event = asked(0)
    put(log, stamped(event, replace(event.meta, step=replace(event.meta.step, code="0.1.0"))))
    later = dataclasses.replace(STEP, since="0.2.0.dev1")
    report = await Verifier(log, {}, lambda _: b"", steps=(later,)).verify()
    assert (report.before_its_time, report.pending, report.diverged) == (1, 0, [])
