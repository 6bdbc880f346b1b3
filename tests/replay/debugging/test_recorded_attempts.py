"""What the steps did over a request is found: every run over every input, and of no other request."""

import pytest

from replay.debugging.recorded_attempts import attempts_on
from schemas import EventRejected
from tests.fakes import a_codec
from tests.memory_log import MemoryLog
from tests.replay.little_log import ASKED, STEP, a_log, asked, fake_run, given_up, put


def found_on(log, request):
    return attempts_on(log, a_codec(), request, [STEP])


async def test_an_attempt_is_found_with_its_input_and_all_its_outcomes():
    (one,) = found_on(await a_log(3), "r-1")
    assert (one.step, one.number, one.given.topic, one.given.offset) == (STEP, 1, ASKED, 1)
    assert [outcome.event.meta.ordinal for outcome in one.attempt.outcomes] == [0, 1, 2]
    assert str(one) == "redact over playhead.question.asked[0]@1, attempt 1"


async def test_a_run_that_a_crash_cut_off_is_found_beside_the_one_that_counts():
    log = await a_log(1)
    again = fake_run(asked(0), 0, attempt=2)
    await again.execute()
    for outcome in again.outcomes:
        put(log, outcome)
    attempts = found_on(log, "r-0")
    assert [(one.number, one.attempt.superseded) for one in attempts] == [(1, False), (2, True)]


async def test_a_dead_letter_is_an_outcome_of_its_step():
    log = MemoryLog()
    await given_up(log)
    tried, letter = found_on(log, "r-0")
    assert not tried.attempt.closed
    assert isinstance(letter.attempt.outcomes[0].event, EventRejected)


async def test_an_input_without_an_outcome_has_no_attempt():
    log = await a_log(1)
    put(log, asked(7))
    assert found_on(log, "r-7") == []


async def test_a_request_that_never_was_is_told():
    with pytest.raises(LookupError, match="no record of request r-9"):
        found_on(await a_log(1), "r-9")
