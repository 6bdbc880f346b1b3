"""What the gateway takes in and what it refuses, by a clock of the test's own."""

# ruff: noqa: ASYNC110 - a test waits for what another task does

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, asynccontextmanager

import pytest
from aiokafka.errors import GroupLoadInProgressError, KafkaConnectionError

from edge.listening.entries import Entry
from edge.listening.under_way import UnderWay
from edge.load.admission import STALE_S, Admission, largest_body
from edge.load.backlog import DOCUMENT, QUESTION
from edge.load.lane_track import MOVING_S
from edge.problems import Problem
from edge.requests.limits import BODY_MAX
from schemas import (
    AnswerReleased,
    Ask,
    ChunksRetrieved,
    EventRejected,
    QuestionAsked,
    TokensReleased,
)
from streams.delivery.lane import REACH
from streams.log.offsets import OffsetReader
from streams.operations.lag import Lag, LagReader, consumer_groups
from streams.settings import Settings
from streams.topics import STEPS
from tests.edge.fake_log import Answers
from tests.fakes import a_meta
from tests.memory_broker import MemoryBroker

ASKED = QUESTION[0]


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admission(clock):
    return Admission(Settings(unanswered_max=20, unanswered_per_tenant_max=10), clock)


def ask(admission, request, tenant="acme", budget_s=30.0, search=False):
    with admission.question(request, tenant, 0, budget_s, grace_s=2.0, search=search):
        pass


def refusal_of(call, *arguments, **more):
    with pytest.raises(Problem) as refused:
        call(*arguments, **more)
    problem = refused.value
    assert problem.retryable
    assert int(problem.headers["Retry-After"]) == problem.retry_after_s >= 1
    return problem


def answer_to(request, kind=AnswerReleased, tenant="acme"):
    meta = a_meta(request=request, tenant=tenant)
    question = QuestionAsked(meta=meta, subject="s", text=None, ask=Ask())
    made = Answers(question)
    event = {
        AnswerReleased: lambda: made.released("x", 0),
        TokensReleased: lambda: made.tokens("x", 0),
        ChunksRetrieved: lambda: ChunksRetrieved(
            meta=made.meta("retrieve", 0),
            outcome="retrieved",
            subject="s",
            question="q",
            query="q",
            ask=Ask(),
        ),
        EventRejected: lambda: EventRejected(
            meta=made.meta("embed", 0),
            topic="t",
            partition=0,
            offset=0,
            step="embed",
            error="Permanent",
            message="no",
            attempts=1,
        ),
    }[kind]()
    return Entry(event, 0, 0, 0)


def test_a_tenant_has_its_share_and_no_more(admission):
    for number in range(10):
        ask(admission, f"a{number}")
    assert refusal_of(ask, admission, "more").status == 429
    ask(admission, "b0", tenant="globex")  # others are not touched
    admission.take(answer_to("a0"))
    assert refusal_of(ask, admission, "more").status == 429  # nine are not well below ten
    admission.take(answer_to("a1"))
    ask(admission, "more")


def test_the_gateway_as_a_whole_has_a_limit_too(admission):
    for number in range(20):
        ask(admission, f"r{number}", tenant=f"t{number}")
    ask(admission, "one", tenant="globex")  # its minimum
    problem = refusal_of(ask, admission, "more", tenant="globex")
    assert problem.status == 503
    assert "21 questions" in problem.detail
    for number in range(4):
        admission.take(answer_to(f"r{number}", tenant=f"t{number}"))
    assert "questions" in admission.shedding()
    admission.take(answer_to("r4", tenant="t4"))
    assert admission.shedding() == {}
    ask(admission, "more", tenant="globex")


@pytest.mark.parametrize(
    ("search", "kind", "closes"),
    [
        (False, AnswerReleased, True),
        (False, EventRejected, True),
        (False, TokensReleased, False),
        (False, ChunksRetrieved, False),
        (True, ChunksRetrieved, True),
        (True, EventRejected, True),
    ],
)
def test_a_question_counts_until_its_last_record(admission, search, kind, closes):
    ask(admission, "r", search=search)
    assert admission.awaits(("acme", "r"))
    admission.take(answer_to("r", kind))
    assert admission.awaits(("acme", "r")) != closes
    assert admission.unanswered == (0 if closes else 1)


def test_a_question_counts_until_its_time_is_over(admission, clock):
    for number in range(10):
        ask(admission, f"a{number}", budget_s=10)
    clock.now_s += 11.9  # the grace period included
    admission.read([])
    refusal_of(ask, admission, "more")
    clock.now_s += 0.2
    ask(admission, "more")
    assert admission.unanswered == 1


