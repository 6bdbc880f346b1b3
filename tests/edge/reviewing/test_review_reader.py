"""Reading a review queue on from where it stood, over a broker in memory and over the real one."""

import contextlib
import sys
import uuid

import pytest
from confluent_kafka import KafkaError, KafkaException
from msgspec.structs import replace

from agents.errors import Transient
from edge.reviewing import review_reader
from edge.reviewing.review_reader import CONFIGURATIONS, ReviewReader, turns_of
from schemas import AnswerJudged, Effect, Turn, Turns
from schemas.registry import RegistryAway
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.configuration import PRODUCERS, configuration
from streams.log.lanes import lanes
from streams.log.producer_signature import SignedRecord
from streams.log.setup import create_topics
from streams.log.writing import Writer
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec
from tests.lone_broker import a_lone_broker
from tests.memory_broker import MemoryConsumer, a_broker
from tests.producer_keys import ProducerKeys
from tests.replay.little_log import configuration_set
from tests.streams.operations.reviews.records import a_judgement, a_release, a_retraction

CODEC = a_codec()
DRAWS_ALL = configuration("moderate", {"review": {"share": 1.0}})
SETTINGS = Settings(partitions=4)
[LANE] = lanes("acme", 4)


def lying(event, lane=LANE):
    """An event where its tenant's records lie."""
    return replace(event, meta=replace(event.meta, lane=lane))


def a_drawn(request="r-1", **more):
    return lying(a_release(request, digest=DRAWS_ALL.digest, **more))


class Log:
    """A broker in memory, and a reader of it."""

    def __init__(self, codec=CODEC, **more):
        self.broker = a_broker()
        self.consumers = []
        parts = {"holds": ProducerProof().holds, **more}
        self.reader = ReviewReader(SETTINGS, codec, new_consumer=self.new_consumer, **parts)
        self.configure(DRAWS_ALL)

    def new_consumer(self, *_, **__):
        self.consumers.append(MemoryConsumer(self.broker))
        return self.consumers[-1]

    def configure(self, entry):
        topic, partition = CONFIGURATIONS
        value = CODEC.encode(configuration_set(entry))
        self.broker.put(topic, value, key=entry.digest.encode(), partition=partition)

    def put(self, *events, **more):
        for event in events:
            topic, lane, key, headers = address_of(event)
            given = {"key": key, "partition": lane, "headers": headers, **more}
            self.broker.put(topic, given.pop("value", CODEC.encode(event)), **given)

    def waiting(self, tenant="acme"):
        return sorted(one.request for one in self.reader.queue(tenant).waiting("nobody"))


@pytest.fixture
def log():
    return Log()


def test_the_queue_is_as_the_log_stands_each_time(log):
    log.put(a_drawn("r-1"), a_drawn("r-2"))
    assert log.waiting() == ["r-1", "r-2"]
    log.put(*(lying(a_judgement("r-1", reviewer)) for reviewer in "ab"))
    log.put(lying(a_retraction("r-2")), a_drawn("r-3"))
    assert log.waiting() == ["r-3"]
    handed = log.broker.handed.copy()
    assert log.waiting() == ["r-3"]
    assert log.broker.handed == handed, "nothing is read twice"
    assert all(one.closed for one in log.consumers)


def test_where_producers_must_sign_a_forged_judgement_counts_for_nothing():
    keys = ProducerKeys({topic_of(AnswerJudged): [0] * 4})
    signer = keys.signer("*")
    log = Log(holds=ProducerProof({PRODUCERS: keys.configuration}).holds)
    log.put(a_drawn("r-1"), *(lying(a_judgement("r-1", reviewer)) for reviewer in "ab"))
    assert log.waiting() == ["r-1"]
    for judged in (lying(a_judgement("r-1", reviewer)) for reviewer in "cd"):
        topic, _, key, headers = address_of(judged)
        record = SignedRecord(topic, key, CODEC.encode(judged), "acme")
        log.put(judged, headers=(*headers, signer.header(record)))
    assert log.waiting() == []


def test_a_record_is_drawn_by_the_configuration_that_it_names(log):
    none = configuration("moderate", {"review": {"share": 0.0}})
    later = configuration("moderate", {"review": {"share": 1.0}, "policy": "later"})
    log.configure(none)
    log.put(lying(a_release("r-1", digest=none.digest)))
    assert log.waiting() == []
    log.configure(later)
    log.put(lying(a_release("r-2", digest=later.digest)))
    assert log.waiting() == ["r-2"]


