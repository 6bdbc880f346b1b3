"""Every worker whose steps may be stopped knows what is cancelled, as the log says it."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas import CancellationRequested
from streams.log.configuration import PRODUCERS
from streams.log.producer_signature import SignedRecord
from streams.running.cancellations import Cancellations, Wanted
from streams.settings import Settings
from streams.topics import step, topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import a_broker
from tests.producer_keys import ProducerKeys
from worker import cancellation_follower, oversight
from worker.cancellation_follower import CancellationFollower

TOPIC, CODEC = topic_of(CancellationRequested), a_codec()
OURS = Wanted("acme", 0, "u", "r-1")
DAY_MS = 86_400_000


class WishBroker:
    """A broker of four lanes, and what follows the wishes on it."""

    def __init__(self, configurations=None):
        self.broker, self.known = a_broker(), Cancellations()
        self.follower = CancellationFollower(
            Settings(partitions=4), CODEC, configurations or {}, self.known.take,
            consumer=lambda *_, **__: self.broker.consumer(),
        )  # fmt: skip

    def put(self, wanted=OURS, *, key=None, value=None, headers=(), ago_ms=0, **meta):
        fields = {**wanted._asdict(), **meta}
        del fields["subject"]
        wish = CancellationRequested(meta=a_meta(**fields), subject=wanted.subject)
        self.broker.put(
            TOPIC, CODEC.encode(wish) if value is None else value, partition=wanted.lane,
            key=wanted.tenant.encode() if key is None else key, headers=headers,
            time_ms=round(time.time() * 1_000) - ago_ms,
        )  # fmt: skip

    async def becomes_known(self, wanted=OURS):
        async with asyncio.timeout(60):
            while wanted not in self.known:  # noqa: ASYNC110 - told from another thread
                await asyncio.sleep(0.005)


def known_to(wishes):
    return [one for of_tenant in wishes.known._cancelled.values() for one in of_tenant]


@pytest.fixture
async def wishes():
    made = WishBroker()
    yield made
    made.follower.stopping.set()


async def test_who_takes_over_knows_what_was_cancelled_before_anything_runs(wishes):
    later = OURS._replace(request="r-2", lane=3)
    wishes.put()
    wishes.put(later)
    async with asyncio.timeout(60):  # it ends by what it read, not by its patience
        await wishes.follower.start(patience_s=600)
    assert OURS in wishes.known
    assert later in wishes.known


async def test_what_is_cancelled_later_is_known_soon(wishes):
    await wishes.follower.start()
    wishes.put(elsewhere := OURS._replace(lane=2))
    await wishes.becomes_known(elsewhere)


async def test_what_is_older_than_any_question_is_not_read(wishes):
    wishes.put(ago_ms=2 * DAY_MS)
    wishes.put(OURS._replace(request="r-2"), ago_ms=DAY_MS // 2)
    await wishes.follower.start()
    assert known_to(wishes) == [OURS._replace(request="r-2")]


@pytest.mark.parametrize("wrong", [
    {"key": b"globex"}, {"lane": 2}, {"value": b""}, {"value": b"\0\0\0\0\1x"},
    {"request": "r" * 5_000},
])  # fmt: skip
async def test_what_lies_wrong_or_is_no_wish_stops_nothing_and_nobody(wishes, wrong):
    wishes.put(**wrong)
    wishes.put(OURS._replace(request="r-2"))
    await wishes.follower.start()
    assert known_to(wishes) == [OURS._replace(request="r-2")]


async def test_where_producers_must_sign_a_wish_without_a_signature_is_nobodys():
    keys = ProducerKeys({TOPIC: [0, 0, 0, 0]})
    signer = keys.signer("acme")
    wishes = WishBroker({PRODUCERS: keys.configuration})
    wishes.put()
    signed = CancellationRequested(meta=a_meta(request="r-2"), subject="u")
    value = CODEC.encode(signed)
    header = signer.header(SignedRecord(TOPIC, b"acme", value, "acme"))
    wishes.put(value=value, headers=[header])
    await wishes.follower.start()
    wishes.follower.stopping.set()
    assert known_to(wishes) == [OURS._replace(request="r-2")]


async def test_a_log_that_does_not_answer_is_asked_again_and_holds_nothing_up(wishes, monkeypatch):
    monkeypatch.setattr(cancellation_follower, "AGAIN_S", 0.01)
    wishes.put()
    healthy, away = wishes.broker.consumer, [True]

    def consumer():
        if away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return healthy()

    monkeypatch.setattr(wishes.broker, "consumer", consumer)
    await wishes.follower.start(patience_s=0.05)
    assert OURS not in wishes.known
    away.clear()
    await wishes.becomes_known()


@pytest.mark.parametrize(("name", "follows"), [("generate", True), ("embed", False)])
async def test_workers_without_a_step_that_may_be_stopped_follow_nothing(
    monkeypatch, name, follows
):
    begun = []

    class Noted:
        def __init__(self, *_):
            pass

        async def start(self):
            begun.append(name)

    monkeypatch.setattr(oversight, "CancellationFollower", Noted)
    monkeypatch.setattr(oversight, "open_codec", lambda _: CODEC)
    steps = [SimpleNamespace(step=step(name))]
    host = SimpleNamespace(steps=steps, cancellations=Cancellations(), configurations={})
    await oversight.follow_cancellations(host, Settings())
    assert bool(begun) == follows
