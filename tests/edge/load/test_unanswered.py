"""Questions without an answer: whose they are, and when there is room again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.listening.entries import Entry
from edge.load.lane_track import RETRY_UNKNOWN_S
from edge.load.unanswered import ENDS_KEPT, KEPT_SHARES, RATE_S, Unanswered
from schemas import AnswerReleased, Ask, ChunksRetrieved, QuestionAsked, TokensReleased
from streams.log.clock import now_us
from streams.running.retry import QUESTION_BUDGET_MAX_S
from streams.settings import Settings
from tests.edge.load.test_admission import Clock, answer_to
from tests.fakes import a_meta


def unanswered(most=10, per_tenant=4, clock=None):
    settings = Settings(unanswered_max=most, unanswered_per_tenant_max=per_tenant)
    return Unanswered(settings, clock or Clock())


def add(questions, count, tenant="acme", begin=0):
    for number in range(begin, begin + count):
        assert questions.add((tenant, f"{tenant}-{number}"), 0, 30.0, search=False)


def test_there_is_room_until_a_tenant_has_its_share():
    questions = unanswered()
    add(questions, 3)
    assert questions.crowd("acme") is None
    add(questions, 1, begin=3)
    crowd = questions.crowd("acme")
    assert (crowd.of_tenant, crowd.count) == (True, 4)
    assert questions.crowd("globex") is None


def test_there_is_room_until_all_have_what_the_gateway_holds():
    questions = unanswered()
    for tenant in "abcde":
        add(questions, 2, tenant)
    add(questions, 1, "f")  # its minimum
    assert questions.full
    crowd = questions.crowd("f")
    assert (crowd.of_tenant, crowd.count) == (False, 11)


def test_whoever_has_fewer_than_the_minimum_is_taken_though_the_gateway_is_full():
    questions = unanswered(most=64, per_tenant=64)
    add(questions, 64)
    for number in range(4):  # a sixteenth of a tenant's share
        assert questions.is_within_minimum("globex")
        assert questions.crowd("globex") is None
        add(questions, 1, "globex", begin=number)
    assert not questions.is_within_minimum("globex")
    assert not questions.crowd("globex").of_tenant
    questions.take(answer_to("globex-0", tenant="globex"))
    assert questions.crowd("globex") is None


def test_an_answer_of_another_tenants_ends_no_question_of_the_same_name():
    questions = unanswered()
    add(questions, 1)
    questions.take(answer_to("acme-0", tenant="globex"))
    assert len(questions) == 1


@pytest.mark.parametrize(("answered", "open_"), [(2, False), (3, True)])
def test_a_gateway_that_was_full_is_open_again_well_below(answered, open_):
    questions = unanswered()
    for tenant in "abcde":
        add(questions, 2, tenant)
    add(questions, 1, "f")  # its minimum
    questions.crowd("f")
    for tenant in "abc"[:answered]:
        questions.take(answer_to(f"{tenant}-0", tenant=tenant))
    assert (questions.crowd("f") is None) == open_


def test_the_same_request_counts_once_and_an_unknown_one_not_at_all():
    questions = unanswered()
    add(questions, 1)
    assert not questions.add(("acme", "acme-0"), 0, 30.0, search=False)
    questions.take(answer_to("unknown"))
    questions.forget(("acme", "unknown"))
    assert len(questions) == 1
    questions.take(answer_to("acme-0"))
    questions.take(answer_to("acme-0"))
    assert len(questions) == 0


def test_the_time_to_wait_follows_from_the_answers_of_late():
    clock = Clock()
    questions = unanswered(per_tenant=4, clock=clock)
    add(questions, 4)
    assert questions.crowd("acme").room_in_s == RETRY_UNKNOWN_S
    for number in range(2):  # an answer every 10 s
        clock.now_s += 10
        questions.take(answer_to(f"acme-{number}"))
    add(questions, 2, begin=4)
    assert questions.crowd("acme").room_in_s == pytest.approx(10.0)  # one has to come
    clock.now_s += RATE_S + 1
    assert questions.crowd("acme").room_in_s == RETRY_UNKNOWN_S


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 9), st.sampled_from("ab")),
        st.tuples(st.just("answer"), st.integers(0, 9), st.sampled_from("ab")),
        st.tuples(st.just("wait"), st.integers(0, 20), st.just("")),
    ),
    max_size=40,
)


@given(STEPS)
def test_what_counts_is_what_was_asked_and_is_neither_answered_nor_late(steps):
    clock = Clock()
    questions, waiting = unanswered(most=99, per_tenant=99, clock=clock), {}
    for what, number, tenant in steps:
        request = f"{tenant}-{number}"
        match what:
            case "ask":
                whose = tenant, request
                assert questions.add(whose, 0, 10.0, search=False) == (whose not in waiting)
                waiting.setdefault(whose, clock.now_s + 10.0)
            case "answer":
                questions.take(answer_to(request, AnswerReleased, tenant))
                waiting.pop((tenant, request), None)
            case "wait":
                clock.now_s += number
                questions.forget_the_late()
                waiting = {name: at for name, at in waiting.items() if at >= clock.now_s}
        assert len(questions) == len(waiting)
        assert all(questions.awaits(name) for name in waiting)


class Time(float):
    """A time that counts how often it is compared."""

    compared = 0

    def __lt__(self, other):
        Time.compared += 1
        return float(self) < float(other)

    def __gt__(self, other):
        Time.compared += 1
        return float(self) > float(other)

    def __add__(self, other):
        return Time(float(self) + other)


def test_who_waits_costs_no_step_until_its_time_is_over():
    clock = Clock()
    clock.now_s = Time(1_000.0)
    questions = unanswered(most=9_999, per_tenant=9_999, clock=clock)
    add(questions, 4_000)
    Time.compared = 0
    for _ in range(100):
        questions.forget_the_late()
    assert 100 <= Time.compared <= 200
    assert len(questions) == 4_000


def test_what_has_ended_is_not_kept_until_its_time_would_be_over():
    questions = unanswered()
    add(questions, 3, "globex")
    for number in range(5_000):
        add(questions, 1, begin=number)
        questions.take(answer_to(f"acme-{number}"))
        assert len(questions._ends) <= 2 * len(questions) + ENDS_KEPT + 1


def test_a_question_that_is_asked_once_more_has_the_time_of_its_last_asking():
    clock = Clock()
    questions = unanswered(clock=clock)
    add(questions, 1)
    questions.take(answer_to("acme-0"))
    clock.now_s += 20
    add(questions, 1)
    clock.now_s += 20  # past the first's end, before the second's
    questions.forget_the_late()
    assert len(questions) == 1


@pytest.mark.parametrize(
    ("most", "per_tenant"), [pytest.param(99, 10, id="tenant"), pytest.param(10, 99, id="gateway")]
)
def test_what_is_open_again_stays_open_until_it_is_full_again(most, per_tenant):
    questions = unanswered(most, per_tenant)
    add(questions, 10)
    assert questions.crowd("acme")
    for number in range(2):
        questions.take(answer_to(f"acme-{number}"))
    assert questions.crowd("acme") is None
    add(questions, 1, begin=10)
    assert questions.crowd("acme") is None  # nine: as many as would have kept it closed
    add(questions, 1, begin=11)
    assert questions.crowd("acme")


# ---------------------------------------------------------------------- what the log tells


def asked(request, tenant="acme", left_s=30.0, mode="answer", lane=0, key=""):
    """A question as it lies on the log, with so much time left; 0: it says no deadline."""
    deadline = now_us() + int(left_s * 1_000_000) if left_s else 0
    meta = a_meta(request=request, tenant=tenant, lane=lane)
    ask = Ask(deadline=deadline, mode=mode)
    return Entry(QuestionAsked(meta=meta, subject="s", text=None, ask=ask, key=key), lane, 0, 0)


def test_what_others_put_on_the_log_counts_as_what_one_took_in_oneself():
    clock = Clock()
    questions = unanswered(per_tenant=4, clock=clock)
    add(questions, 2)
    for number in range(4):  # two of them are its own
        questions.take(asked(f"acme-{number}"))
    assert questions.crowd("acme").count == 4
    questions.take(answer_to("acme-3"))
    assert len(questions) == 3
    clock.now_s += 33  # the time is over: 30 s that each said, and a grace
    questions.forget_the_late()
    assert len(questions) == 0


@pytest.mark.parametrize(
    ("mode", "closes"), [("answer", AnswerReleased), ("search", ChunksRetrieved)]
)
def test_only_the_record_that_ends_a_question_of_the_log_is_awaited(mode, closes):
    questions = unanswered()
    questions.take(asked("r", mode=mode))
    kinds = (TokensReleased, ChunksRetrieved, AnswerReleased)
    assert [kind for kind in kinds if questions.awaits(("acme", "r"), kind)] == [closes]


@pytest.mark.parametrize("left_s", [-1.0, -0.001])
def test_a_question_whose_time_is_over_does_not_count_however_late_it_is_read(left_s):
    questions = unanswered()
    questions.take(asked("r", left_s=left_s))
    assert len(questions) == 0


@pytest.mark.parametrize(("left_s", "most_s"), [(0, 33), (10**9, QUESTION_BUDGET_MAX_S + 3)])
def test_no_question_of_the_log_counts_for_ever(left_s, most_s):
    clock = Clock()
    questions = unanswered(clock=clock)
    questions.take(asked("r", left_s=left_s))
    assert len(questions) == 1
    clock.now_s += most_s
    questions.forget_the_late()
    assert len(questions) == 0


def test_an_answer_that_is_read_before_its_question_ends_it_too():
    questions = unanswered()
    questions.take(answer_to("r"))
    questions.take(asked("r"))
    assert len(questions) == 0


def test_what_one_tenant_puts_on_the_log_fills_no_more_than_its_share():
    questions = unanswered(most=10, per_tenant=4)
    for number in range(1_000):
        questions.take(asked(f"acme-{number}"))
    assert len(questions) == 4
    assert questions.crowd("acme").count == KEPT_SHARES * 4
    assert questions.crowd("globex") is None
    add(questions, 3, "globex")
    for number in range(1_000):
        questions.take(answer_to(f"acme-{number}"))
    assert len(questions) == 3
    assert questions.under_way(0, "globex")[:2] == (3, 1)


def test_what_is_under_way_is_told_by_lane():
    clock = Clock()
    questions = unanswered(clock=clock)
    for number, (lane, tenant) in enumerate([(0, "a"), (0, "b"), (1, "a"), (0, "a")]):
        clock.now_s = 1_000 + number
        questions.take(asked(f"r{number}", tenant=tenant, lane=lane))
    assert questions.under_way(0, "a") == (2, 2, 1_000)
    assert questions.under_way(0, "c") == (0, 3, 0)
    questions.take(answer_to("r0", tenant="a"))
    assert questions.under_way(0, "a") == (1, 2, 1_003)


def test_a_key_s_are_counted_beside_its_tenant_s_over_all_gateways():
    clock = Clock()
    questions = unanswered(per_tenant=9, clock=clock)
    questions.add(("acme", "r0"), 0, 30.0, search=False, key="key-1")  # of this gateway
    questions.take(asked("r1", key="key-1"))  # of another
    questions.take(asked("r2", key="key-2"))
    questions.take(asked("r3", tenant="globex", key="key-1"))
    assert [questions.count("acme", key) for key in ("", "key-1", "key-2")] == [3, 2, 1]
    questions.take(answer_to("r1"))
    assert questions.count("acme", "key-1") == 1
    clock.now_s += 31
    questions.forget_the_late()
    assert questions.count("acme", "key-1") == 0
    assert ("acme", "key-1") not in questions._of_key


def test_when_a_key_s_are_answered_follows_from_its_share_of_the_answers_of_late():
    clock = Clock()
    questions = unanswered(per_tenant=9, clock=clock)
    assert questions.answered_in_s("acme", "key-1", 1) == RETRY_UNKNOWN_S
    for number in range(4):
        questions.add(("acme", f"r{number}"), 0, 300.0, search=False, key=f"key-{number % 2}")
    for number in range(2):  # an answer every 4 s, and each key has a half of what is left
        clock.now_s += 4
        questions.take(answer_to(f"r{number}"))
    assert questions.answered_in_s("acme", "key-0", 1) == pytest.approx(8.0)
    assert questions.answered_in_s("acme", "", 1) == pytest.approx(4.0)