def test_what_did_not_reach_the_log_does_not_count(admission):
    with (
        pytest.raises(ZeroDivisionError),
        admission.question("r", "acme", 0, 30, grace_s=2, search=False),
    ):
        _ = 1 / 0
    assert admission.unanswered == 0


def test_the_same_request_counts_once(admission):
    ask(admission, "r")
    with (
        pytest.raises(ZeroDivisionError),
        admission.question("r", "acme", 0, 30, grace_s=2, search=False),
    ):
        _ = 1 / 0
    assert admission.unanswered == 1


def test_clients_come_back_when_answers_at_the_rate_of_late_have_made_room(clock):
    settings = Settings(unanswered_max=20, unanswered_per_tenant_max=10)
    admission = Admission(settings, clock, spread=1.0)
    for number in range(19):
        ask(admission, f"r{number}", tenant=f"t{number}")
    ask(admission, "x", tenant="x")
    assert refusal_of(ask, admission, "more", tenant="x").retry_after_s == 5  # nothing is known
    for number in range(4):  # an answer every 2 s
        clock.now_s += 2
        admission.read([])
        admission.take(answer_to(f"r{number}", tenant=f"t{number}"))
    for number in range(4):
        ask(admission, f"s{number}", tenant=f"s{number}")
    assert refusal_of(ask, admission, "more", tenant="x").retry_after_s == 8  # four have to come


def test_a_lane_that_is_behind_is_503(admission, clock):
    admission.read([Lag("redact", ASKED, 0, 0, REACH + 1)])
    problem = refusal_of(ask, admission, "r")
    assert (problem.status, problem.slug) == (503, "overloaded")
    admission.document("acme", 0)
    admission.read([Lag("ingest", DOCUMENT[0], 0, 0, 10_001)])
    assert refusal_of(admission.document, "acme", 0).status == 503
    admission.withdrawal()
    assert set(admission.shedding()) == {"questions of lane 0", "documents of lane 0"}


def test_a_crowd_in_a_lane_does_not_keep_out_who_has_few_there(admission, clock):
    crowd = Lag("redact", ASKED, 0, 0, REACH)
    admission.read([crowd])
    for name in "abcdefghi":  # its turn comes, however many another has
        ask(admission, name, tenant="globex")


def test_to_a_lane_that_stands_still_one_request_at_a_time_is_let_through(admission, clock):
    asked = 0

    def is_taken(tenant):
        nonlocal asked
        try:
            ask(admission, "r", tenant=tenant)
        except Problem:
            return False
        asked += 1
        return True

    def pass_s(seconds, onward=0):
        for _ in range(int(seconds)):
            clock.now_s += 1
            ends = Lag("redact", ASKED, 0, 0, 40 + asked), Lag("rewrite", QUESTION[1], 0, 0, onward)
            admission.read(ends)

    pass_s(40)
    assert [is_taken(name) for name in "abc"] == [True, False, False]
    pass_s(MOVING_S)
    assert [is_taken(name) for name in "def"] == [True, False, False]
    # who asks again as soon as it may is not let through each time: it would only wait
    taken = []
    for second in range(1, 64):
        pass_s(1)
        if is_taken(f"g{second}"):
            taken.append(second)
    assert taken == [4, 12, 28, 44, 60]
    pass_s(1, onward=1)  # it was only waiting for something
    assert all(is_taken(name) for name in "ghi")
    pass_s(MOVING_S + 2, onward=1)
    assert [is_taken(name) for name in "jkl"] == [True, False, False]


@pytest.mark.parametrize("noted", [True, False])
def test_records_of_one_tenant_that_are_held_keep_no_other_out(clock, noted):
    """200 records wait for a schema that no registry tells; beside them, others are answered."""
    admission = Admission(Settings(unanswered_per_tenant_max=32), clock)
    held, asked, under_way = 200, 0, []
    for _ in range(120):
        clock.now_s += 1
        for name in under_way[:3]:
            admission.take(answer_to(name, tenant="globex"))
        del under_way[:3]
        done = asked - len(under_way)
        admission.read(
            [
                Lag("redact", ASKED, 0, 0, held + asked, done=done if noted else 0),
                Lag("rewrite", QUESTION[1], 0, done, done),
            ]
        )
        for _ in range(3):
            ask(admission, f"{asked}", tenant="globex")
            under_way.append(f"{asked}")
            asked += 1
        if asked == 9:  # more than the minimum, from now on
            for _ in range(6):
                ask(admission, f"{asked}", tenant="globex")
                under_way.append(f"{asked}")
                asked += 1
    assert asked == 366


def documents_of(count, tenants=1, since=0.0):
    return lambda lane, tenant: UnderWay(count, tenants, since)


