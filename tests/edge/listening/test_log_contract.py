"""What the gateway needs of the log and of its publisher: the fake keeps it as Kafka does."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

import pytest

from connectors.keyring import Keyring
from edge.listening.entries import Dispatch
from edge.listening.known_requests import known_from
from edge.listening.log_reader import LogReader
from edge.requests.building import RequestBuilder
from edge.requests.publishing import RequestPublisher
from schemas import Ask, DocumentSubmitted, DocumentWithdrawn
from streams.log.codec import open_codec
from streams.operations.lag import Lag, LagReader, consumer_groups
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.fake_log import FakeLog


class Kafka:
    """The reader, the publisher and the offsets as the gateway has them when it serves."""

    def __init__(self, settings):
        codec = open_codec(settings)
        self.reader = LogReader(settings, codec)
        self.publisher = RequestPublisher(settings, codec, client="contract")
        self.offsets = lambda: LagReader(settings)
        self.build = RequestBuilder(settings, Keyring(settings), edge="contract")


class Fake:
    """The same in memory."""

    def __init__(self, settings):
        log = FakeLog()
        self.reader, self.publisher, self.offsets = log, log, log.lag_reader
        self.build = RequestBuilder(settings, Keyring(settings), edge="contract")


@pytest.fixture(params=[pytest.param("fake"), pytest.param("kafka", marks=pytest.mark.stack)])
def log(request, tmp_path):
    if request.param == "fake":
        yield Fake(Settings(run=tmp_path))
        return
    kafka = Kafka(request.getfixturevalue("running").settings)
    yield kafka
    kafka.publisher.close()


@pytest.fixture
async def reading(log):
    """Entries as the reader hands them on, once it has read what lay there."""
    entries = []
    dispatch = Dispatch([entries.append])
    log.reader.start(dispatch)
    async with asyncio.timeout(60):
        while not log.reader.ready:  # noqa: ASYNC110 - the reader has no event for it
            await asyncio.sleep(0.05)
    yield dispatch, entries
    await log.reader.stop()


def a_withdrawal(log, document=None):
    return log.build.withdrawal("contract", document=document or str(uuid.uuid4()))


async def until(what):
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - another thread makes it so
            await asyncio.sleep(0.05)


def test_the_publisher_says_where_a_record_lies(log):
    document = str(uuid.uuid4())
    first, second = a_withdrawal(log, document), a_withdrawal(log, document)
    places = [log.publisher.send(event).result(60) for event in (first, second)]
    assert [place.topic for place in places] == [topic_of(first)] * 2
    assert [place.partition for place in places] == [first.meta.lane] * 2
    assert places[0].offset < places[1].offset
    assert places[0].time_ms <= places[1].time_ms
    assert log.publisher.unsent == 0


async def test_what_was_published_is_read_back_by_request(log):
    document = str(uuid.uuid4())
    events = [a_withdrawal(log, document) for _ in range(3)]
    places = [log.publisher.send(event).result(60) for event in events]
    for event, place in zip(events, places, strict=True):
        request = known_from(event, place.time_ms)
        [entry] = await log.reader.read_back(request, [DocumentWithdrawn, DocumentSubmitted])
        assert entry.event == event
        assert (entry.partition, entry.offset, entry.time_ms) == (
            place.partition,
            place.offset,
            place.time_ms,
        )


async def test_questions_are_read_where_they_lie(log):
    asked = log.build.question("contract", user="jane", text="VAT?", ask=Ask())
    place = log.publisher.send(asked).result(60)
    known = known_from(asked, place.time_ms, place.offset)
    assert await log.reader.questions([known]) == {asked.meta.request: asked}
    assert await log.reader.questions([]) == {}


async def test_only_the_kinds_that_are_asked_for_are_read_back(log):
    event = a_withdrawal(log)
    place = log.publisher.send(event).result(60)
    request = known_from(event, place.time_ms)
    assert await log.reader.read_back(request, [DocumentSubmitted]) == []


async def test_another_tenants_request_is_not_read_back(log):
    event = a_withdrawal(log)
    place = log.publisher.send(event).result(60)
    theirs = known_from(event, place.time_ms)
    ours = type(theirs)(**{**vars(theirs), "tenant": "another"})
    assert await log.reader.read_back(ours, [DocumentWithdrawn]) == []


async def test_several_requests_of_a_lane_are_read_back_at_once(log):
    document = str(uuid.uuid4())
    events = [a_withdrawal(log, document) for _ in range(3)]
    places = [log.publisher.send(event).result(60) for event in events]
    requests = [known_from(*one) for one in zip(events, (p.time_ms for p in places), strict=True)]
    found = await log.reader.read_back_many(requests, [DocumentWithdrawn])
    assert [found[one.whose][0].event for one in requests] == events


async def test_what_is_published_reaches_the_readers_and_whoever_waits_for_it(log, reading):
    dispatch, entries = reading
    event = a_withdrawal(log)
    with dispatch.subscribe(known_from(event, 0)) as outcomes:
        place = await asyncio.wrap_future(log.publisher.send(event))
        async with asyncio.timeout(60):
            entry = await outcomes.next(30)
    assert entry.event == event
    assert (entry.partition, entry.offset) == (place.partition, place.offset)
    await until(lambda: entry in entries)


async def test_nothing_is_handed_on_after_the_end(log, reading):
    _, entries = reading
    await log.reader.stop()
    count = len(entries)
    await asyncio.wrap_future(log.publisher.send(a_withdrawal(log)))
    await asyncio.sleep(0)
    assert len(entries) == count


async def test_the_broker_is_there(log):
    assert await log.reader.reachable()


async def test_the_offsets_tell_the_lags_and_how_old_the_oldest_record_is(log):
    wanted = consumer_groups(["ingest"])
    async with contextlib.AsyncExitStack() as stack:
        offsets = await stack.enter_async_context(log.offsets())
        lags = await offsets.lags(wanted)
        assert all(isinstance(lag, Lag) for lag in lags)
        oldest_ms = await offsets.oldest_ms(lags)
    assert set(oldest_ms) <= {(lag.topic, lag.lane) for lag in lags}
