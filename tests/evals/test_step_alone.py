"""A step alone does what it does in a worker, with the configuration in force or some of it changed."""

import pytest

from agents.errors import Permanent
from evals.step_alone import Given, StepAlone, in_force, meta_of
from schemas import Ask, QueryRewritten, QuestionRedacted, ReadTurns, Turn, Turns
from streams.log.configuration import load
from streams.version import CODE
from tests.fakes import outcomes

TURN = Turn(request="r-0", question="Who kept the Lindesnes lighthouse?", answer="Anna Holm.")
ASKED = QuestionRedacted(
    meta=meta_of("q-1"), outcome="redacted", subject="", text="How high is it?", ask=Ask()
)


def answers(limits=None):
    def read(request):
        if limits is not None:
            limits.append(request.limit)
        return Turns(turns=(TURN,))

    return {ReadTurns: read}


async def test_a_step_yields_what_it_yields_anywhere():
    [alone] = await StepAlone("rewrite", (Given(answers()),)).outcomes(ASKED)
    [elsewhere] = await outcomes("rewrite", ASKED, answers(), load()["rewrite"].values)
    assert isinstance(alone, QueryRewritten)
    assert alone.query == elsewhere.query
    assert alone.query != ASKED.text
    assert alone.meta.step.code == CODE


async def test_values_of_the_configuration_can_be_changed():
    limits = []
    step = StepAlone("rewrite", (Given(answers(limits)),), {"turns": 2})
    [outcome] = await step.outcomes(ASKED)
    assert limits == [2]
    assert outcome.meta.step.configuration == step.configuration.digest
    assert step.configuration.digest != in_force("rewrite", {}).digest


def test_a_value_that_there_is_not_is_named():
    with pytest.raises(Permanent, match=r"configuration of rewrite: no turrns; there is .*turns"):
        in_force("rewrite", {"turrns": 2})


async def test_what_nobody_answers_is_an_error():
    with pytest.raises(Permanent, match="no connector answers"):
        await StepAlone("rewrite", ()).outcomes(ASKED)
