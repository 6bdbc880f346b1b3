"""The inbox over a broker in memory whose registry hangs, lags or is away; and what may be committed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest
from confluent_kafka import TopicPartition

from connectors.keyring import Keyring
from edge.requests.inbox import GROUP, Inbox
from edge.requests.inbox_records import InboxRecords
from schemas import EventRejected, InboxQuestion, QuestionAsked
from schemas.definitions import self_contained
from streams.log.aside import AsideBounds
from streams.log.codec import Codec, schema_id_of
from streams.log.schema_asker import SchemaAsker
from streams.log.writing import Position
from streams.settings import Settings
from streams.topics import INBOX, topic_of
from tests.fakes import a_codec
from tests.memory_broker import MemoryBroker, MemoryConsumer
from tests.streams.log.test_schema_asker import HangingRegistry, until

TOPIC = topic_of(InboxQuestion)
CODEC = a_codec()
KNOWN = {
    schema_id_of(
        CODEC.encode(InboxQuestion(tenant="t", user="u", session="s", text="x"))
    ): "InboxQuestion"
}
[OURS] = KNOWN
NEW = 7_000


def value(number, tenant, schema_id=OURS):
    record = InboxQuestion(tenant=tenant, user="jane", session=f"s{number}", text="x")
    encoded = CODEC.encode(record)
    return encoded[:1] + schema_id.to_bytes(4, "big") + encoded[5:]


class MemoryGroupConsumer(MemoryConsumer):
    """One that a group has given every partition, from what it has committed on."""

    def subscribe(self, topics):
        committed = self._broker.committed.get(GROUP, {})
        self.assign(
            [
                TopicPartition(topic, lane, committed.get((topic, lane), 0))
                for topic in topics
                for lane in range(self._broker.partitions)
            ]
        )

    def assignment(self):
        return self.assigned

    def consume(self, count, timeout):
        return [one for one in super().consume(count, 0.002) if one.error() is None]

    def commit(self, offsets, asynchronous):
        for one in offsets:
            self._broker.commit(GROUP, one.topic, one.partition, one.offset)


class Bench:
    def __init__(self, tmp_path, grace_s=30.0, hangs=()):
        self.registry = HangingRegistry(
            {number: self_contained(name) for number, name in KNOWN.items()}, hangs
        )
        codec = Codec(self.registry)
        pauses = lambda: iter(lambda: 0.002, None)  # noqa: E731 - for ever
        self.asker = SchemaAsker(codec, grace_s=grace_s, between_tries=pauses)
        self.broker = MemoryBroker(partitions=1)
        for topic in INBOX:
            self.broker.create(topic.name)
        self.sent = []
        settings = Settings(run=tmp_path, partitions=1)
        self.inbox = Inbox(
            settings,
            codec,
            Keyring(settings),
            self.send,
            pause_s=0.002,
            new_consumer=lambda _: MemoryGroupConsumer(self.broker),
            asker=self.asker,
        )

    def send(self, event):
        self.sent.append(event)
        done = Future()
        done.set_result(Position(topic_of(event), 0, 0, 0))
        return done

    def put(self, number, tenant="acme", schema_id=OURS):
        self.broker.put(TOPIC, value(number, tenant, schema_id), key=tenant.encode())

    @property
    def sessions(self):
        return [event.meta.session for event in self.sent if isinstance(event, QuestionAsked)]

    @property
    def committed(self):
        return self.broker.committed.get(GROUP, {}).get((TOPIC, 0), 0)

    def __enter__(self):
        self.inbox.start()
        return self

    def __exit__(self, *_):
        self.registry.let_go.set()
        self.inbox.stop()


def test_while_the_registry_hangs_at_an_id_others_are_taken_in_and_nothing_beyond_it_is_committed(
    tmp_path,
):
    with Bench(tmp_path, hangs=[NEW]) as bench:
        bench.put(0)
        bench.put(1, schema_id=NEW)
        bench.put(2)  # of the same tenant: behind it
        bench.put(3, tenant="globex")
        until(lambda: sorted(bench.sessions) == ["s0", "s3"])  # of two keys, in any order
        until(lambda: bench.committed == 1)
        bench.registry.hear(NEW, self_contained("InboxQuestion"))
        bench.registry.let_go.set()
        until(lambda: bench.sessions[2:] == ["s1", "s2"])
        until(lambda: bench.committed == 4)


def test_an_id_that_a_lagging_registry_learns_is_not_rejected(tmp_path):
    with Bench(tmp_path) as bench:
        bench.put(0, schema_id=NEW)
        until(lambda: bench.registry.asked.count(NEW) > 3)
        bench.registry.hear(NEW, self_contained("InboxQuestion"))
        until(lambda: bench.sessions == ["s0"])


def test_an_id_that_no_registry_knows_is_rejected_after_the_grace(tmp_path):
    with Bench(tmp_path, grace_s=0.05) as bench:
        bench.put(0, schema_id=NEW)
        bench.put(1)
        until(lambda: bench.committed == 2)
    letter, question = bench.sent
    assert isinstance(letter, EventRejected)
    assert (letter.error, letter.offset) == ("Undecodable", 0)
    assert question.meta.session == "s1"


@pytest.mark.parametrize("keys", [[b"evil-0", b"evil-1", b"evil-2", b"evil-3"], [None]])
def test_64_unknown_ids_of_others_reject_no_record_of_a_neighbour(tmp_path, keys):
    """Who writes without a key has nothing rejected either for what another one wrote."""
    with Bench(tmp_path) as bench:
        for number in range(64):
            wrong = value(number, "evil", NEW + number)
            bench.broker.put(TOPIC, wrong, key=keys[number % len(keys)])
        until(lambda: {NEW + number for number in range(64)} <= set(bench.registry.asked))
        bench.registry.hear(NEW + 64, self_contained("InboxQuestion"))
        bench.broker.put(TOPIC, value(0, "bank", NEW + 64), key=b"bank")
        until(lambda: bench.sessions == ["s0"])
        bench.broker.put(TOPIC, value(1, "globex", NEW + 64), key=None)
        bench.put(2, tenant="bank")
        until(lambda: "s2" in bench.sessions)
        assert not [event for event in bench.sent if isinstance(event, EventRejected)]


def test_a_flood_of_ids_that_nobody_knows_is_rejected_after_the_grace_and_delays_nobody(tmp_path):
    count = 400  # more than may wait of one key
    with Bench(tmp_path, grace_s=0.05) as bench:
        for number in range(count):
            bench.put(number, tenant="flood", schema_id=NEW + number)
        bench.put(0, tenant="globex")
        until(lambda: bench.sessions == ["s0"])
        until(lambda: bench.committed == count + 1)
        letters = [event.offset for event in bench.sent if isinstance(event, EventRejected)]
        assert letters == sorted(letters) == list(range(count))


def test_a_record_for_whose_id_there_is_no_room_is_left_and_read_again(tmp_path, monkeypatch):
    bench = Bench(tmp_path, grace_s=0.02)
    bounds = AsideBounds(records=0)
    records = InboxRecords(bench.asker, {TOPIC: InboxQuestion}, bounds)
    bench.put(0, schema_id=NEW)
    [message] = bench.broker.rows[TOPIC, 0].messages
    with monkeypatch.context() as patch:
        patch.setattr("streams.log.schema_asker.WANTED_MAX", 0)
        for _ in range(3):
            records.add(message)
            assert records.ready() == []
            assert [place.offset for place in records.to_read_again()] == [0]
    bench.registry.hear(NEW, self_contained("InboxQuestion"))
    records.add(message)
    until(lambda: bench.asker.codec.known(NEW, InboxQuestion))
    until(lambda: not bench.asker.any_asked)
    assert [place.offset for place in records.to_read_again()] == [0]
    records.add(message)
    assert records.ready() == [message]


def test_until_what_found_no_room_is_read_again_nothing_of_its_order_passes(tmp_path):
    bench = Bench(tmp_path, hangs=[NEW])
    bounds = AsideBounds(records=1, size_bytes=10**6, tenants=1)
    records = InboxRecords(bench.asker, {TOPIC: InboxQuestion}, bounds)
    bench.asker.codec.learn(OURS, InboxQuestion)
    for number, schema_id in enumerate((NEW, NEW, OURS)):
        bench.put(number, schema_id=schema_id)
    first, second, third = bench.broker.rows[TOPIC, 0].messages
    records.add(first)
    records.add(second)
    bench.registry.hear(NEW, self_contained("InboxQuestion"))
    bench.registry.let_go.set()
    until(lambda: bench.asker.codec.known(NEW, InboxQuestion))
    assert records.ready() == [first]
    records.add(third)
    assert records.ready() == []
    [place] = records.to_read_again()
    assert (place.topic, place.partition, place.offset) == (TOPIC, 0, 1)
    for message in (first, second, third):
        records.add(message)
    assert records.ready() == [second, third]


def test_what_finds_no_room_is_read_again_in_its_order_and_taken_in_once(tmp_path, monkeypatch):
    small = AsideBounds(records=16, size_bytes=10**6, tenants=4)
    monkeypatch.setattr("edge.requests.inbox.InboxRecords", lambda *of: InboxRecords(*of, small))
    with Bench(tmp_path, grace_s=0.02, hangs=[NEW]) as bench:
        for number in range(60):
            bench.put(number, schema_id=NEW if number % 3 == 0 else OURS)
            bench.put(number, tenant="globex")
        until(lambda: len(bench.sessions) == 60)
        assert bench.committed == 0
        bench.sent.clear()
        bench.registry.hear(NEW, self_contained("InboxQuestion"))
        bench.registry.let_go.set()
        until(lambda: bench.committed == 120)
    assert bench.sessions == [f"s{number}" for number in range(60)]


def test_where_too_much_is_to_be_read_again_no_more_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.requests.inbox_records.LEFT_MAX", 5)
    small = AsideBounds(records=4, size_bytes=10**6, tenants=1)
    monkeypatch.setattr("edge.requests.inbox.InboxRecords", lambda *of: InboxRecords(*of, small))
    monkeypatch.setattr("edge.requests.inbox.BATCH_MAX", 1)
    with Bench(tmp_path, hangs=[NEW]) as bench:
        for number in range(200):
            bench.put(number, schema_id=NEW)
        until(lambda: bench.broker.handed[TOPIC] >= 9)
        time.sleep(0.1)
        assert bench.broker.handed[TOPIC] < 50
        bench.registry.hear(NEW, self_contained("InboxQuestion"))
        bench.registry.let_go.set()
        until(lambda: bench.committed == 200)
    assert bench.sessions == [f"s{number}" for number in range(200)]


def test_the_process_can_end_while_the_registry_hangs(tmp_path):
    with Bench(tmp_path, hangs=[NEW]) as bench:
        bench.put(0, schema_id=NEW)
        until(lambda: any(one.name.startswith("schema-") for one in threading.enumerate()))
        bench.inbox.stop()
        assert not bench.inbox._thread.is_alive()


@pytest.mark.parametrize("bad", [b"", b"nonsense"])
def test_bytes_of_no_schema_are_rejected_at_once(tmp_path, bad):
    with Bench(tmp_path) as bench:
        bench.broker.put(TOPIC, bad, key=b"acme")
        until(lambda: bench.committed == 1)
    assert [event.error for event in bench.sent] == ["Undecodable"]
