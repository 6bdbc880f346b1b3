"""What the gateway takes in and what it refuses, by a clock of the test's own."""

# ruff: noqa: ASYNC110 - a test waits for what another task does

from __future__ import annotations

import asyncio
import itertools

import pytest

from edge.admission import STALE_S, Admission
from edge.backlog import DOCUMENT, QUESTION, SEARCH, Backlog, Limits, Track
from edge.entries import Entry
from edge.problems import Problem
from schemas import (
    AnswerReleased,
    Ask,
    ChunksRetrieved,
    EventRejected,
    QuestionAsked,
    TokensReleased,
)
from streams.operations.lag import Lag, NoAnswer, NotTold
from streams.settings import Settings
from streams.topics import step_reading, topic_of
from tests.edge.fake_log import Answers
from tests.fakes import a_meta

ASKED, REDACTED = QUESTION[0], QUESTION[1]


def a_track(records=100, age_s=60.0, window=16):
    return Track("redact", window, Limits(records, age_s))


def read(track, *readings, onward=False):
    """Feed (second, committed, end) to a track."""
    for at, committed, end in readings:
        track.take(committed, end, at, onward=onward)
    return track


# ---------------------------------------------------------------------- one lane


def test_lag_and_age_follow_from_the_offsets():
    track = read(a_track(), (0, 0, 0), (1, 0, 5), (2, 3, 9), (3, 3, 9))
    assert (track.lag, track.age_s(3)) == (6, 2)
    read(track, (4, 5, 9))
    assert track.age_s(4) == 2  # those of second 1 are done
    read(track, (5, 9, 9))
    assert (track.lag, track.age_s(9)) == (0, 0)


def test_what_lay_there_before_the_first_reading_has_the_age_of_its_record():
    track = a_track()
    track.take(0, 7, 100.0, onward=False, age_s=40.0)
    assert track.age_s(101) == 41


def test_ages_stay_right_however_long_a_lane_grows():
    track = a_track(records=10**9, age_s=10**9)
    read(track, *((at, 0, at + 1) for at in range(1_000)))
    assert track.age_s(1_000) == 1_000
    assert len(track._samples) <= 128
    read(track, (1_000, 500, 1_000))
    assert 400 < track.age_s(1_000) <= 501


def test_the_rate_is_that_of_the_time_with_something_to_do():
    track = read(a_track(), (0, 0, 0), (1, 0, 10), (2, 10, 10))
    assert track.rate == pytest.approx(5, rel=0.05)  # 10 records in 2 s
    read(track, *((at, 10, 10) for at in range(3, 300)))
    assert track.rate == pytest.approx(5, rel=0.05)  # rest does not count


def test_a_pause_of_the_broker_says_nothing_about_rates():
    track = read(a_track(), (0, 0, 0), (1, 0, 100), (2, 50, 100))
    before = track.rate
    read(track, (62, 50, 100))
    assert track.rate == before
    assert track.wait_s(62) < 60  # it is not taken to stand still either


def test_what_a_step_works_on_does_not_wait():
    track = read(a_track(window=16), (0, 0, 16), *((at, 0, 16) for at in range(1, 5)))
    assert (track.waited_s(4), track.wait_s(4)) == (0, 0)


def test_a_new_record_waits_for_those_before_it_at_the_rate_of_late():
    track = read(a_track(window=16), (0, 0, 100), *((at, 2 * at, 100) for at in range(1, 11)))
    assert track.lag == 80
    assert track.wait_s(10) == pytest.approx((80 - 16) / 2, rel=0.01)


def test_a_step_that_stands_still_makes_even_one_record_wait():
    track = read(a_track(), (0, 0, 1), *((at, 0, 1) for at in range(1, 9)))
    assert (track.waited_s(8), track.wait_s(8)) == (8, 8)


def test_a_slow_record_that_others_overtake_is_no_queue():
    track = read(a_track(), (0, 0, 10), *((at, 0, 10) for at in range(1, 9)), onward=True)
    assert (track.waited_s(8), track.wait_s(8)) == (0, 0)


@pytest.mark.parametrize(
    ("lags", "closed"),
    [
        ([100], [""]),
        ([101], ["lag"]),
        ([101, 51, 50, 51, 100], ["lag", "lag", "", "", ""]),
    ],
)
def test_a_limit_holds_until_half_of_it_is_reached(lags, closed):
    track, found = a_track(records=100), []
    for at, lag in enumerate(lags):
        track.take(1_000 + 10 * at, 1_000 + 10 * at + lag, at, onward=True)
        found.append(track.closed)
    assert found == closed


def test_an_age_above_its_limit_closes_until_half_of_it():
    track = read(
        a_track(records=1_000, age_s=10), (0, 0, 50), *((at, 0, 50) for at in range(1, 11))
    )
    assert track.closed == ""
    read(track, (11, 0, 50))
    assert track.closed == "age"
    read(track, (12, 0, 60), (13, 50, 80))  # what is left came in second 12
    assert track.closed == ""


