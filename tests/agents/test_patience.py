"""Patience: limits hit exactly."""

import pytest

from agents.patience import patient
from schemas import Ask, ChunksRetrieved, Instant, Now
from tests.fakes import NOW_US, FakeEffects, a_meta

CONFIGURED = {"patience_ms": 2_000, "urgent_ms": 7_000}


@pytest.mark.parametrize(
    ("waited_us", "left_us", "waits"),
    [
        (0, None, True),
        (1_999_999, None, True),
        (2_000_000, None, False),
        (0, 7_000_000, True),
        (0, 6_999_999, False),
        (0, -1, False),
        (2_000_000, 60_000_000, False),
    ],
)
async def test_a_step_waits_for_a_moment_and_while_there_is_time(waited_us, left_us, waits):
    now = NOW_US + waited_us
    event = ChunksRetrieved(
        meta=a_meta(at=NOW_US),
        outcome="retrieved",
        subject="u",
        question="q",
        query="q",
        ask=Ask(deadline=0 if left_us is None else now + left_us),
    )
    fx = FakeEffects("generate", event, {Now: lambda _: Instant(at=now)})
    assert await patient(event, fx, CONFIGURED) is waits
    assert [type(request) for request in fx.asked] == [Now]
