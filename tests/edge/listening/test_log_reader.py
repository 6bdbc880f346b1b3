"""The reader of the log, over a consumer in memory."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaException

from agents.errors import Transient
from edge.listening.catalogue import known_from
from edge.listening.entries import HISTORY, RESULTS, Dispatch, Gap
from edge.listening.log_reader import READ_BACK_MAX, SKEW_MS, LogReader
from schemas import AnswerReleased, QuestionAsked, TokensReleased
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION, WHOLE
from tests.edge.fake_consumer import FakeConsumer, FakeMessage, a_hiccup, the_end
from tests.fakes import a_codec

CODEC = a_codec()
SETTINGS = Settings(partitions=1)
EVERYWHERE = sorted({topic_of(kind) for kind in (*HISTORY, *RESULTS)})
REQUEST = known_from(QUESTION, 1_700_000_000_000)


def message(event, offset=0, value=None, request=None):
    headers = [("request", (request or event.meta.request).encode()), ("empty", None)]
    content = CODEC.encode(event) if value is None else value
    return FakeMessage(topic_of(event), 0, offset, content, headers)


def a_reader(*consumers, **more):
    """A reader whose consumers are these, one after the other; the last is given again."""
    waiting = list(consumers)

    def new_consumer(*_):
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return LogReader(
        SETTINGS, CODEC, new_consumer=new_consumer, new_bounded_consumer=new_consumer, **more
    )


# ---------------------------------------------------------------------- live


class Live:
    """What a live reader hands on."""

    def __init__(self, *consumers, awaits=lambda _: False):
        self.entries = []
        self.dispatch = Dispatch([self.entries.append], awaits)
        self.reader = a_reader(*consumers, again_s=0.01)

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


async def test_history_is_read_from_the_beginning_and_results_from_now_on():
    consumer = FakeConsumer([message(QUESTION), *(the_end(topic) for topic in EVERYWHERE)])
    async with Live(consumer) as live:
        await live.until(lambda: live.reader.ready)
        assert live.events == [QUESTION]
    history = {topic_of(kind) for kind in HISTORY}
    assert {one.topic for one in consumer.assigned} == set(EVERYWHERE)
    begins = {one.topic: one.offset for one in consumer.assigned}
    assert {topic for topic, offset in begins.items() if offset == -2} == history
    assert {topic for topic, offset in begins.items() if offset == -1} == set(EVERYWHERE) - history
    assert consumer.closed


async def test_a_reader_is_not_ready_before_it_came_to_every_end():
    ends = [the_end(topic) for topic in EVERYWHERE]
    async with Live(FakeConsumer([*ends[1:], message(QUESTION)])) as live:
        await live.until(lambda: live.entries)
        assert not live.reader.ready


@pytest.mark.parametrize(("awaited", "handed"), [(True, WHOLE), (False, [])])
async def test_results_are_handed_on_only_to_whoever_waits(awaited, handed):
    consumer = FakeConsumer(
        [*(message(event, n) for n, event in enumerate(WHOLE)), message(QUESTION)]
    )
    async with Live(consumer, awaits=lambda _: awaited) as live:
        await live.until(lambda: QUESTION in live.events)
        assert live.events == [*handed, QUESTION]


async def test_what_is_no_record_of_ours_is_passed_over():
    broken = message(QUESTION, value=b"nonsense")
    async with Live(FakeConsumer([broken, a_hiccup(EVERYWHERE[0]), message(QUESTION, 1)])) as live:
        await live.until(lambda: live.entries)
        assert [entry.offset for entry in live.entries] == [1]


async def test_after_an_error_it_reads_again_and_every_reader_is_told_to_resume():
    first = FakeConsumer([*(the_end(topic) for topic in EVERYWHERE), RuntimeError("broken")])
    second = FakeConsumer([message(QUESTION)])
    live = Live(first, second)
    with live.dispatch.subscribe("r-1") as outcomes:
        async with live:
            await live.until(lambda: live.entries)
            assert not live.reader.ready
            with pytest.raises(Gap):
                await outcomes.next(0.1)
    assert first.closed


# ---------------------------------------------------------------------- back


def reading_back(*messages, kinds=(QuestionAsked, TokensReleased, AnswerReleased)):
    """A reader of these records, each topic of which ends behind the last one of them."""
    extents = {}
    for one in messages:
        begin, end = extents.get(one.topic(), (one.offset(), 0))
        extents[one.topic()] = min(begin, one.offset()), max(end, one.offset() + 1)
    consumer = FakeConsumer(messages, extents)
    return a_reader(consumer), consumer, kinds


async def test_a_request_is_read_back_with_all_that_came_of_it():
    told = [message(QUESTION, 3), *(message(event, n) for n, event in enumerate(WHOLE))]
    reader, consumer, kinds = reading_back(*told)
    entries = await reader.read_back(REQUEST, kinds)
    assert [entry.event for entry in entries] == [QUESTION, *WHOLE]
    assert (entries[0].offset, entries[0].time_ms) == (3, 7)
    assert consumer.asked_since == {REQUEST.time_ms - SKEW_MS}
    assert consumer.closed


async def test_what_lies_beside_it_is_left_out():
    others = [
        message(QUESTION, 0, request="another"),
        message(QUESTION, 1, value=b"nonsense"),
    ]
    reader, _, kinds = reading_back(*others, message(QUESTION, 2))
    assert [entry.offset for entry in await reader.read_back(REQUEST, kinds)] == [2]


async def test_another_tenants_record_under_the_same_id_is_left_out():
    reader, _, kinds = reading_back(message(QUESTION))
    theirs = type(REQUEST)(**{**vars(REQUEST), "tenant": "globex"})
    assert await reader.read_back(theirs, kinds) == []


async def test_topics_without_anything_since_are_not_waited_for():
    reader, consumer, kinds = reading_back(message(QUESTION, 5))
    [entry] = await reader.read_back(REQUEST, kinds)
    assert entry.offset == 5
    assert [(one.topic, one.offset) for one in consumer.assigned] == [(topic_of(QUESTION), 5)]


async def test_what_is_written_while_it_is_read_back_is_left_to_the_live_reader():
    messages = [message(QUESTION, n) for n in range(3)]
    consumer = FakeConsumer(messages, {topic_of(QUESTION): (0, 2)})
    entries = await a_reader(consumer).read_back(REQUEST, [QuestionAsked])
    assert [entry.offset for entry in entries] == [0, 1]


async def test_nothing_is_read_where_nothing_was_written_since():
    reader, consumer, kinds = reading_back()
    assert await reader.read_back(REQUEST, kinds) == []
    assert consumer.assigned == []
    assert consumer.closed


async def test_a_request_with_too_many_records_is_cut_off():
    value = CODEC.encode(WHOLE[0])
    reader, consumer, kinds = reading_back(
        *(message(WHOLE[0], n, value=value) for n in range(READ_BACK_MAX + 2))
    )
    assert len(await reader.read_back(REQUEST, kinds)) == READ_BACK_MAX
    assert consumer.unassigned
    assert consumer.closed


async def test_a_broker_that_gives_nothing_is_given_up():
    consumer = FakeConsumer([], {topic_of(QUESTION): (0, 1)})
    with pytest.raises(Transient, match="TimeoutError"):
        await a_reader(consumer).read_back(REQUEST, [QuestionAsked])
    assert consumer.closed


async def test_a_broker_that_is_away_is_transient():
    for sign in (KafkaException("away"), a_hiccup(topic_of(QUESTION))):
        consumer = FakeConsumer([sign], {topic_of(QUESTION): (0, 1)})
        with pytest.raises(Transient, match="KafkaException"):
            await a_reader(consumer).read_back(REQUEST, [QuestionAsked])
        assert consumer.closed


async def test_whether_the_broker_is_there():
    assert await a_reader(FakeConsumer()).reachable()
    assert not await a_reader(FakeConsumer([KafkaException("away")])).reachable()


async def test_its_live_consumer_commits_nothing():
    given = []

    def new_consumer(settings):
        given.append(settings)
        return FakeConsumer()

    assert await LogReader(SETTINGS, CODEC, new_consumer=new_consumer).reachable()
    [settings] = given
    assert not settings["enable.auto.commit"]
    assert not settings["enable.auto.offset.store"]