@pytest.mark.parametrize(("under_way", "taken"), [(0, True), (3, True), (20_000, False)])
def test_a_crowd_of_documents_keeps_out_only_whose_it_is(clock, under_way, taken):
    admission = Admission(Settings(), clock, documents_of=documents_of(under_way))
    for number in range(3):  # it moves
        clock.now_s += 1
        admission.read([Lag("ingest", DOCUMENT[0], 0, number, 20_000)])
    if taken:
        admission.document("acme", 0)
    else:
        assert refusal_of(admission.document, "acme", 0).status == 503


@pytest.mark.parametrize(("age_s", "taken"), [(60, True), (3_000, False)])
def test_a_lane_that_is_late_is_closed_to_whose_documents_are_late(clock, age_s, taken):
    mine = documents_of(10, since=time.time() - age_s)
    admission = Admission(Settings(), clock, documents_of=mine)
    for number in range(5_000):  # one a second
        clock.now_s += 1
        admission.read([Lag("ingest", DOCUMENT[0], 0, number, 6_000)])
    assert "documents of lane 0" in admission.shedding()
    if taken:
        admission.document("acme", 0)
    else:
        assert refusal_of(admission.document, "acme", 0).status == 503


def test_what_lies_beyond_the_reach_of_a_step_is_waited_for_by_all(admission, clock):
    for _ in range(20):  # one record a second leaves and one comes
        clock.now_s += 1
        done = int(clock.now_s) - 1_000
        admission.read([Lag("redact", ASKED, 0, done, done + REACH + 90)])
    assert "longer than its 80 s" in refusal_of(ask, admission, "r", budget_s=80).detail
    ask(admission, "s", budget_s=100)


def test_a_search_passes_where_generation_is_behind(admission):
    admission.read([Lag("generate", QUESTION[3], 0, 0, REACH + 1)])
    ask(admission, "r", search=True)
    assert refusal_of(ask, admission, "s").status == 503


def test_a_question_that_would_wait_longer_than_its_deadline_is_refused_at_once(clock):
    admission = Admission(Settings(unanswered_per_tenant_max=16), clock)
    for number in range(90):  # of thirty tenants
        ask(admission, f"{number}", tenant=f"t{number % 30}")
    for _ in range(20):  # 90 records, one a second leaves and one comes
        clock.now_s += 1
        done = int(clock.now_s) - 1_000
        admission.read([Lag("redact", ASKED, 0, done, done + 90)])
    ask(admission, "minimum", budget_s=5)
    refusal = refusal_of(ask, admission, "r", tenant="t1", budget_s=5)
    assert "about 74 s, longer than its 5 s" in refusal.detail
    ask(admission, "r", tenant="t1", budget_s=120)
    ask(admission, "s", budget_s=50)  # before it go two of each of the others: 31 + 31 - 16


def test_without_readings_the_broker_counts_as_away(admission, clock):
    clock.now_s += STALE_S
    ask(admission, "r")
    clock.now_s += 0.1
    admission.not_read("KafkaConnectionError")
    for call in (
        lambda: ask(admission, "s"),
        lambda: admission.document("acme", 0),
        admission.withdrawal,
    ):
        problem = refusal_of(call)
        assert problem.status == 503
        assert "KafkaConnectionError" in problem.detail
    assert "all" in admission.shedding()
    admission.read([])
    ask(admission, "s")
    assert admission.shedding() == {}


def test_bodies_in_memory_have_a_limit():
    admission = Admission(Settings(bodies_bytes_max=8 * BODY_MAX, document_bytes_max=1))
    with ExitStack() as bodies:
        counts = {
            holder: bodies.enter_context(admission.body(*holder))
            for holder in ("a1", "a2", "a3", "b1", "b2", "b3", "c1")
        }
        for holder in ("a1", "a2", "b1", "b2"):
            counts[holder](2 * BODY_MAX)
        assert admission.bodies_bytes == 8 * BODY_MAX
        for holder in ("a3", "c1"):  # a question, though the tenant's and the gateway's are full
            counts[holder](BODY_MAX)
        refusals = [refusal_of(counts[holder], 1) for holder in ("a1", "a3", "c1")]
        assert [problem.status for problem in refusals] == [429, 429, 503]
        whose = [problem.detail.split(" sends")[0] for problem in refusals[:2]]
        assert whose == ["this key", "this tenant"]
    assert admission.bodies_bytes == 0


@pytest.mark.parametrize("document_bytes_max", [1, 1_000_000, 16_777_216])
def test_a_key_may_always_send_the_largest_body(document_bytes_max):
    settings = Settings(document_bytes_max=document_bytes_max)
    with Admission(settings).body("acme", "key") as count:
        count(largest_body(settings))


@pytest.fixture
def broker():
    broker = MemoryBroker(partitions=1)
    for group in consumer_groups():
        for topic in group.topics:
            broker.create(topic)
    return broker


