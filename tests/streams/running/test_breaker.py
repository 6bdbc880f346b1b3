"""When a circuit opens, what it lets through, and when it closes."""

import asyncio

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Permanent, Transient
from streams.running.breaker import (
    ASKED_MAX_S,
    CLOSED,
    FAILURES_MAX,
    HALF_OPEN,
    OPEN,
    PAUSE_FIRST_S,
    PAUSE_MAX_S,
    PROBE_S,
    TENANTS_MAX,
    Circuit,
    Overdue,
)
from tests.fake_clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def circuit(clock):
    return Circuit("Fake", clock)


def call(circuit, error=None, tenant=""):
    """Make one call; return what it raised."""
    try:
        with circuit.guard(tenant):
            if error is not None:
                raise error
    except (Transient, Permanent, asyncio.CancelledError) as raised:
        return raised


def refusal(circuit, tenant=""):
    """Return the error of a call that is not let through."""
    reached = False
    try:
        with circuit.guard(tenant):
            reached = True
    except Transient as error:
        assert not reached
        return error
    pytest.fail("the call was let through")


def opened(circuit):
    for _ in range(FAILURES_MAX):
        call(circuit, Transient("connection refused"))
    assert circuit.state == OPEN
    return circuit


def test_it_opens_after_so_many_failures_in_a_row(circuit):
    for _ in range(FAILURES_MAX - 1):
        call(circuit, Transient("away"))
    assert circuit.state == CLOSED
    call(circuit, Transient("away"))
    assert circuit.state == OPEN


def test_an_answer_starts_the_count_anew(circuit):
    for _ in range(3):
        for _ in range(FAILURES_MAX - 1):
            call(circuit, Transient("away"))
        call(circuit)
    assert circuit.state == CLOSED


@pytest.mark.parametrize("error", [Permanent("no such model"), asyncio.CancelledError()])
def test_other_ends_are_no_failures(circuit, error):
    for _ in range(3 * FAILURES_MAX):
        assert call(circuit, error) is error
    assert circuit.state == CLOSED


def test_open_it_fails_at_once_and_says_who_is_away_why_and_until_when(circuit, clock):
    opened(circuit)
    error = refusal(circuit)
    assert "Fake is away since 2" in str(error)
    assert "connection refused" in str(error)
    assert 0 < error.retry_after_s <= PAUSE_FIRST_S
    clock.now += error.retry_after_s
    assert call(circuit) is None  # as promised


def test_half_open_one_call_goes_through_and_its_answer_closes(circuit, clock):
    opened(circuit)
    clock.now += PAUSE_FIRST_S
    with circuit.guard():
        assert circuit.state == HALF_OPEN
        assert 0 < refusal(circuit).retry_after_s <= PROBE_S
    assert circuit.state == CLOSED


def test_a_stream_closes_it_by_its_first_part(circuit, clock):
    opened(circuit)
    clock.now += PAUSE_FIRST_S
    with circuit.guard() as answered:
        answered()
        assert circuit.state == CLOSED


@given(st.integers(0, 40))
def test_the_pause_grows_with_each_failed_probe_up_to_its_most(failed):
    clock = FakeClock()
    circuit = opened(Circuit("Fake", clock))
    for _ in range(failed):
        clock.now += refusal(circuit).retry_after_s
        call(circuit, Transient("still away"))
    widest = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2**failed)
    assert widest / 2 <= refusal(circuit).retry_after_s <= widest


def test_pauses_begin_small_again_after_it_was_closed(circuit, clock):
    opened(circuit)
    for _ in range(8):
        clock.now += PAUSE_MAX_S
        call(circuit, Transient("away"))
    clock.now += PAUSE_MAX_S
    call(circuit)
    assert refusal(opened(circuit)).retry_after_s <= PAUSE_FIRST_S


@pytest.mark.parametrize(("asked_s", "waits_s"), [(30.0, 30.0), (1e9, ASKED_MAX_S)])
def test_a_service_that_says_when_to_come_back_is_left_alone_until_then(circuit, asked_s, waits_s):
    for _ in range(FAILURES_MAX):
        call(circuit, Transient("429", retry_after_s=asked_s))
    assert refusal(circuit).retry_after_s == pytest.approx(waits_s)


@pytest.mark.parametrize("error", [Permanent("bad"), asyncio.CancelledError()])
def test_a_probe_that_tells_nothing_leaves_the_next_call_to_be_one(circuit, clock, error):
    opened(circuit)
    clock.now += PAUSE_FIRST_S
    call(circuit, error)
    assert circuit.state == HALF_OPEN
    assert call(circuit) is None
    assert circuit.state == CLOSED


