"""The judge finds answers whose end a live reader met before their text."""

import pytest

from schemas import Batch, TokensReleased
from tests.chaos.ahead import END, STEP, TEXT
from tests.chaos.chain_log import OUTCOMES, ChainLog, but
from tests.chaos.judge import judge
from tests.chaos.judgement import Sample
from tests.chaos.steps import chain

STEPS = ("redact", "rewrite", "retrieve")


@pytest.fixture
def log():
    """An answer in one part and its end."""
    log = ChainLog()
    retrieved = log.answer(log.ask("r-1"), STEPS)
    first, last = Batch(number=0, last=False), Batch(number=1, last=True)
    part = log.run("generate", retrieved, but(OUTCOMES["generate"], batch=first), last=False)
    end = but(OUTCOMES["generate"], batch=last)
    ended = log.run("generate", retrieved, end, id="end", ordinal=1)
    log.run("moderate", part, TokensReleased(batch=first, text="t", subject="u"), id="text")
    log.run("moderate", ended, ordinal=0)
    return log


def look(*, text, end):
    """Return a look at which so many parts and ends lay on the log."""
    committed = {step.name: {} for step in chain()}
    ends = {step.name: {} for step in chain()}
    ends[STEP] = {(TEXT, 0): text, (END, 0): end}
    return Sample(committed, ends)


@pytest.mark.parametrize(
    "looks",
    [
        [],
        [look(text=0, end=0), look(text=1, end=1)],
        [look(text=1, end=0), look(text=1, end=1)],
    ],
)
def test_text_that_lies_there_before_its_end_is_right(log, looks):
    assert judge(log, chain(), samples=looks).failures == []


def test_an_end_that_was_seen_before_its_text_is_named(log):
    looks = [look(text=0, end=0), look(text=0, end=1), look(text=0, end=1), look(text=1, end=1)]
    [wrong] = judge(log, chain(), samples=looks).disorder
    assert wrong == (
        f"the end of r-1 ({END}[0]@0) lay on the log before its text ({TEXT}[0]@0), at 2 looks"
    )