def test_a_topic_made_anew_is_a_new_lane():
    track = read(a_track(), (0, 0, 0), (1, 0, 500), (2, 0, 3))
    assert (track.lag, track.closed, track.age_s(3)) == (3, "", 1)


# ---------------------------------------------------------------------- all lanes


def lags_of(path, lane=0, **more):
    """Readings of a path on which nothing waits, but for those named: index in path -> lag."""
    steps = {topic_of(record): step_reading(record) for record in step_records()}
    return [
        Lag(steps[topic].name, topic, lane, 1_000, 1_000 + more.get(f"at{number}", 0))
        for number, topic in enumerate(path)
    ]


def step_records():
    from streams.topics import STEPS

    return [record for step in STEPS for record in step.reads]


def test_every_topic_of_a_path_is_read_by_a_step_and_follows_the_one_before():
    from streams.topics import STEPS, by_name

    for path in (QUESTION, DOCUMENT):
        for topic, following in itertools.pairwise(path):
            step = step_reading(by_name()[topic].record)
            assert following in {topic_of(record) for record in step.writes}
        assert step_reading(by_name()[path[-1]].record) in STEPS
    assert QUESTION[:3] == SEARCH


def a_backlog(**settings):
    return Backlog(Settings(**{"question_lag_max": 100, "document_lag_max": 500, **settings}))


def test_a_lane_that_is_behind_refuses_what_would_pass_it_and_nothing_else():
    backlog = a_backlog()
    backlog.take(lags_of(QUESTION, lane=2, at3=101), 0)
    refusal = backlog.refusal(QUESTION, 2, 0)
    assert refusal.reason == "lag"
    assert "generate is behind: 101 records wait" in refusal.detail
    assert backlog.refusal(SEARCH, 2, 0) is None  # a search ends before generate
    assert backlog.refusal(QUESTION, 1, 0) is None
    assert backlog.refusal(DOCUMENT, 2, 0) is None
    assert backlog.shedding(QUESTION) == {2: "generate (lag)"}


def test_documents_have_limits_of_their_own():
    backlog = a_backlog()
    backlog.take(lags_of(DOCUMENT, at2=500), 0)
    assert backlog.refusal(DOCUMENT, 0, 0) is None
    backlog.take(lags_of(DOCUMENT, at2=501), 1)
    assert backlog.refusal(DOCUMENT, 0, 1).reason == "lag"


@pytest.mark.parametrize(
    ("leave", "come", "retry_s"),
    [
        (20, 30, 12),  # 290 wait, 50 may: 240 at 20 a second
        (2, 12, 60),  # 120 s, but none is told to wait longer than a minute
        (400, 410, 1),  # nor less than a second
    ],
)
def test_a_client_comes_back_when_the_backlog_will_be_half_its_limit(leave, come, retry_s):
    backlog = a_backlog(question_age_max_s=1_000)
    for at in range(30):
        backlog.take([Lag("redact", ASKED, 0, leave * at, come * at)], at)
    refusal = backlog.refusal(QUESTION, 0, 29)
    assert refusal.reason == "lag"
    assert refusal.retry_s == pytest.approx(retry_s, rel=0.01)
    backlog.take([Lag("redact", ASKED, 0, come * 29 - 50, come * 29)], 30)
    assert backlog.refusal(QUESTION, 0, 30) is None


def test_the_waits_of_a_path_add_up_against_the_deadline():
    backlog = a_backlog(question_lag_max=1_000, question_age_max_s=1_000)
    for at in range(20):  # 40 beyond the window, 1 a second: about 40 s in each of two steps
        backlog.take([Lag("x", t, 0, at, at + 56) for t in (ASKED, REDACTED)], at)
    refusal = backlog.refusal(QUESTION, 0, 19, budget_s=60)
    assert refusal.reason == "deadline"
    assert "about 80 s" in refusal.detail
    assert refusal.retry_s == pytest.approx(20, abs=2)
    assert backlog.refusal(QUESTION, 0, 19, budget_s=90) is None
    assert backlog.refusal(SEARCH, 0, 19, budget_s=60) is not None


def test_a_step_moves_while_the_lane_that_it_writes_to_grows():
    backlog = a_backlog()
    for at in range(10):
        backlog.take([Lag("redact", ASKED, 0, 0, 1), Lag("rewrite", REDACTED, 0, at, at)], at)
    assert backlog.tracks[ASKED, 0].wait_s(9) == 0
    for at in range(10, 20):
        backlog.take([Lag("redact", ASKED, 0, 0, 1), Lag("rewrite", REDACTED, 0, 9, 9)], at)
    assert backlog.tracks[ASKED, 0].wait_s(19) == 19


# ---------------------------------------------------------------------- what is taken in


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


