"""The reader of the log, over a broker in memory."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, Message
from msgspec import structs

from agents.errors import Transient
from edge.listening.catalogue import known_from
from edge.listening.entries import HISTORY, RESULTS, Dispatch, Gap
from edge.listening.log_reader import (
    READ_BACK_AT_ONCE,
    READ_BACK_MAX,
    READ_BACK_WAITING_MAX,
    SKEW_MS,
    LogReader,
)
from schemas import AnswerReleased, AnswerRetracted, QuestionAsked, TokensReleased, Verdict
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION, WHOLE
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker, MemoryConsumer

CODEC = a_codec()
SETTINGS = Settings(partitions=1)
EVERYWHERE = sorted({topic_of(kind) for kind in (*HISTORY, *RESULTS)})
REQUEST = known_from(QUESTION, 1_700_000_000_000)
SINCE_MS = REQUEST.time_ms - SKEW_MS


class Log:
    """A broker whose topics are there, and the consumers that were made to read them."""

    def __init__(self, consumer=MemoryConsumer):
        self.broker = MemoryBroker(partitions=1)
        for topic in EVERYWHERE:
            self.broker.create(topic)
        self.consumers, self.settings = [], []
        self._consumer = consumer

    def put(self, event, *, value=None, request=None, time_ms=SINCE_MS, key=None):
        headers = [
            ("id", b"x"),
            ("request", (request or event.meta.request).encode()),
            ("empty", None),
        ]
        content = CODEC.encode(event) if value is None else value
        key = event.meta.tenant.encode() if key is None else key
        return self.broker.put(topic_of(event), content, key=key, headers=headers, time_ms=time_ms)

    def new_consumer(self, _settings, _name, **more):
        self.settings.append(more)
        self.consumers.append(self._consumer(self.broker))
        return self.consumers[-1]

    def reader(self, **more):
        return LogReader(SETTINGS, CODEC, new_consumer=self.new_consumer, **more)

    @property
    def all_closed(self):
        return all(one.closed for one in self.consumers)


@pytest.fixture
def log():
    return Log()


def a_hiccup():
    """What the client says of a connection that it makes anew by itself."""
    return Message(offset=-1001, error=KafkaError(KafkaError._TRANSPORT))


# ---------------------------------------------------------------------- live


class Live:
    """What a live reader hands on."""

    def __init__(self, log, awaits=lambda *_: False, **more):
        self.entries = []
        self.dispatch = Dispatch([self.entries.append], awaits)
        self.reader = log.reader(again_s=0.01, **more)

    async def __aenter__(self):
        self.reader.start(self.dispatch)
        return self

    async def __aexit__(self, *_):
        await self.reader.stop()

    async def until(self, what):
        async with asyncio.timeout(10):
            while not what():  # noqa: ASYNC110 - another thread makes it so
                await asyncio.sleep(0.005)

    @property
    def events(self):
        return [entry.event for entry in self.entries]


async def test_history_is_read_from_the_beginning_and_results_from_now_on(log):
    log.put(QUESTION)
    log.put(WHOLE[0])
    async with Live(log, awaits=lambda *_: True) as live:
        await live.until(lambda: live.reader.ready)
        assert live.events == [QUESTION]
        log.put(WHOLE[1])
        await live.until(lambda: len(live.entries) > 1)
        assert live.events == [QUESTION, WHOLE[1]]
    [consumer] = log.consumers
    history = {topic_of(kind) for kind in HISTORY}
    begins = {one.topic: one.offset for one in consumer.assigned}
    assert {topic for topic, begin in begins.items() if begin == OFFSET_BEGINNING} == history
    ends = {topic for topic, begin in begins.items() if begin == OFFSET_END}
    assert ends == set(EVERYWHERE) - history
    assert consumer.closed


class Endless(MemoryConsumer):
    """Does not come to the end of one topic."""

    def poll(self, timeout):
        message = super().poll(timeout)
        if message is not None and message.error() and message.topic() == EVERYWHERE[0]:
            return None
        return message


async def test_a_reader_is_not_ready_before_it_came_to_every_end():
    log = Log(Endless)
    log.put(QUESTION)
    async with Live(log) as live:
        await live.until(lambda: live.entries)
        log.put(QUESTION)
        await live.until(lambda: len(live.entries) > 1)
        assert not live.reader.ready


@pytest.mark.parametrize(
    ("awaited", "handed"), [(True, WHOLE), (False, [e for e in WHOLE if isinstance(e, HISTORY)])]
)
async def test_results_are_handed_on_only_to_whoever_waits(log, awaited, handed):
    async with Live(log, awaits=lambda *_: awaited) as live:
        await live.until(lambda: live.reader.ready)
        for event in (*WHOLE, QUESTION):
            log.put(event)
            if event in handed:
                await live.until(lambda event=event: event in live.events)
        await live.until(lambda: QUESTION in live.events)
        assert live.events == [*handed, QUESTION]


async def test_what_is_no_record_of_ours_is_passed_over(log):
    log.put(QUESTION, value=b"nonsense")
    log.put(QUESTION)
    log.broker.signs.append(a_hiccup())
    async with Live(log) as live:
        await live.until(lambda: live.entries)
        assert [entry.offset for entry in live.entries] == [1]


async def drained(outcomes):
    while True:
        await outcomes.next(10)


async def test_after_an_error_it_reads_again_and_every_reader_is_told_to_resume(log):
    live = Live(log)
    with live.dispatch.subscribe(REQUEST) as outcomes:
        async with live:
            await live.until(lambda: live.reader.ready)
            log.put(QUESTION)
            log.broker.signs.append(RuntimeError("broken"))
            with pytest.raises(Gap):
                await drained(outcomes)
            await live.until(lambda: live.entries and live.reader.ready)
    assert len(log.consumers) == 2
    assert log.all_closed


async def test_its_live_consumer_commits_nothing(log):
    async with Live(log) as live:
        await live.until(lambda: live.reader.ready)
    [settings] = log.settings
    assert not {"enable.auto.commit", "enable.auto.offset.store"} & set(settings)


def forged(kind):
    """What a stranger may put on a topic of results about a request that is not theirs."""
    meta = WHOLE[0].meta
    return {
        "under another tenant's key": (WHOLE[0], b"globex"),
        "under no key": (WHOLE[0], b""),
        "of another tenant": (
            structs.replace(WHOLE[0], meta=structs.replace(meta, tenant="globex")),
            b"globex",
        ),
        "of another lane": (structs.replace(WHOLE[0], meta=structs.replace(meta, lane=1)), b"acme"),
    }[kind]


FORGERIES = ("under another tenant's key", "under no key", "of another tenant", "of another lane")


@pytest.mark.parametrize("kind", FORGERIES)
async def test_what_is_forged_reaches_no_reader_live_or_back(log, kind):
    event, key = forged(kind)
    live = Live(log)
    with live.dispatch.subscribe(REQUEST) as outcomes:
        async with live:
            await live.until(lambda: live.reader.ready)
            log.put(event, key=key)
            log.put(WHOLE[1])
            assert (await outcomes.next(10)).event == WHOLE[1]
    back = await log.reader().read_back(REQUEST, [type(event), type(WHOLE[1])])
    assert [entry.event for entry in back] == [WHOLE[1]]


# ---------------------------------------------------------------------- back

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


@pytest.mark.parametrize("away", [False, True])
async def test_whether_the_broker_is_there(log, away):
    log.broker.away = away
    assert await log.reader().reachable() is not away
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
    assert log.consumers[0].times == 2


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


async def test_whoever_comes_while_many_wait_is_told_to_come_again(log):
    held = threading.Event()

    class Held(MemoryConsumer):
        def offsets_for_times(self, *args, **fields):
            held.wait(10)
            return super().offsets_for_times(*args, **fields)

    log = Log(Held)
    log.put(QUESTION)
    reader = log.reader()
    waiting = [
        asyncio.create_task(reader.read_back(REQUEST, KINDS))
        for _ in range(READ_BACK_AT_ONCE + READ_BACK_WAITING_MAX)
    ]
    try:
        await asyncio.sleep(0)
        with pytest.raises(Transient, match="64 others wait"):
            await reader.read_back(REQUEST, KINDS)
    finally:
        held.set()
    assert all(len(found) == 1 for found in await asyncio.gather(*waiting))
    assert len(await reader.read_back(REQUEST, KINDS)) == 1
