"""Two strands on a broker: what comes now is handed on, and they meet."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import closing

import pytest
from confluent_kafka import Producer

from connectors.keyring import Keyring
from edge.listening.entries import Dispatch
from edge.listening.known_requests import KnownRequests, known_from
from edge.listening.log_index import LogIndex
from edge.listening.log_reader import LogReader
from edge.requests.building import RequestBuilder
from streams.log.addressing import address_of
from streams.log.setup import create_topics
from streams.settings import Settings
from tests.fakes import a_codec
from tests.lone_broker import a_lone_broker

CODEC = a_codec()
OLD, HOUR_MS = 300, 3_600_000


class AskedOnKafka:
    """Questions on a broker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.build = RequestBuilder(settings, Keyring(settings), edge="gateway")

    def asked(self, count):
        return [
            self.build.question("acme", user="jane", session=f"s-{number}", text="x")
            for number in range(count)
        ]

    def put(self, events, age_ms=0):
        """Put questions on the log that are so old."""
        producer = Producer({"bootstrap.servers": self.settings.kafka, "log_level": 0})
        time_ms = int(time.time() * 1_000) - age_ms
        for event in events:
            topic, lane, key, headers = address_of(event)
            more = {"headers": list(headers), "timestamp": time_ms}
            producer.produce(topic, CODEC.encode(event), key, lane, **more)
        assert producer.flush(60) == 0


@pytest.fixture
def asked_on_kafka(tmp_path):
    with a_lone_broker(tmp_path / "broker", lambda line: sys.stderr.write(f"{line}\n")) as broker:
        create_topics(broker.settings)
        yield AskedOnKafka(broker.settings)


async def until(what):
    async with asyncio.timeout(120):
        while not what():  # noqa: ASYNC110 - another thread makes it so
            await asyncio.sleep(0.01)


@pytest.mark.stack
async def test_on_kafka_itself_both_strands_meet_and_nothing_is_missing(asked_on_kafka, tmp_path):
    log = asked_on_kafka
    old, late, [new] = log.asked(OLD), log.asked(3), log.asked(1)
    log.put(old, HOUR_MS)
    log.put(late)
    with closing(LogIndex(tmp_path)) as index:
        requests, recent = KnownRequests(index), []
        dispatch = Dispatch([requests.take], recent=[recent.append])
        reader = LogReader(log.settings, CODEC, index=index, behind_min=OLD - 1)
        reader.start(dispatch)
        await until(lambda: reader.ready)
        with dispatch.subscribe(known_from(new, 0)) as outcomes:
            log.put([new])
            assert (await outcomes.next(120)).event == new
        await until(lambda: reader.knows_all)
        [newer] = log.asked(1)
        log.put([newer])
        await until(lambda: requests.find(("acme", newer.meta.request)))
        await reader.stop()
        expected = [event.meta.request for event in (*late, new, newer)]
        assert sorted(entry.event.meta.request for entry in recent) == sorted(expected)
        assert len(requests) == OLD + len(expected)
        assert all(requests.find(("acme", event.meta.request)) for event in old)
