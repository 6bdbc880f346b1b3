"""The reader of the log, over a broker in memory."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, Message
from msgspec import structs

from edge.listening.answer_stretches import SKEW_MS
from edge.listening.entries import HISTORY, RESULTS, Dispatch, Gap
from edge.listening.known_requests import known_from
from edge.listening.log_reader import LogReader
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION, WHOLE
from tests.fakes import a_codec
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
        async with asyncio.timeout(60):
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

    def consume(self, count, timeout):
        return [
            message
            for message in super().consume(count, timeout)
            if not (message.error() and message.topic() == EVERYWHERE[0])
        ]


async def test_a_reader_is_not_ready_before_it_came_to_every_end():
    log = Log(Endless)
    log.put(QUESTION)
    async with Live(log) as live:
        await live.until(lambda: live.entries)
        log.put(QUESTION)
        await live.until(lambda: len(live.entries) > 1)
        assert not live.reader.ready


class CountedPolls(MemoryConsumer):
    """Counts how often it was asked for a single record and had one."""

    polls = 0

    def poll(self, timeout):
        message = super().poll(timeout)
        self.polls += message is not None and not message.error()
        return message


async def test_records_that_lie_ready_are_taken_at_once():
    log = Log(CountedPolls)
    for _ in range(50):
        log.put(QUESTION)
    async with Live(log) as live:
        await live.until(lambda: len(live.entries) == 50)
    [consumer] = log.consumers
    assert consumer.polls <= 1


async def test_what_fails_on_the_loop_has_everything_read_again(log):
    log.put(QUESTION)
    failures = [RuntimeError("broken")]

    def take(_):
        if failures:
            raise failures.pop()

    live = Live(log)
    live.dispatch = Dispatch([take, live.entries.append])
    async with live:
        await live.until(lambda: live.entries)
    assert [entry.offset for entry in live.entries] == [0]
    assert len(log.consumers) == 2


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


@pytest.mark.parametrize("away", [False, True])
async def test_whether_the_broker_is_there(log, away):
    log.broker.away = away
    assert await log.reader().reachable() is not away
    assert log.all_closed
