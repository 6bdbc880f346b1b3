"""Opening: from the bytes of a record to what is done with it, by whom, and in which order."""

import asyncio
from itertools import repeat

import pytest
from confluent_kafka import Message
from msgspec import structs

from agents.errors import Permanent, Transient
from schemas import (
    Answer,
    AnswerReleased,
    Ask,
    Cause,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
    Usage,
    Verdict,
)
from schemas.definitions import self_contained
from schemas.registry import RegistryAway
from streams.delivery.lane import Lane
from streams.delivery.opening import Opener, Reads
from streams.log.codec import Codec
from streams.log.subjects import subjects
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_registry import MemoryRegistry
from tests.streams.delivery.fake_processor import FakeProcessor
from tests.streams.delivery.lanes import begun, finish

ASKED, RELEASED, REDACTED = map(topic_of, (QuestionAsked, AnswerReleased, QuestionRedacted))
SEALED = Sealed(key="k", event="e", field="text", ciphertext=b"\x00")


def a_question(request="r-1", **fields):
    return QuestionAsked(
        meta=a_meta(request=request, **fields), subject="u", text=SEALED, ask=Ask()
    )


def an_answer(**fields):
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    return AnswerReleased(
        meta=a_meta(**fields),
        text="t",
        answer=Answer(text="t", usage=usage, finish_reason="stop", question="q", query="q"),
        verdict=Verdict(allowed=True),
        subject="u",
    )


def encoded(*events):
    return [a_codec().encode(event) for event in events]


def a_codec_that_has_met(*events):
    """A codec that has to ask nobody for the schemas of these."""
    codec = a_codec()
    for value in encoded(*events):
        codec.decode_any(value)
    return codec


class Bench:
    """An opener of a step that reads questions, and folds answers into its table."""

    def __init__(self, codec=None):
        self.processor = FakeProcessor()
        self.failures, self.folded, self.tries = [], [], 0
        self.tasks = []
        self.pauses = 0
        self.opener = Opener(
            "redact",
            {ASKED: Reads(QuestionAsked), RELEASED: Reads(AnswerReleased, self.fold)},
            codec or a_codec_that_has_met(a_question(), an_answer()),
            self.processor,
            self.spawn,
            self.between_tries,
            holds=self.holds,
        )
        self.proofs = []
        """What is told of who wrote a record, in turn; at the end, that it is its tenant's."""
        self.busy = {}
        self.lanes = {topic: Lane(topic, 0, 0, 16, self.busy) for topic in (ASKED, RELEASED)}

    async def fold(self, event, _offset):
        """Take an answer in, after the failures that are foreseen."""
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.folded.append(event)

    def holds(self, message, tenant):
        """Say whether a record is its tenant's."""
        assert (message.topic(), tenant) == (RELEASED, "acme")
        told = self.proofs.pop(0) if self.proofs else True
        if isinstance(told, Exception):
            raise told
        return told

    def spawn(self, work, lanes):
        self.tasks.append((asyncio.get_running_loop().create_task(work), lanes))

    def between_tries(self):
        for _ in repeat(None):
            self.pauses += 1
            yield 0.0

    def arrive(self, *values, topic=ASKED, key=b"acme"):
        """Let records arrive; returns the items that may run."""
        lane = self.lanes[topic]
        for value in values:
            offset = lane.base + len(lane)
            message = Message(topic=topic, partition=0, offset=offset, key=key, value=value)
            lane.take([(offset, len(message), key, message)])
        return begun(lane, self.opener.open)


@pytest.fixture
def bench():
    return Bench()


# ---------------------------------------------------------------------- what is done


async def test_an_input_is_run_over_its_event(bench):
    [item] = bench.arrive(*encoded(a_question()))
    assert (item.lane, item.offset, item.message.offset()) == (bench.lanes[ASKED], 0, 0)
    await item.work(item)
    assert bench.processor.ran == [(a_question(), item)]


async def test_what_a_fold_reads_goes_into_its_table_and_is_not_run(bench):
    [item] = bench.arrive(*encoded(an_answer()), topic=RELEASED)
    await item.work(item)
    assert bench.folded == [an_answer()]
    assert bench.processor.ran == []


async def test_what_nobody_proved_reaches_no_table(bench):
    bench.proofs = [Transient("not read yet"), False]
    [item] = bench.arrive(*encoded(an_answer()), topic=RELEASED)
    await item.work(item)
    assert (bench.tries, bench.folded, bench.pauses) == (0, [], 1)


def a_redacted(attempt):
    cause = Cause(topic=ASKED, partition=0, offset=0, id="asked")
    meta = a_meta(cause=cause, attempt=attempt)
    return QuestionRedacted(meta=meta, outcome="redacted", subject="u", text="t", ask=Ask())


