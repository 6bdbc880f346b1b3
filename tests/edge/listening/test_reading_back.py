"""Reading back what requests left on the log, over a broker in memory."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from functools import partial

import pytest
from confluent_kafka import KafkaException
from msgspec import structs

from agents.errors import Transient
from edge.listening.answer_stretches import SKEW_MS
from edge.listening.known_requests import known_from
from edge.listening.reading_back import READ_BACK_MAX, BackReader
from edge.listening.reading_turns import AT_ONCE, ReadingTurns
from schemas import AnswerReleased, AnswerRetracted, QuestionAsked, TokensReleased, Verdict
from streams.log.schema_asker import SchemaAsker
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION, WHOLE
from tests.edge.listening.test_log_reader import CODEC, REQUEST, SINCE_MS, Log, a_hiccup
from tests.fakes import a_meta
from tests.memory_broker import MemoryConsumer


@pytest.fixture
def log():
    return Log()


KINDS = (QuestionAsked, TokensReleased, AnswerReleased)


async def test_a_request_is_read_back_with_all_that_came_of_it(log):
    log.put(QUESTION, value=b"what was before")
    log.put(QUESTION, time_ms=7 + REQUEST.time_ms)
    for event in WHOLE:
        log.put(event)
    entries = await log.reader().read_back(REQUEST, KINDS)
    assert sorted(entry.event.meta.id for entry in entries) == sorted(
        event.meta.id for event in (QUESTION, *WHOLE)
    )
    [question] = [entry for entry in entries if entry.event == QUESTION]
    assert (question.partition, question.offset) == (0, 1)
    assert question.time_ms == 7 + REQUEST.time_ms
    assert log.all_closed


async def test_questions_are_read_where_they_lie_and_only_their_tenants(log):
    log.put(QUESTION, value=b"nonsense")
    log.put(QUESTION)
    asked = [structs.replace(QUESTION, meta=a_meta(request=name)) for name in ("r-1", "r-2")]
    for one in asked:
        log.put(one)
    places = [known_from(one, 1, offset) for offset, one in enumerate(asked, 2)]
    elsewhere = [replace(places[0], offset=at) for at in (-1, 0, 1, 3, 99)]
    theirs = replace(places[1], tenant="globex")
    found = await log.reader().questions([*elsewhere, *places])
    assert found == {"r-1": asked[0], "r-2": asked[1]}
    assert await log.reader().questions([theirs]) == {}
    assert await log.reader().questions([elsewhere[3]]) == {}, "another request lies there"
    assert await log.reader().questions([]) == {}
    assert log.all_closed


async def test_records_of_a_topic_are_read_back_in_their_order(log):
    for _ in range(3):
        log.put(WHOLE[0])
    entries = await log.reader().read_back(REQUEST, KINDS)
    assert [entry.offset for entry in entries] == [0, 1, 2]


async def test_what_lies_before_a_request_is_not_read_but_for_what_clocks_may_differ(log):
    log.put(QUESTION, time_ms=SINCE_MS - 1)
    log.put(QUESTION, time_ms=SINCE_MS)
    [entry] = await log.reader().read_back(REQUEST, KINDS)
    assert entry.offset == 1


async def test_what_lies_beside_it_is_left_out(log):
    log.put(QUESTION, request="another")
    log.put(QUESTION, value=b"nonsense")
    log.put(QUESTION)
    assert [entry.offset for entry in await log.reader().read_back(REQUEST, KINDS)] == [2]


async def test_another_tenants_record_under_the_same_id_is_left_out(log):
    log.put(QUESTION)
    theirs = type(REQUEST)(**{**vars(REQUEST), "tenant": "globex"})
    assert await log.reader().read_back(theirs, KINDS) == []


class WrittenMeanwhile(MemoryConsumer):
    """One more record is written as soon as it is known where to read to."""

    def assign(self, places):
        super().assign(places)
        rows = self._broker.rows[topic_of(QUESTION), 0]
        self._broker.put(
            topic_of(QUESTION),
            rows.messages[0].value(),
            headers=rows.messages[0].headers(),
            time_ms=SINCE_MS,
        )


async def test_what_is_written_while_it_is_read_back_is_left_to_the_live_reader():
    log = Log(WrittenMeanwhile)
    for _ in range(2):
        log.put(QUESTION)
    entries = await log.reader().read_back(REQUEST, [QuestionAsked])
    assert [entry.offset for entry in entries] == [0, 1]
    assert log.broker.rows[topic_of(QUESTION), 0].end == 3


async def test_nothing_is_read_where_nothing_was_written_since(log):
    log.put(QUESTION, time_ms=SINCE_MS - 1)
    log.broker.signs.append(AssertionError("it was polled"))
    assert await log.reader().read_back(REQUEST, KINDS) == []
    assert log.all_closed


async def test_a_request_with_too_many_records_is_cut_off(log):
    value = CODEC.encode(WHOLE[0])
    for _ in range(READ_BACK_MAX + 2):
        log.put(WHOLE[0], value=value)
    assert len(await log.reader().read_back(REQUEST, KINDS)) == READ_BACK_MAX
    assert log.consumers[0].assigned == []
    assert log.all_closed


async def test_a_broker_that_gives_nothing_is_given_up(log):
    log.put(QUESTION)
    log.broker.away = True
    with pytest.raises(Transient, match="TimeoutError"):
        await log.reader().read_back(REQUEST, [QuestionAsked])
    assert log.all_closed


@pytest.mark.parametrize("sign", [KafkaException("away"), a_hiccup()])
async def test_a_broker_that_is_away_is_transient(log, sign):
    log.put(QUESTION)
    log.broker.signs.append(sign)
    with pytest.raises(Transient, match="KafkaException"):
        await log.reader().read_back(REQUEST, [QuestionAsked])
    assert log.all_closed


# ---------------------------------------------------------------------- back, much later

DEADLINE = known_from(
    structs.replace(
        QUESTION, ask=structs.replace(QUESTION.ask, deadline=(REQUEST.time_ms + 5_000) * 1_000)
    ),
    REQUEST.time_ms,
)
LATER_MS = REQUEST.time_ms + 5_000 + 2 * SKEW_MS
WITH_RETRACTIONS = (*KINDS, AnswerRetracted)


class Reading(MemoryConsumer):
    """Tells how often partitions were assigned to be read."""

    times: int = 0

    def assign(self, places):
        super().assign(places)
        self.times += 1


def with_later_records_of_others(log):
    value = CODEC.encode(WHOLE[0])
    for _ in range(50):
        log.put(WHOLE[0], value=value, request="another", time_ms=LATER_MS)


async def test_of_a_released_answer_nothing_is_read_that_came_long_after_it():
    log = Log(Reading)
    for event in (QUESTION, *WHOLE):
        log.put(event)
    with_later_records_of_others(log)
    entries = await log.reader().read_back(DEADLINE, WITH_RETRACTIONS)
    assert {entry.event.meta.id for entry in entries} == {
        event.meta.id for event in (QUESTION, *WHOLE)
    }
    assert log.consumers[0].times == 1


async def test_several_requests_are_read_at_once_and_no_stretch_twice():
    log = Log(Reading)
    for event in (QUESTION, *WHOLE):
        log.put(event)
    with_later_records_of_others(log)
    other = structs.replace(QUESTION, meta=structs.replace(QUESTION.meta, request="other"))
    theirs = replace(DEADLINE, request="other", tenant="globex")
    mine = replace(DEADLINE, time_ms=DEADLINE.time_ms + 1)
    log.put(other, time_ms=REQUEST.time_ms, request="other")
    found = await log.reader().read_back_many([DEADLINE, mine], WITH_RETRACTIONS)
    assert {entry.event.meta.id for entry in found[DEADLINE.whose]} == {
        event.meta.id for event in (QUESTION, *WHOLE)
    }
    assert len(found[DEADLINE.whose]) == 1 + len(WHOLE)
    assert log.consumers[0].times == 1
    found = await log.reader().read_back_many([DEADLINE, theirs], WITH_RETRACTIONS)
    assert found[theirs.whose] == []


async def test_of_several_requests_one_that_was_answered_late_is_looked_for_by_itself():
    log = Log(Reading)
    log.put(QUESTION)
    with_later_records_of_others(log)
    for event in WHOLE:
        log.put(event, time_ms=LATER_MS)
    found = await log.reader().read_back_many([DEADLINE], WITH_RETRACTIONS)
    assert {entry.event.meta.id for entry in found[DEADLINE.whose]} == {
        event.meta.id for event in (QUESTION, *WHOLE)
    }


async def test_an_answer_that_came_late_is_found_behind_all_others():
    log = Log(Reading)
    log.put(QUESTION)
    with_later_records_of_others(log)
    for event in WHOLE:
        log.put(event, time_ms=LATER_MS)
    entries = await log.reader().read_back(DEADLINE, WITH_RETRACTIONS)
    assert {entry.event.meta.id for entry in entries} == {
        event.meta.id for event in (QUESTION, *WHOLE)
    }
    assert [one.times for one in log.consumers] == [1, 1], "its stretch with others, then the rest"


async def test_a_retraction_is_found_however_late_it_came(log):
    retracted = AnswerRetracted(
        meta=structs.replace(WHOLE[-1].meta, id="retracted"),
        reason="why",
        verdict=Verdict(allowed=False),
        subject=QUESTION.subject,
    )
    for event in (QUESTION, *WHOLE):
        log.put(event)
    with_later_records_of_others(log)
    log.put(retracted, time_ms=2 * LATER_MS)
    entries = await log.reader().read_back(DEADLINE, WITH_RETRACTIONS)
    assert retracted in [entry.event for entry in entries]


# ---------------------------------------------------------------------- several who wait


class HeldConsumer(MemoryConsumer):
    """Says where anything lies only once it may, and how many wait for that."""

    def __init__(self, broker, gate):
        super().__init__(broker)
        self._gate = gate

    def offsets_for_times(self, *args, **fields):
        self._gate.come_to()
        return super().offsets_for_times(*args, **fields)


class Gate:
    """What readings wait at, on their threads."""

    def __init__(self):
        self.open = threading.Event()
        self.waiting = 0

    def come_to(self):
        self.waiting += 1
        assert self.open.wait(60)


async def until(what):
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - another thread makes it so
            await asyncio.sleep(0.001)


def of_name(name, time_ms=DEADLINE.time_ms):
    return replace(DEADLINE, request=name, time_ms=time_ms)


async def test_those_who_wait_for_a_lane_are_read_together_however_many_they_are():
    gate = Gate()
    log = Log(lambda broker: HeldConsumer(broker, gate))
    names = [f"r-{number}" for number in range(20)]
    for name in names:
        for event in WHOLE:
            told = structs.replace(event, meta=structs.replace(event.meta, request=name))
            log.put(told, request=name)
    turns = ReadingTurns(60.0)
    consumer = partial(log.new_consumer, None, "test")
    reader = BackReader(consumer, SchemaAsker(CODEC), ProducerProof(), turns)
    # whoever came first holds all turns
    first = [asyncio.create_task(reader.read_back(REQUEST, KINDS)) for _ in range(AT_ONCE)]
    await until(lambda: gate.waiting == AT_ONCE)
    rest = [asyncio.create_task(reader.read_back(of_name(name), KINDS)) for name in names]
    gone = asyncio.create_task(reader.read_back(of_name("gone"), KINDS))
    await asyncio.sleep(0)
    gone.cancel()
    gate.open.set()
    for name, entries in zip(names, await asyncio.gather(*rest), strict=True):
        assert {entry.event.meta.request for entry in entries} == {name}
        assert len(entries) == len(WHOLE)
    await asyncio.gather(*first)
    assert len(log.consumers) == AT_ONCE + 1
    assert log.all_closed


async def test_of_stretches_that_meet_the_broker_is_asked_once():
    log = Log(Reading)
    for event in (QUESTION, *WHOLE):
        log.put(event)
    asked = []

    class Asked(Reading):
        def offsets_for_times(self, places, *args, **fields):
            asked.extend(places)
            return super().offsets_for_times(places, *args, **fields)

    log._consumer = Asked
    near = [of_name(f"r-{n}", DEADLINE.time_ms + n * SKEW_MS) for n in range(9)]
    far = of_name("far", DEADLINE.time_ms + 100 * SKEW_MS)
    found = log.reader()._back._read_back_many([DEADLINE, *near, far], KINDS, lambda: False)
    assert len(found[DEADLINE.whose]) == 1 + len(WHOLE)
    assert len(asked) == 2 * 2 * len(KINDS), "where each of two stretches begins and ends"
