"""What is taken in and refused by the limits in force, in one gateway and in several."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.listening.stored_documents import StoredAs, StoredByTenant
from edge.load.counted_use import CountedUse
from edge.load.limits_in_force import LimitsInForce
from edge.load.quotas import NEAREST, WITHDRAW_S, Quotas
from edge.load.sliding_window import SLOT_MS, WINDOW_MS
from edge.problems import Problem
from edge.requests.identity import Identity
from streams.log.configuration import LIMITS, configuration
from tests.edge.load.test_counted_use import NOW_MS, WallClock, answered, asked, submitted


class NothingIndexed:
    """An index that holds nothing and writes nothing."""

    def rows(self, _question):
        return ()

    def keep(self, _part):
        pass


class Elsewhere:
    """What is unanswered, and what is stored: as a test says."""

    def __init__(self):
        self.unanswered, self.totals, self.documents = {}, StoredByTenant(), {}

    def unanswered_of(self, tenant, key=""):
        return self.unanswered.get((tenant, key), 0)

    def answered_in_s(self, _tenant, _key, count):
        return 7.0 * count

    def stored(self, tenant, key=""):
        return self.totals.of(tenant, key)

    def stored_as(self, tenant, document):
        return self.documents.get((tenant, document))

    def keep(self, tenant, document, key, size):
        before, now = self.stored_as(tenant, document), StoredAs(key, size)
        self.totals.change(tenant, before, now)
        self.documents[tenant, document] = now


class AQuota:
    """One gateway's quotas, with a clock, a log and stores of the test's own."""

    def __init__(self, clock=None, **limits):
        self.clock, self.keys, self.elsewhere = clock or WallClock(), {}, Elsewhere()
        use = CountedUse(NothingIndexed(), self.keys.get, self.clock, self.clock.seconds)
        in_force = LimitsInForce({LIMITS: configuration(LIMITS, limits)})
        self.quotas = Quotas(in_force, use, self.elsewhere, self.elsewhere, spread_most=1.0)

    def take(self, entry):
        self.keys[entry.whose] = getattr(entry.event, "key", "")
        self.quotas.use.take(entry)

    def ask(self, number, tenant="acme", key="key-1"):
        with self.quotas.question(identity(number, tenant), key):
            pass

    def hand_in(self, number, size=10, document="d", tenant="acme", key="key-1"):
        with self.quotas.document(identity(number, tenant, document), key, size):
            pass
        self.elsewhere.keep(tenant, document, key, size)


def identity(number, tenant="acme", session="s"):
    return Identity(f"r-{number}", tenant, "u", session, 0)


def refusal_of(call, *arguments, **more):
    with pytest.raises(Problem) as refused:
        call(*arguments, **more)
    problem = refused.value
    assert problem.status == 429
    assert problem.headers["Retry-After"] == str(problem.retry_after_s)
    assert f";t={problem.retry_after_s}" in problem.headers["RateLimit"]
    return problem


def test_without_limits_nothing_is_refused_and_nothing_told():
    one = AQuota()
    told = {}
    NEAREST.set(told)
    for number in range(1_000):
        one.ask(number)
        one.hand_in(number, 10**9, f"d-{number}")
    assert told == {}


def test_a_question_above_the_minute_s_is_told_which_limit_how_much_and_when():
    one = AQuota(tenants={"*": {"questions_per_minute": 3}})
    for number in range(3):
        one.ask(number)
        one.take(asked(number))
    problem = refusal_of(one.ask, 3)
    assert problem.retryable
    assert problem.retry_after_s == 65  # the slot of the first is out of the window
    assert str(problem) == (
        "this tenant used 3 of the 3 questions that it may in a minute: try again in 65 s"
    )
    assert problem.headers["RateLimit-Policy"] == (
        '"tenant-questions-per-minute";q=3;qu="requests";w=60'
    )
    assert problem.headers["RateLimit"] == '"tenant-questions-per-minute";r=0;t=65'
    one.ask(4, tenant="globex")
    one.clock.ms += 65_000
    one.ask(5)


def test_a_key_has_a_limit_beside_its_tenant_s_and_the_wait_is_that_of_the_last_to_have_room():
    one = AQuota(
        tenants={"acme": {"questions_per_minute": 3}}, keys={"key-1": {"questions_per_minute": 2}}
    )
    one.take(asked(0, key="key-2", at_ms=NOW_MS - 30_000))
    for number in (1, 2):
        one.ask(number)
        one.take(asked(number))
    problem = refusal_of(one.ask, 3)  # both are full, and the tenant has room in 35 s
    assert problem.headers["RateLimit"].startswith('"key-questions-per-minute"')
    assert problem.retry_after_s == 65
    problem = refusal_of(one.ask, 4, key="key-2")
    assert problem.headers["RateLimit"] == '"tenant-questions-per-minute";r=0;t=35'


def test_tokens_are_those_of_answers_so_the_last_question_may_go_beyond():
    one = AQuota(tenants={"*": {"tokens_per_minute": 15}})
    for number in range(2):
        one.ask(number)
        one.take(asked(number))
        one.take(answered(number))  # of ten tokens
    problem = refusal_of(one.ask, 2)
    assert str(problem).startswith("this tenant used 20 of the 15 tokens")
    assert 'qu="tokens";w=60' in problem.headers["RateLimit-Policy"]
    assert "r=0" in problem.headers["RateLimit"]


def test_questions_at_once_are_those_without_an_answer():
    one = AQuota(keys={"*": {"questions_at_once": 2}})
    one.elsewhere.unanswered = {("acme", "key-1"): 2, ("acme", ""): 9}
    problem = refusal_of(one.ask, 0)
    assert problem.headers["RateLimit-Policy"] == (
        '"key-questions-at-once";q=2;qu="concurrent-requests"'
    )
    assert problem.retry_after_s == 7
    one.ask(1, key="key-2")


def test_a_document_above_what_is_stored_is_refused_for_good_and_a_new_version_is_not():
    one = AQuota(tenants={"*": {"documents": 2}})
    for document in ("a", "b"):
        one.hand_in(document, document=document)
    problem = refusal_of(one.hand_in, "c", document="c")
    assert (problem.retryable, problem.retry_after_s) == (False, WITHDRAW_S)
    assert "stores 2 documents, this is 1 more, and 2 is its limit: withdraw some" in str(problem)
    assert 'q=2;qu="documents"' in problem.headers["RateLimit-Policy"]
    one.hand_in("b2", document="b")


def test_a_version_takes_the_bytes_that_it_has_more_than_the_one_before():
    one = AQuota(tenants={"*": {"document_bytes": 100}})
    one.hand_in("a", 60, document="a")
    refusal_of(one.hand_in, "b", 50, document="b")
    one.hand_in("a2", 90, document="a")
    refusal_of(one.hand_in, "a3", 101, document="a")
    one.hand_in("b", 10, document="b")
    one.quotas.limits = LimitsInForce(
        {LIMITS: configuration(LIMITS, {"tenants": {"*": {"document_bytes": 50}}})}
    )
    one.hand_in("a4", 80, document="a")  # less than before, though the limit is below all that
    refusal_of(one.hand_in, "a5", 81, document="a")


def test_a_document_that_another_key_had_handed_in_is_one_more_for_a_key():
    one = AQuota(keys={"*": {"documents": 1}})
    one.hand_in("a", document="a", key="key-1")
    one.hand_in("b", document="b", key="key-2")
    refusal_of(one.hand_in, "a2", document="a", key="key-2")
    one.hand_in("a3", document="a", key="key-1")


def test_documents_on_their_way_count_until_they_are_known():
    one = AQuota(tenants={"*": {"documents": 2, "document_bytes": 30}})
    with ExitStack() as coming:
        for name in ("a", "b"):
            coming.enter_context(one.quotas.document(identity(name, session=name), "key-1", 10))
        refusal_of(one.hand_in, "c", document="c")
    one.hand_in("d", 30, document="d")
    assert not one.quotas._coming


def test_bulk_ingest_and_chat_have_quotas_of_their_own():
    one = AQuota(tenants={"*": {"questions_per_minute": 2, "documents_per_minute": 2}})
    for number in range(2):
        one.hand_in(20 + number, document=f"d-{number}")
        one.take(submitted(20 + number))
    refusal_of(one.hand_in, 22, document="d-2")
    for number in range(2):  # at its limit of documents it asks as ever
        one.ask(number)
        one.take(asked(number))
    refusal_of(one.ask, 2)
    one.clock.ms += 65_000
    for number in range(2):
        one.ask(10 + number)
    one.hand_in(23, document="d-3")  # and at its limit of questions it hands in


def test_an_error_takes_back_what_was_begun_and_a_cancelled_request_may_be_on_its_way():
    one = AQuota(tenants={"*": {"questions_per_minute": 1}})
    with pytest.raises(KeyError), one.quotas.question(identity(0), "key-1"):
        raise KeyError
    with pytest.raises(KeyboardInterrupt), one.quotas.question(identity(1), "key-1"):
        raise KeyboardInterrupt
    refusal_of(one.ask, 2)


def test_an_answer_tells_of_the_limit_that_is_nearest_its_end():
    one = AQuota(
        tenants={"*": {"questions_per_minute": 10, "documents": 4}},
        keys={"*": {"questions_per_minute": 8, "questions_at_once": 2}},
    )
    told = {}
    NEAREST.set(told)
    one.ask(0)
    assert told["RateLimit"] == '"key-questions-at-once";r=1'
    one.elsewhere.unanswered = {}
    one.quotas.limits = LimitsInForce(
        {LIMITS: configuration(LIMITS, {"keys": {"*": {"questions_per_minute": 8}}})}
    )
    one.ask(1)
    assert told["RateLimit"] == '"key-questions-per-minute";r=6;t=60'
    one.quotas.tell_of_question("acme", "key-1")
    assert told["RateLimit"] == '"key-questions-per-minute";r=6;t=60'


def test_a_clock_that_is_set_back_lets_nobody_ask_more_and_shuts_nobody_out_for_long():
    one = AQuota(tenants={"*": {"questions_per_minute": 2}})
    for number in range(2):
        one.ask(number)
        one.take(asked(number))
    one.clock.ms -= 3_600_000
    assert refusal_of(one.ask, 2).retry_after_s <= (WINDOW_MS + SLOT_MS) / 1_000
    one.clock.ms += WINDOW_MS + SLOT_MS
    one.ask(3)


# ---------------------------------------------------------------------- several gateways

GATEWAYS, MOST = 3, 4


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_no_minute_holds_more_than_the_limit_and_what_a_gateway_had_not_read_of_the_others(seed):
    """Any interleaving of asking, reading and time; the bound is the one of the decision."""
    draw, clock, log = random.Random(seed), WallClock(), []
    gateways = [
        AQuota(clock, tenants={"*": {"questions_per_minute": MOST}}) for _ in range(GATEWAYS)
    ]
    read = [0] * GATEWAYS
    for number in range(120):
        at = draw.randrange(GATEWAYS)
        match draw.choice(("ask", "ask", "read", "wait")):
            case "wait":
                clock.ms += draw.choice((1, 999, 5_000, 20_000))
            case "read":
                reach = draw.randint(read[at], len(log))
                for entry in log[read[at] : reach]:
                    gateways[at].take(entry)
                read[at] = reach
            case "ask":
                unread = sum(number_of != at for number_of in _askers(log[read[at] :]))
                in_minute = _since(log, clock.ms - WINDOW_MS)
                try:
                    gateways[at].ask(number, key=f"key-{at}")
                except Problem:
                    # nobody is refused for what is over: a slot more than a minute at most
                    assert _since(log, clock.ms - WINDOW_MS - SLOT_MS) >= MOST
                    continue
                assert in_minute + 1 <= MOST + unread
                log.append(asked(number, key=f"key-{at}", at_ms=clock.ms))


def _askers(entries):
    return [int(entry.event.key.removeprefix("key-")) for entry in entries]


def _since(log, begin_ms):
    return sum(entry.time_ms >= begin_ms for entry in log)


def test_gateways_that_have_read_all_hold_to_one_limit_together():
    clock, most = WallClock(), 7
    gateways = [AQuota(clock, keys={"*": {"questions_per_minute": most}}) for _ in range(GATEWAYS)]
    taken = 0
    for number in range(3 * most):
        try:
            gateways[number % GATEWAYS].ask(number)
        except Problem:
            continue
        for gateway in gateways:
            gateway.take(asked(number))
        taken += 1
    assert taken == most