@pytest.mark.parametrize("put_back", [False, True])
async def test_what_comes_late_of_a_worker_that_lost_its_lane_is_passed_over(put_back):
    codec, processor = a_codec_that_has_met(a_redacted(1)), FakeProcessor()
    reads = {REDACTED: Reads(QuestionRedacted)}
    opener = Opener("rewrite", reads, codec, processor, lambda *_: 0, holds=lambda *_: True)
    lane = Lane(REDACTED, 0, 0, 16)
    headers = [("retry", b"1@0")] if put_back else []
    for offset, attempt in enumerate((1001, 1)):
        value = codec.encode(a_redacted(attempt))
        place = {"topic": REDACTED, "partition": 0, "offset": offset, "key": b"acme"}
        lane.take([(offset, 1, b"acme", Message(**place, value=value, headers=headers))])
        [item] = begun(lane, opener.open)
        await item.work(item)
        finish(lane, item)
    ran = [event.meta.attempt for event, _ in processor.ran]
    late = [event.meta.attempt for event, _ in processor.passed_over]
    assert (ran, late) == (([1001, 1], []) if put_back else ([1001], [1]))


UNREADABLE = {
    "a tombstone": None,
    "no record": b"",
    "plain text": b"\x01 plain",
    "cut off": encoded(a_question())[0][:-1],
    "of another topic": encoded(an_answer())[0],
    "of another lane": encoded(a_question(lane=3))[0],
    "of another tenant": encoded(a_question(tenant="globex"))[0],
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_can_not_be_read_is_refused_and_reaches_no_step(bench, value):
    [item] = bench.arrive(value)
    await item.work(item)
    [(_, refused)] = bench.processor.refused
    assert refused is item
    assert bench.processor.ran == []


async def test_what_can_not_be_read_of_a_fold_is_refused_too(bench):
    [item] = bench.arrive(b"no record", topic=RELEASED)
    await item.work(item)
    assert len(bench.processor.refused) == 1
    assert bench.tries == 0


# ---------------------------------------------------------------------- in which order


async def test_a_session_goes_on_when_the_event_before_is_done_whichever_topic_it_came_by(bench):
    first, other = bench.arrive(
        *encoded(a_question("r-1"), a_question("r-2"), a_question("r-3", session="s-2"))
    )
    assert [item.offset for item in (first, other)] == [0, 2]
    assert bench.arrive(*encoded(an_answer()), topic=RELEASED) == []
    finish(bench.lanes[ASKED], first)
    [second] = begun(bench.lanes[ASKED], bench.opener.open)
    assert second.offset == 1
    finish(bench.lanes[ASKED], second)
    [answer] = begun(bench.lanes[RELEASED], bench.opener.open)
    assert answer.lane is bench.lanes[RELEASED]


async def test_nobody_waits_for_another_user_who_calls_a_session_the_same(bench):
    mine, theirs = a_question("r-1"), structs.replace(a_question("r-2"), subject="other")
    again = a_question("r-3")
    assert [item.offset for item in bench.arrive(*encoded(mine, theirs, again))] == [0, 1]


async def test_what_can_not_be_read_holds_up_no_session_and_nothing_of_its_kind(bench):
    items = bench.arrive(b"no record", *encoded(a_question()), b"no record")
    assert [item.offset for item in items] == [0, 1, 2]


# ---------------------------------------------------------------------- a table that fails


async def test_a_table_that_was_not_written_is_tried_again_until_it_is(bench):
    bench.failures = [Transient("away"), Transient("away")]
    [item] = bench.arrive(*encoded(an_answer()), topic=RELEASED)
    await item.work(item)
    assert bench.folded == [an_answer()]
    assert (bench.tries, bench.pauses) == (3, 2)


async def test_what_a_table_can_never_take_is_left_out(bench):
    bench.failures = [Permanent("too large")]
    [item] = bench.arrive(*encoded(an_answer()), topic=RELEASED)
    await item.work(item)
    assert (bench.folded, bench.tries) == ([], 1)


async def test_a_mistake_in_a_fold_is_passed_on(bench):
    bench.failures = [ZeroDivisionError()]
    [item] = bench.arrive(*encoded(an_answer()), topic=RELEASED)
    with pytest.raises(ZeroDivisionError):
        await item.work(item)


# ---------------------------------------------------------------------- a schema never met


async def test_a_record_under_a_new_schema_runs_once_the_registry_has_told_it():
    records = dict.fromkeys(subjects().values())
    registry = MemoryRegistry(
        {number: self_contained(name) for number, name in enumerate(records, start=1)}
    )
    registry.errors.extend([RegistryAway("away")] * 2)
    bench = Bench(Codec(registry))
    lane = bench.lanes[ASKED]
    passed = asyncio.Event()
    lane.on_progress = lambda _: passed.set()
    assert bench.arrive(*encoded(a_question("r-1"), a_question("r-2", session="s-2"))) == []
    assert bench.arrive(*encoded(a_question("r-3", session="s-3"))) == []
    [(learning, lanes)] = bench.tasks  # it is asked once for all that wait, and ends with the lane
    assert lanes == [lane]
    await asyncio.wait_for(learning, 60)
    assert passed.is_set()
    assert len(registry.asked) == 3
    items = begun(lane, bench.opener.open)
    assert [item.offset for item in items] == [0, 1, 2]
    assert len(bench.tasks) == 1
