"""What the gate of producers decided is verified from the log alone: letters, and runs that it let through."""

import dataclasses

import pytest

from replay.verify import Verifier
from schemas import Begun, ConfigurationSet, EventRejected, QuestionAsked, QuestionRedacted
from streams.log.addressing import address_of
from streams.log.configuration import PRODUCERS
from streams.log.producer_signature import SignedRecord
from streams.log.setup import configuration_records
from streams.topics import STEPS, topic_of
from tests.fakes import DIGEST_KEY, a_codec
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys
from tests.streams.delivery.processor_bench import ProcessorBench, a_message, a_question

ASKED = topic_of(QuestionAsked)
CODEC = a_codec()


async def passes(event, fx):
    yield QuestionRedacted(outcome="redacted", subject="u", text="t", ask=event.ask)


STEP = dataclasses.replace(next(one for one in STEPS if one.name == "redact"), function=passes)


class Asking:
    """A lane whose step asks for proof from offset 1 on, and the log that it leaves."""

    def __init__(self):
        self.keys = ProducerKeys({ASKED: [1]})
        self.acme = self.keys.signer("acme")
        self.bench = ProcessorBench(passes)
        self.log = MemoryLog()
        self.configure()

    def configure(self):
        """Put the keys there are now in force, and on the log."""
        self.bench.configurations[PRODUCERS] = made = self.keys.configuration
        [record] = configuration_records({PRODUCERS: made})
        self._put(record, key=record.digest.encode())

    async def take(self, question, signer=None, **signed):
        """Have the step process a question as it lies on the log."""
        value, key = CODEC.encode(question), question.meta.tenant.encode()
        record = SignedRecord(ASKED, key, value, question.meta.tenant)._replace(**signed)
        headers = [] if signer is None else [signer.header(record)]
        _, offset = self.log.put(ASKED, value, key=key, partition=0, headers=headers)
        message = a_message(key, value, headers)
        await self.bench.run(question, message, offset=offset)

    async def verified(self):
        [record] = configuration_records({"redact": self.bench.configurations["redact"]})
        self._put(record, key=record.digest.encode())
        for event in self.bench.outcomes:
            self._put(event)
        verifier = Verifier(self.log, {}, lambda _: DIGEST_KEY, steps=(STEP,))
        return await verifier.verify()

    def _put(self, event, **fields):
        topic, partition, key, headers = address_of(event)
        place = {"key": key, "partition": partition, "headers": headers, **fields}
        self.log.put(topic, CODEC.encode(event), **place)

    def begun(self, outcome):
        return CODEC.decode(outcome.meta.effects[0].response, Begun)


@pytest.fixture
def asking():
    return Asking()


async def test_all_that_the_gate_decides_verifies(asking):
    keys = asking.keys
    await asking.take(a_question(request="before"))  # nothing was asked yet
    await asking.take(a_question(request="signed"), asking.acme)
    await asking.take(a_question(request="unsigned"))
    await asking.take(a_question(request="moved"), asking.acme, key=b"globex")
    globex = keys.signer("globex")
    asking.configure()
    await asking.take(a_question(request="foreign"), globex)
    report = await asking.verified()
    assert (report.equal, report.diverged, report.unverifiable) == (5, [], [])
    by_kind = {type(one): [] for one in asking.bench.outcomes}
    for one in asking.bench.outcomes:
        by_kind[type(one)].append(one)
    assert {one.meta.request for one in by_kind[QuestionRedacted]} == {"before", "signed"}
    letters = by_kind[EventRejected]
    assert {one.error for one in letters} == {"Unproved"}
    assert {(one.meta.tenant, one.meta.request) for one in letters} == {("", "")}
    assert all("nobody proved who wrote this record" in one.message for one in letters)
    asked = {one.meta.request: asking.begun(one).producers for one in by_kind[QuestionRedacted]}
    assert asked["before"] == ""
    assert asked["signed"] != ""


async def test_a_forged_copy_takes_nothing_away_from_the_request_that_comes_after_it(asking):
    question = a_question(request="r-1")
    await asking.take(a_question(request="first"), asking.acme)
    await asking.take(question)
    await asking.take(question, asking.acme)
    await asking.take(question)  # a copy of what was answered is a copy
    report = await asking.verified()
    assert (report.equal, report.diverged, report.duplicates) == (3, [], 1)
    kinds = sorted((type(one).__name__, one.meta.request) for one in asking.bench.outcomes)
    assert kinds == [
        ("EventRejected", ""),
        ("QuestionRedacted", "first"),
        ("QuestionRedacted", "r-1"),
    ]


async def test_a_letter_over_a_record_that_was_proved_diverges(asking):
    await asking.take(a_question(request="before"))
    await asking.take(a_question(request="unsigned"))
    rows = asking.log.topics[ASKED, 0]
    value, key = rows[1].value, rows[1].key
    header = asking.acme.header(SignedRecord(ASKED, key, value, "acme"))
    rows[1] = dataclasses.replace(rows[1], headers=(header,))
    report = await asking.verified()
    [told] = report.diverged
    assert told.reason == "it rejects a record for its producer, who proved its tenant"


async def test_a_run_over_a_record_that_was_not_proved_diverges(asking):
    await asking.take(a_question(request="before"))
    await asking.take(a_question(request="signed"), asking.acme)
    rows = asking.log.topics[ASKED, 0]
    rows[1] = dataclasses.replace(rows[1], headers=())
    report = await asking.verified()
    [told] = report.diverged
    assert "its step ran over a record of which nobody proved who wrote it" in told.reason


async def test_without_the_configuration_that_asked_nothing_is_believed(asking):
    await asking.take(a_question(request="before"))
    await asking.take(a_question(request="unsigned"))
    asking.log.topics[topic_of(ConfigurationSet), 0].clear()
    report = await asking.verified()
    [told] = report.diverged
    assert f"is not on {topic_of(ConfigurationSet)}" in told.reason
