"""The judge finds inputs that are run again and again."""

from tests.chaos.chain_log import OUTCOMES
from tests.chaos.judge import judge
from tests.chaos.runs import ATTEMPTS_MAX, REPEATED_MAX
from tests.chaos.steps import chain


def attempts(log, number, **meta):
    """Run a question's first step so often; go on with the attempt that wins."""
    given = log.ask("r-3")
    redacted = [log.run("redact", given, attempt=n, **meta) for n in range(1, number + 1)]
    first = redacted[0] if not meta else log.run("redact", given, attempt=number + 1)
    log.answer(first, tuple(OUTCOMES)[1:])
    return judge(log, chain())


def test_an_input_that_is_run_to_the_end_again_and_again_is_named(log):
    judged = attempts(log, REPEATED_MAX + 1)
    [wrong] = judged.runs
    assert wrong.startswith("redact ran playhead.question.asked[0]@2 7 times, 7 of them to the end")
    assert (judged.most_attempts, judged.most_repeated, judged.repeated) == (7, 7, 6)


def test_an_input_that_is_begun_again_and_again_is_named(log):
    [wrong] = attempts(log, ATTEMPTS_MAX, last=False).runs
    assert "26 times, 1 of them to the end" in wrong


def test_what_a_crash_may_repeat_is_no_failure(log):
    assert attempts(log, REPEATED_MAX).runs == []
