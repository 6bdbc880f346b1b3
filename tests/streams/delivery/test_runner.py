"""The runner on a real broker: faults, kills and restarts under a chain of trivial steps."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.local.supervisor import Stack, Wish
from replay.log import BrokerLog
from replay.verify import Verifier
from schemas import (
    AnswerReleased,
    Ask,
    ChunksRetrieved,
    EventRejected,
    Meta,
    QueryRewritten,
    QuestionAsked,
    Sealed,
    StepVersion,
    TokensGenerated,
)
from streams.delivery.epochs import RUNS
from streams.delivery.read_back import STRIDE
from streams.log.codec import open_codec
from streams.log.ids import position_id, request_id
from streams.log.lanes import lane_of
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.log.setup import prepare
from streams.settings import Settings
from streams.topics import group_of, topic_of
from tests.fakes import DIGEST_KEY
from tests.standing_process import standing
from tests.streams.fake_chain import chain

pytestmark = pytest.mark.stack
ROOT = Path(__file__).parents[2]
ASKED = topic_of(QuestionAsked)
PATIENCE_S = 150.0  # each kill costs the session timeout, and the machine may be busy


class Bench:
    """A broker, a registry, and workers that can be killed."""

    def __init__(self, run: Path) -> None:
        self.settings = Settings.load(environment={}, run=run)
        self.codec = open_codec(self.settings)
        self.producer = Producer({"bootstrap.servers": self.settings.kafka, "acks": "all"})
        self.worker = None
        self.ready = run / "chain.ready"

    def start(self, *, wait=True):
        self.ready.unlink(missing_ok=True)
        with (self.settings.run / "chain.log").open("ab") as log:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "tests.streams.fake_chain", str(self.settings.run)],
                cwd=ROOT,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")},
                    "PLAYHEAD_READY_FILE": str(self.ready),
                    "PYTHONPATH": str(ROOT),
                },
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_S
        while wait and not self.ready.exists():
            assert self.worker.poll() is None, "the worker died: see chain.log"
            assert time.monotonic() < deadline, "the worker is not ready: see chain.log"
            time.sleep(0.05)

    def kill(self):
        self.worker.kill()
        self.worker.wait()

    def stop(self):
        self.worker.send_signal(signal.SIGTERM)
        return self.worker.wait(PATIENCE_S)

    def question(self, subject="hop", tenant="acme", session=None, **meta):
        session = session or str(uuid.uuid4())
        request = request_id(tenant, str(uuid.uuid4()))
        values = {
            "id": request,
            "tenant": tenant,
            "lane": lane_of(tenant, session, self.settings.partitions),
            "request": request,
            "session": session,
            "at": time.time_ns() // 1_000,
            "step": StepVersion(name="test", code="test", configuration=""),
        }
        text = Sealed(key="user/u", event=request, field="text", ciphertext=b"c" * 20)
        deadline = time.time_ns() // 1_000 + 60_000_000
        return QuestionAsked(
            meta=Meta(**{**values, **meta}), subject=subject, text=text, ask=Ask(deadline=deadline)
        )

    def publish(self, event, *, key=None, partition=None):
        self.produce(
            self.codec.encode(event),
            event.meta.tenant.encode() if key is None else key,
            event.meta.lane if partition is None else partition,
        )

    def produce(self, value, key, partition, topic=ASKED):
        placed = []
        self.producer.produce(
            topic, value, key, partition, on_delivery=lambda _, message: placed.append(message)
        )
        assert self.producer.flush(30) == 0
        return placed[0].offset()

    def read(self, record):
        """Return the whole topic: a list of (partition, offset, event)."""
        topic = topic_of(record)
        with closing(new_consumer(self.settings, f"test-{uuid.uuid4()}")) as consumer:
            extents = [extent_of(consumer, topic, one) for one in range(self.settings.partitions)]
            found = [
                (message.partition(), message.offset(), self.codec.decode(message.value(), record))
                for message in records(consumer, extents)
            ]
        return sorted(found, key=lambda one: one[:2])

    def of_request(self, record, request):
        return [event for _, _, event in self.read(record) if event.meta.request == request]

    def wait_for(self, record, requests):
        """Wait until each request has a closed outcome of this type."""
        deadline, missing = time.monotonic() + PATIENCE_S, set(requests)
        while missing:
            assert time.monotonic() < deadline, f"{len(missing)} requests have no {record.SCHEMA}"
            closed = {e.meta.request for _, _, e in self.read(record) if e.meta.last}
            missing = set(requests) - closed
            time.sleep(0.1 if missing else 0)

    def calls(self):
        counted = defaultdict(int)
        for line in (self.settings.run / "calls").read_text().splitlines():
            counted[line] += 1
        return counted

    async def verify(self):
        log = BrokerLog(self.settings)
        try:
            return await Verifier(log, {}, lambda _: DIGEST_KEY, steps=chain()).verify()
        finally:
            log.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    run = tmp_path_factory.mktemp("runner")
    with Stack(run, Wish(names=frozenset({"kafka", "registry"}), free_ports=True)):
        prepare(Settings.load(environment={}, run=run))
        yield run


@pytest.fixture(scope="module")
def kept(broker):
    bench = Bench(broker)
    yield bench
    assert bench.stop() == 0


@pytest.fixture
def bench(kept):
    """A worker: that of the test before, where it did not end it."""
    if kept.worker is None or kept.worker.poll() is not None:
        kept.start()
    return kept


def test_what_is_no_record_of_ours_is_a_dead_letter_and_stops_nothing(bench):
    lane = bench.question().meta.lane
    places = [
        bench.produce(value, b"acme", lane) for value in (b"poison", b"\0\0\0\xff\xff1", None)
    ]
    after = bench.question()
    bench.publish(after)
    bench.wait_for(AnswerReleased, [after.meta.request])
    deadline, dead = time.monotonic() + PATIENCE_S, {}
    while not dead.keys() >= set(places):  # what the registry does not know is asked for again
        assert time.monotonic() < deadline
        dead = {e.offset: e for _, _, e in bench.read(EventRejected) if e.partition == lane}
    for place, value in zip(places, (b"poison", b"\0\0\0\xff\xff1", None), strict=True):
        letter = dead[place]
        assert (letter.error, letter.value, letter.key) == ("Undecodable", value, b"acme")
        assert (letter.meta.tenant, letter.meta.request) == ("", "")
        assert letter.meta.cause.id == position_id(ASKED, lane, place)


def test_a_record_under_another_tenants_key_reaches_no_step(bench):
    forged, misplaced, good = bench.question(), bench.question(), bench.question()
    bench.publish(forged, key=b"other")
    bench.publish(misplaced, partition=(misplaced.meta.lane + 1) % bench.settings.partitions)
    bench.publish(good)
    bench.wait_for(AnswerReleased, [good.meta.request])
    deadline = time.monotonic() + PATIENCE_S
    wrong = []
    while len(wrong) < 2 and time.monotonic() < deadline:
        wrong = [e for _, _, e in bench.read(EventRejected) if e.error == "WrongTenant"]
    assert len(wrong) == 2
    assert {e.meta.tenant for e in wrong} == {""}
    for event in (forged, misplaced):
        assert bench.of_request(ChunksRetrieved, event.meta.request) == []


def test_a_transient_error_is_tried_again_until_it_works(bench):
    asked = bench.question("transient")
    bench.publish(asked)
    bench.wait_for(AnswerReleased, [asked.meta.request])
    [retrieved] = bench.of_request(ChunksRetrieved, asked.meta.request)
    assert retrieved.meta.attempt % RUNS == 3  # the lane may have lost workers before
    assert bench.calls()[f"Embed {retrieved.meta.cause.id}"] == 3


def test_a_permanent_error_is_a_dead_letter_of_the_requester(bench):
    asked = bench.question("permanent")
    bench.publish(asked)
    bench.wait_for(EventRejected, [asked.meta.request])
    [letter] = bench.of_request(EventRejected, asked.meta.request)
    assert (letter.step, letter.error, letter.attempts) == ("retrieve", "Permanent", 1)
    assert letter.message == "the fake model refuses"
    assert (letter.meta.tenant, letter.meta.last) == ("acme", True)
    assert [effect.kind for effect in letter.meta.effects] == ["Begin", "Embed", "Fail"]


def test_a_mistake_in_a_step_is_a_dead_letter_without_the_text_it_stumbled_over(bench):
    asked = bench.question("bug")
    bench.publish(asked)
    bench.wait_for(EventRejected, [asked.meta.request])
    [letter] = bench.of_request(EventRejected, asked.meta.request)
    assert letter.error == "ZeroDivisionError"
    assert "division of" not in letter.message + letter.traceback


def test_a_copy_of_a_request_is_answered_once_after_a_restart_too(bench):
    asked = bench.question()
    bench.publish(asked)
    bench.publish(asked)
    bench.wait_for(AnswerReleased, [asked.meta.request])
    bench.kill()
    bench.publish(asked)
    bench.start()
    after = bench.question(session=asked.meta.session)
    bench.publish(after)
    bench.wait_for(AnswerReleased, [after.meta.request])
    assert len(bench.of_request(AnswerReleased, asked.meta.request)) == 1


def test_a_copy_that_comes_long_after_a_restart_is_told_apart(bench):
    asked = bench.question()
    bench.publish(asked)
    later = [bench.question(session=asked.meta.session) for _ in range(2 * STRIDE)]
    for question in later:
        bench.publish(question)
    bench.wait_for(AnswerReleased, [question.meta.request for question in later])
    assert bench.stop() == 0
    bench.publish(asked)
    bench.start()
    after = bench.question(session=asked.meta.session)
    bench.publish(after)
    bench.wait_for(AnswerReleased, [after.meta.request])
    assert len(bench.of_request(AnswerReleased, asked.meta.request)) == 1


def test_one_trace_runs_through_all_steps(bench):
    trace = f"{random.getrandbits(128):032x}"
    asked = bench.question(trace=f"00-{trace}-{random.getrandbits(64):016x}-01")
    bench.publish(asked)
    bench.wait_for(AnswerReleased, [asked.meta.request])
    spans = set()
    for record in (QueryRewritten, ChunksRetrieved, TokensGenerated, AnswerReleased):
        [event] = bench.of_request(record, asked.meta.request)
        _, of_trace, span, _ = event.meta.trace.split("-")
        assert of_trace == trace
        spans.add(span)
    assert len(spans) == 4


def test_a_session_is_remembered_after_a_restart(bench):
    session = str(uuid.uuid4())
    first, second = bench.question(session=session), bench.question(session=session)
    bench.publish(first)
    bench.wait_for(AnswerReleased, [first.meta.request])
    time.sleep(1.0)  # the fold that remembers it follows the answer
    bench.kill()
    bench.start()
    bench.publish(second)
    bench.wait_for(AnswerReleased, [second.meta.request])
    [rewritten] = bench.of_request(QueryRewritten, second.meta.request)
    assert rewritten.turns == 1


def test_a_stop_lets_running_events_end(bench):
    asked = [bench.question("slow") for _ in range(8)]
    for event in asked:
        bench.publish(event)
    time.sleep(0.4)
    assert bench.stop() == 0
    assert not bench.ready.exists()
    bench.start()
    bench.wait_for(AnswerReleased, [event.meta.request for event in asked])
    attempts = [
        event.meta.attempt % RUNS  # the lane may have lost workers before
        for given in asked
        for event in bench.of_request(ChunksRetrieved, given.meta.request)
    ]
    assert attempts == [1] * len(asked)


@pytest.mark.parametrize("seconds", [5.0, 9.0], ids=["within", "beyond"])
async def test_a_standstill_within_or_beyond_the_session_ends_no_worker_and_repeats_nothing(
    bench, seconds
):
    asked = [bench.question(["answer", "slow"][n % 2]) for n in range(30)]
    for event in asked:
        bench.publish(event)
    time.sleep(0.3)  # noqa: ASYNC251 - nothing else runs in this loop
    with standing(bench.worker.pid):
        time.sleep(seconds)  # noqa: ASYNC251 - as above
    requests = {event.meta.request for event in asked}
    bench.wait_for(AnswerReleased, requests)
    assert bench.worker.poll() is None
    answers = [e.meta.request for _, _, e in bench.read(AnswerReleased)]
    assert sorted(request for request in answers if request in requests) == sorted(requests)
    report = await bench.verify()
    assert report.diverged == [], json.dumps(report.as_json(), indent=1)[:4000]


def committed_to(bench, lane, offset=None):
    """Commit an offset for the first step, while no worker runs; return what was committed."""
    consumer = Consumer(
        {"bootstrap.servers": bench.settings.kafka, "group.id": group_of(chain()[0].name)}
    )
    [before] = consumer.committed([TopicPartition(ASKED, lane)], timeout=20)
    if offset is not None:
        place = TopicPartition(ASKED, lane, offset)
        consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()
    return before.offset


def test_a_lane_whose_position_the_log_does_not_hold_is_told_and_nothing_of_it_is_lost(bench):
    first = bench.question()
    bench.publish(first)
    bench.wait_for(AnswerReleased, [first.meta.request])
    assert bench.stop() == 0
    lane = first.meta.lane
    before = committed_to(bench, lane, 1_000_000)
    bench.start()
    told = "a lane is not read any further"
    deadline = time.monotonic() + PATIENCE_S
    while told not in (bench.settings.run / "chain.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    left = bench.question(session=first.meta.session)
    [other, *_] = (
        question
        for question in (bench.question(tenant=f"tenant-{number}") for number in range(100))
        if question.meta.lane != lane
    )
    for event in (left, other):
        bench.publish(event)
    bench.wait_for(AnswerReleased, [other.meta.request])
    assert bench.of_request(QueryRewritten, left.meta.request) == []
    assert bench.stop() == 0
    committed_to(bench, lane, before)
    bench.start()
    bench.wait_for(AnswerReleased, [left.meta.request])
    assert len(bench.of_request(AnswerReleased, first.meta.request)) == 1


async def test_kills_lose_nothing_repeat_nothing_finished_and_keep_the_order(bench):
    chance = random.Random(3)
    sessions = [str(uuid.uuid4()) for _ in range(12)]
    asked = [
        # the subject says what becomes of it, and a conversation is one subject's
        bench.question(["answer", "slow"][n % 12 % 5 == 0], session=sessions[n % 12])
        for n in range(150)
    ]
    kills, until = 0, time.monotonic()
    for event in asked:
        bench.publish(event)
        time.sleep(0.05)  # noqa: ASYNC251 - nothing else runs in this loop
        if time.monotonic() > until:
            if kills:
                bench.kill()
                bench.start(wait=False)
            kills += 1
            until = time.monotonic() + chance.uniform(1.5, 4.0)
    requests = [event.meta.request for event in asked]
    bench.wait_for(AnswerReleased, requests)

    # every input of every step has exactly one closed outcome
    for record in (QueryRewritten, ChunksRetrieved):
        closed = defaultdict(int)
        for event in (e for _, _, e in bench.read(record) if e.meta.request in set(requests)):
            closed[event.meta.request] += event.meta.last
        assert closed == dict.fromkeys(requests, 1)
    answers = defaultdict(int)
    for _, _, event in bench.read(AnswerReleased):
        if event.meta.request in set(requests):
            answers[event.meta.request] += 1
    assert set(answers) == set(requests)

    # the answers of a session come in the order of its questions
    order = defaultdict(list)
    for _, _, event in bench.read(ChunksRetrieved):
        if event.meta.request in set(requests):
            order[event.meta.session].append(event.meta.request)
    for number, session in enumerate(sessions):
        assert order[session] == requests[number::12]

    # no model was asked again for what was finished: one call an attempt, one closed attempt an input
    attempts = {
        event.meta.cause.id: event.meta.attempt
        for _, _, event in bench.read(ChunksRetrieved)
        if event.meta.request in set(requests)
    }
    repeated = sum(bench.calls()[f"Embed {cause}"] - 1 for cause in attempts)
    assert repeated <= kills * bench.settings.window * bench.settings.partitions
    report = await bench.verify()
    assert report.diverged == [], json.dumps(report.as_json(), indent=1)[:4000]
    assert report.model_calls == 0