def test_a_probe_that_hangs_does_not_keep_the_others_out(circuit, clock):
    opened(circuit)
    clock.now += PAUSE_FIRST_S
    with circuit.guard():
        clock.now += PAUSE_MAX_S
        assert call(circuit) is None  # a second probe
        assert circuit.state == CLOSED


def test_a_call_from_before_closes_it_by_an_answer_but_its_failure_is_old_news(circuit, clock):
    with circuit.guard():
        opened(circuit)
    assert circuit.state == CLOSED
    before = circuit.guard()
    before.__enter__()
    opened(circuit)
    clock.now += PAUSE_FIRST_S
    call(circuit)
    for _ in range(FAILURES_MAX - 1):
        call(circuit, Transient("away"))
    error = Transient("of before")
    assert not before.__exit__(Transient, error, None)
    assert circuit.state == CLOSED  # it would have been one failure too many
    call(circuit, Transient("away"))
    assert circuit.state == OPEN


def test_changes_are_logged_once(circuit, clock):
    with structlog.testing.capture_logs() as lines:
        opened(circuit)
        for _ in range(10):
            refusal(circuit)
            clock.now += PAUSE_MAX_S
            call(circuit, Transient("away"))
        clock.now += PAUSE_MAX_S
        for _ in range(3):
            call(circuit)
    assert [line["event"] for line in lines] == ["circuit opened", "circuit closed"]


# ---------------------------------------------------------------------- whose an error is


def late():
    return Overdue("took longer than 30 s")


def test_what_takes_too_long_for_one_tenant_shuts_out_that_tenant_alone(circuit, clock):
    for _ in range(10 * FAILURES_MAX):
        clock.now += (
            0.01  # not after the last: it may have been a probe, or its pause be over by then
        )
        call(circuit, late(), "poison")
    assert circuit.state == CLOSED
    assert "Fake answers this tenant too late since 2" in str(refusal(circuit, "poison"))
    assert call(circuit, tenant="another") is None
    clock.now += PAUSE_MAX_S
    assert call(circuit, tenant="poison") is None
    assert circuit.state_of("poison") == CLOSED


def test_what_takes_too_long_for_several_and_is_answered_to_nobody_is_the_services(circuit):
    for tenant in "aabbcc"[:FAILURES_MAX]:
        assert circuit.state == CLOSED
        call(circuit, late(), tenant)
    assert circuit.state == OPEN
    assert "Fake is away" in str(refusal(circuit, "another"))


def test_two_tenants_have_circuits_of_their_own_and_open_nobody_elses(circuit):
    for _ in range(FAILURES_MAX):
        for tenant in "ab":
            call(circuit, late(), tenant)
    assert circuit.state == CLOSED
    assert circuit.state_of("a") == circuit.state_of("b") == OPEN


@pytest.mark.parametrize("error", [Transient("connection refused"), Transient("503")])
def test_a_service_that_is_away_is_away_for_all_whoever_met_it(circuit, error):
    for _ in range(FAILURES_MAX):
        call(circuit, error, "acme")
    assert "is away" in str(refusal(circuit, "another"))


TENANTS = st.sampled_from("abcd")
CALLS = st.lists(
    st.tuples(TENANTS, st.sampled_from(["late", "answered", "permanent"])), max_size=60
)


@given(CALLS)
def test_while_others_are_answered_no_tenant_opens_the_circuit_of_all(calls):
    clock = FakeClock()
    circuit = Circuit("Fake", clock)
    for tenant, end in calls:
        clock.now += 0.1
        error = {"late": late(), "answered": None, "permanent": Permanent("no")}[end]
        call(circuit, error, tenant)
        call(circuit, tenant="well")
        assert circuit.state == circuit.state_of("well") == CLOSED


def test_a_call_that_takes_too_long_is_no_news_of_a_service_that_was_away(circuit, clock):
    opened(circuit)
    clock.now += PAUSE_FIRST_S
    call(circuit, late(), "poison")
    assert circuit.state == HALF_OPEN
    assert call(circuit, tenant="another") is None
    assert circuit.state == CLOSED


def test_who_is_shut_out_takes_no_probe_from_others(circuit, clock):
    for _ in range(FAILURES_MAX):
        call(circuit, late(), "poison")
    opened(circuit)
    clock.now += PAUSE_FIRST_S / 2
    for _ in range(3):
        refusal(circuit, "poison")
    clock.now += refusal(circuit, "another").retry_after_s
    assert call(circuit, tenant="another") is None


def test_tenants_are_remembered_only_so_many_and_while_they_are_late(circuit):
    for number in range(TENANTS_MAX + 10):
        call(circuit, late(), f"t{number}")
        call(circuit, tenant="well")
    assert len(circuit._tenants) == TENANTS_MAX
    for number in range(TENANTS_MAX + 10):
        call(circuit, tenant=f"t{number}")
    assert not circuit._tenants
    assert not circuit._overdue