@asynccontextmanager
async def watching(admission, broker):
    """Let admission read what the broker tells."""
    settings = Settings(partitions=1)

    def offsets():
        return LagReader(settings, OffsetReader(settings, clients=broker.aiokafka))

    task = asyncio.create_task(admission.watch(offsets))
    async with asyncio.timeout(60):
        yield
    task.cancel()


async def test_a_broker_that_answers_is_not_away_though_it_tells_no_offsets(clock, broker):
    admission = Admission(Settings(), clock, every_s=0.01)
    clock.now_s += STALE_S + 1
    broker.errors.extend([KafkaConnectionError()] * 1_000)
    async with watching(admission, broker):
        while len(broker.asked) < 3 * len(STEPS):  # it was asked more than once
            await asyncio.sleep(0.01)
        assert refusal_of(ask, admission, "r").status == 503
        broker.errors.clear()
        broker.errors.extend([GroupLoadInProgressError()] * 1_000)
        while admission.shedding():
            await asyncio.sleep(0.01)
        assert not admission.backlog.known
        ask(admission, "r")


async def test_the_offsets_are_read_again_after_any_error(broker):
    admission = Admission(Settings(), every_s=0.01)
    for _ in range(7):
        broker.put(ASKED, b"x", time_ms=0)
    for error in (RuntimeError("unforeseen"), KafkaConnectionError()):
        broker.errors.extend([error] * len(STEPS))  # for one reading of all groups
    async with watching(admission, broker):
        while not admission.backlog.known:
            await asyncio.sleep(0.01)
    assert not broker.errors
    track = admission.backlog.tracks[ASKED, 0]
    assert track.lag == 7
    assert track.age_s(admission.now_s) > 1_000_000  # the record is from 1970


class FakeOffsets(LagReader):
    """Tells what it is given, and how long it is waited between two readings."""

    def __init__(self, lags):
        super().__init__(Settings())
        self.told, self.asked = lags, 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def lags(self, _groups):
        self.asked += 1
        return self.told

    async def oldest_ms(self, _):
        return {}


@pytest.fixture
def waits(monkeypatch):
    """The pauses of a watch, in readings' usual distance; none of them is waited."""
    found = []
    sleep, wait_for = asyncio.sleep, asyncio.wait_for

    async def recorded(awaited, seconds):
        found.append(round(seconds / 5.0))
        return await wait_for(awaited, 0)

    monkeypatch.setattr("edge.load.admission.asyncio.wait_for", recorded)
    monkeypatch.setattr("edge.load.admission.asyncio.sleep", lambda _: sleep(0))
    return found


async def watched(admission, offsets, waits, readings):
    task = asyncio.create_task(admission.watch(lambda: offsets))
    until = len(waits) + readings
    async with asyncio.timeout(60):
        while len(waits) < until:
            await asyncio.wait([task], timeout=0)
    task.cancel()


async def test_lanes_in_which_nothing_is_done_are_looked_at_ever_less_often(clock, waits):
    admission = Admission(Settings(), clock, every_s=5.0)
    offsets = FakeOffsets([Lag("rewrite", ASKED, 0, 7, 7)])
    await watched(admission, offsets, waits, 6)
    assert waits[:6] == [0, 1, 3, 7, 7, 7]
    offsets.told = [Lag("rewrite", ASKED, 0, 7, 8)]  # somebody asked, and waits
    await watched(admission, offsets, waits, 3)
    assert waits[-3:] == [0, 0, 0]


async def test_who_asks_ends_a_long_pause(clock, monkeypatch):
    admission = Admission(Settings(), clock, every_s=0.01)
    monkeypatch.setattr("edge.load.admission.QUIET_READINGS", 1_000_000)
    offsets = FakeOffsets([Lag("rewrite", ASKED, 0, 7, 7)])
    admission._quiet = 500_000  # as after a day of silence
    task = asyncio.create_task(admission.watch(lambda: offsets))
    async with asyncio.timeout(60):
        while offsets.asked < 2:
            await asyncio.sleep(0.01)
            if offsets.asked:
                ask(admission, "r")
    task.cancel()


async def test_a_long_pause_is_no_silence_of_the_broker(clock, waits):
    admission = Admission(Settings(), clock, every_s=5.0)
    offsets = FakeOffsets([Lag("rewrite", ASKED, 0, 7, 7)])

    async def held(awaited, seconds):
        awaited.close()
        if seconds < 35.0:
            return
        clock.now_s += 30.0  # within the pause
        assert not admission.shedding()
        raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("edge.load.admission.asyncio.wait_for", held)
        with pytest.raises(asyncio.CancelledError):
            await admission.watch(lambda: offsets)