def answer_to(request, kind=AnswerReleased):
    question = QuestionAsked(meta=a_meta(request=request), subject="s", text=None, ask=Ask())
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
    problem = refusal_of(ask, admission, "more", tenant="globex")
    assert problem.status == 503
    assert "20 questions" in problem.detail
    for number in range(3):
        admission.take(answer_to(f"r{number}"))
    assert "questions" in admission.shedding()
    admission.take(answer_to("r3"))
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
    assert admission.awaits("r")
    admission.take(answer_to("r", kind))
    assert admission.awaits("r") != closes
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
    for number in range(20):
        ask(admission, f"r{number}", tenant=f"t{number}")
    assert refusal_of(ask, admission, "more", tenant="x").retry_after_s == 5  # nothing is known
    for number in range(4):  # an answer every 2 s
        clock.now_s += 2
        admission.read([])
        admission.take(answer_to(f"r{number}"))
    for number in range(4):
        ask(admission, f"s{number}", tenant=f"s{number}")
    assert refusal_of(ask, admission, "more", tenant="x").retry_after_s == 8  # four have to come


def test_a_lane_that_is_behind_is_503(admission, clock):
    admission.read([Lag("redact", ASKED, 0, 0, 1_001)])
    problem = refusal_of(ask, admission, "r")
    assert (problem.status, problem.slug) == (503, "overloaded")
    admission.document(0)
    admission.read([Lag("ingest", DOCUMENT[0], 0, 0, 10_001)])
    assert refusal_of(admission.document, 0).status == 503
    admission.withdrawal()
    assert set(admission.shedding()) == {"questions of lane 0", "documents of lane 0"}


def test_a_search_passes_where_generation_is_behind(admission):
    admission.read([Lag("generate", QUESTION[3], 0, 0, 1_001)])
    ask(admission, "r", search=True)
    assert refusal_of(ask, admission, "s").status == 503


def test_a_question_that_would_wait_longer_than_its_deadline_is_refused_at_once(admission, clock):
    for _ in range(20):  # 90 records, one a second leaves and one comes
        clock.now_s += 1
        done = int(clock.now_s) - 1_000
        admission.read([Lag("redact", ASKED, 0, done, done + 90)])
    assert "longer than its 5 s" in refusal_of(ask, admission, "r", budget_s=5).detail
    ask(admission, "r", budget_s=120)


def test_without_readings_the_broker_counts_as_away(admission, clock):
    clock.now_s += STALE_S
    ask(admission, "r")
    clock.now_s += 0.1
    admission.not_read("KafkaConnectionError")
    for call in (lambda: ask(admission, "s"), lambda: admission.document(0), admission.withdrawal):
        problem = refusal_of(call)
        assert problem.status == 503
        assert "KafkaConnectionError" in problem.detail
    assert "all" in admission.shedding()
    admission.read([])
    ask(admission, "s")
    assert admission.shedding() == {}


def test_bodies_in_memory_have_a_limit():
    admission = Admission(Settings(bodies_bytes_max=100))
    with admission.body() as first, admission.body() as second:
        first(60)
        second(40)
        assert refusal_of(second, 1).status == 503
        assert admission.bodies_bytes == 100
    assert admission.bodies_bytes == 0


async def test_a_broker_that_answers_is_not_away_though_it_tells_no_offsets(clock):
    admission = Admission(Settings(), clock, every_s=0.01)
    clock.now_s += STALE_S + 1
    errors = [NoAnswer("away")] * 3
    asked = asyncio.Event()

    class FakePositions:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        async def lags(self, wanted):
            if errors:
                raise errors.pop()
            asked.set()
            raise NotTold("the coordinator loads")

    watching = asyncio.create_task(admission.watch(FakePositions))
    await asyncio.sleep(0)
    refusal_of(ask, admission, "r")
    async with asyncio.timeout(5):
        await asked.wait()
    await asyncio.sleep(0.02)
    watching.cancel()
    ask(admission, "r")


async def test_the_offsets_are_read_again_after_any_error():
    admission = Admission(Settings(), every_s=0.01)
    errors = [RuntimeError("unforeseen"), NoAnswer("away"), None]

    class FakePositions:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        async def lags(self, wanted):
            assert {reader.step for reader in wanted} >= {"ingest", "moderate"}
            if error := errors.pop(0) if errors else None:
                raise error
            return [Lag("redact", ASKED, 0, 0, 7)]

        async def oldest_ms(self, lags):
            return {(ASKED, 0): 0}

    watching = asyncio.create_task(admission.watch(FakePositions))
    async with asyncio.timeout(5):
        while not admission.backlog.known:
            await asyncio.sleep(0.01)
    watching.cancel()
    track = admission.backlog.tracks[ASKED, 0]
    assert track.lag == 7
    assert track.age_s(admission.now_s) > 1_000_000  # the record is from 1970