def test_a_configuration_that_is_not_that_of_its_digest_draws_nothing(log):
    topic, partition = CONFIGURATIONS
    forged = replace(configuration_set(DRAWS_ALL), digest="e" * 64)
    log.broker.put(topic, CODEC.encode(forged), key=b"e" * 64, partition=partition)
    log.broker.put(topic, b"\x00nonsense", key=b"x", partition=partition)
    log.put(lying(a_release("r-1", digest="e" * 64)), a_drawn("r-2"))
    assert log.waiting() == ["r-2"]


def test_what_lies_elsewhere_or_is_anothers_is_passed_over(log):
    elsewhere = next(lane for lane in range(4) if lane != LANE)
    log.put(lying(a_release("r-1", digest=DRAWS_ALL.digest), elsewhere))
    log.put(a_drawn("r-2"), key=b"globex")
    log.put(a_drawn("r-3", tenant="globex"), key=b"acme")
    log.put(a_drawn("r-4"), value=b"\x00nonsense")
    log.put(a_drawn("r-5"), value=None)
    log.put(a_drawn("r-6"))
    assert log.waiting() == ["r-6"]


def test_a_topic_that_was_made_anew_is_read_anew(log):
    log.put(a_drawn("r-1"), a_drawn("r-2"), a_drawn("r-3"))
    assert len(log.waiting()) == 3
    for place, rows in log.broker.rows.items():
        if place[0] == topic_of(a_drawn()):
            rows.messages, rows.begin, rows.end = [], 0, 0
    log.put(a_drawn("r-4"))
    assert log.waiting() == ["r-4"]


def test_a_long_history_takes_several_calls_and_none_is_lost():
    now = iter(range(0, 10_000, int(review_reader.READ_S) + 1))
    log = Log(clock=lambda: next(now))
    log.put(*(a_drawn(f"r-{n}") for n in range(3)))
    for _ in range(3):
        with pytest.raises(Transient, match="records to go"):
            log.waiting()
    assert log.waiting() == ["r-0", "r-1", "r-2"]


def test_while_the_broker_is_away_it_says_so_and_goes_on_afterwards(log):
    log.put(a_drawn("r-1"))
    log.broker.signs.append(KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN, "down")))
    with pytest.raises(Transient, match="try again"):
        log.waiting()
    assert log.waiting() == ["r-1"]


def test_a_registry_that_is_away_loses_no_record():
    away = [True]

    class Ids:
        def __getattr__(self, name):
            return getattr(CODEC._ids, name)

        def definition_of(self, schema_id):
            if away:
                raise RegistryAway("the registry does not answer")
            return CODEC._ids.definition_of(schema_id)

    log = Log(Codec(Ids()))
    log.put(a_drawn("r-1"))
    with pytest.raises(Transient, match="registry"):
        log.waiting()
    away.clear()
    assert log.waiting() == ["r-1"]


def test_turns_are_those_that_the_step_read():
    turn = Turn(request="r-0", question="q", answer="a")

    def effect(kind="ReadTurns", response=None):
        return Effect(number=1, kind=kind, request=b"", response=response, started=0, took_us=0)

    read = effect(response=CODEC.encode(Turns(turns=(turn,))))
    assert turns_of(CODEC, [effect("Now"), read]) == (turn,)
    assert turns_of(CODEC, [effect(), effect(response=b"\x00x")]) == ()


@pytest.fixture
def lone_settings(tmp_path):
    """Those of a broker of the test's own: what is judged here no step has written."""
    with a_lone_broker(tmp_path / "broker", lambda line: sys.stderr.write(f"{line}\n")) as broker:
        create_topics(broker.settings)
        yield broker.settings


@pytest.mark.stack
def test_kafka_itself_gives_the_queue(lone_settings):
    settings, codec = lone_settings, CODEC
    tenant = f"reviews-{uuid.uuid4().hex[:8]}"
    [lane] = lanes(tenant, settings.partitions)
    drawn = lying(a_release("r-1", digest=DRAWS_ALL.digest, tenant=tenant), lane)
    judged = [lying(a_judgement("r-1", one, tenant=tenant), lane) for one in "ab"]
    reader = ReviewReader(settings, codec, holds=ProducerProof().holds)
    with contextlib.closing(Writer(settings, "reviews-test")) as writer:
        told = configuration_set(DRAWS_ALL)
        key = DRAWS_ALL.digest.encode()
        writer.write_all([(*CONFIGURATIONS, key, codec.encode(told), ())])
        for event, left in ((drawn, ["r-1"]), (judged[0], ["r-1"]), (judged[1], [])):
            topic, partition, key, headers = address_of(event)
            writer.write_all([(topic, partition, key, codec.encode(event), headers)])
            queue = reader.queue(tenant)
            assert [one.request for one in queue.waiting("nobody")] == left
    assert queue.pairs() == [("right", "right")]
    assert (
        ReviewReader(settings, codec, holds=ProducerProof().holds).queue(tenant).pairs()
        == queue.pairs()
    )
