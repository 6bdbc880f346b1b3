"""What a record says of a cancellation is held against the cancellations on the log."""

import pytest

from schemas import CancellationRequested, Generate, Generated
from tests.fakes import a_meta
from tests.memory_log import MemoryLog
from tests.replay.little_log import (
    ANSWERS,
    CONFIGURATION,
    asked,
    configuration_set,
    fake_run,
    put,
    verified,
)

STOPPED = ANSWERS | {
    Generate: lambda _: [Generated(tokens=(), last=True, finish_reason="cancelled")]
}


async def a_log(*wishes, begun_late=False):
    """A question whose run says that it was cancelled, and what was wished."""
    log, event = MemoryLog(), asked(0)
    put(log, configuration_set(), key=CONFIGURATION.digest.encode())
    put(log, event)
    run = fake_run(event, 0, ANSWERS if begun_late else STOPPED)
    run.is_cancelled = begun_late
    await run.execute()
    for outcome in (*run.outcomes, *wishes):
        put(log, outcome)
    return log


def a_wish(subject="u", **meta):
    return CancellationRequested(meta=a_meta(**{"request": "r-0", **meta}), subject=subject)


@pytest.mark.parametrize("begun_late", [True, False])
@pytest.mark.parametrize(
    "wishes", [[], [a_wish("other")], [a_wish(request="r-1")], [a_wish(tenant="globex")]]
)
async def test_what_nobody_cancelled_was_not_cancelled(begun_late, wishes):
    report = await verified(await a_log(*wishes, begun_late=begun_late))
    reasons = {one.reason.rpartition(": ")[2] for one in report.diverged}
    assert "no record cancels the answer" in reasons


@pytest.mark.parametrize("begun_late", [True, False])
async def test_what_somebody_cancelled_verifies(begun_late):
    report = await verified(await a_log(a_wish(), a_wish(), begun_late=begun_late))
    assert (report.diverged, report.equal) == ([], report.records)
    assert report.records
