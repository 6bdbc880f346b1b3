"""Single steps are run as on a worker: with their configuration, an input that has a place, and connectors."""

import pytest

from agents.errors import Permanent
from bench.direct import MemoryTables
from bench.handing_on import noop
from bench.step_runs import StepRuns
from bench.synthetic.answers import CannedModels
from bench.trivial_steps import AskingSteps
from connectors.documents import Documents
from connectors.keyring import Keyring
from schemas import Ask, QueryRewritten, QuestionAsked, QuestionRedacted
from streams.log.configuration import load
from streams.settings import Settings
from streams.topics import STEPS, step, topic_of
from streams.version import CODE
from tests.fake_connectors import FakeTriton, FakeWeaviate
from tests.fakes import a_codec, a_meta

QUERY = QueryRewritten(
    meta=a_meta(lane=3),
    outcome="rewritten",
    subject="u",
    question="What is it?",
    query="What is it?",
    ask=Ask(),
)


@pytest.fixture
def keyring(tmp_path):
    return Keyring(Settings(run=tmp_path))


@pytest.fixture
def runs(keyring):
    """Return runs over some connectors."""
    return lambda *connectors: StepRuns(connectors, keyring, a_codec()._ids, timeout_s=5)


async def ran(runs, step, event, offset=7, trace=""):
    outcomes = []
    await runs.run(step, event, offset, outcomes.append, trace)
    return outcomes


def test_every_step_has_its_configuration(runs):
    ours, shipped = runs().configurations, load()
    phrased = ours.pop("generate")
    assert [route["trust"] for route in phrased.values["routes"]["routes"]] == ["phrase"]
    assert phrased.digest != shipped.pop("generate").digest
    assert ours == shipped
    assert {entry.name for entry in STEPS} <= set(runs().configurations)


async def test_an_outcome_names_its_input_and_what_it_was_made_by(runs):
    [outcome] = await ran(runs(), noop()[2], QUERY, trace="00-trace")
    meta = outcome.meta
    assert meta.cause is not None
    assert (meta.cause.topic, meta.cause.partition, meta.cause.offset) == (
        topic_of(QueryRewritten),
        3,
        7,
    )
    assert meta.cause.id == QUERY.meta.id
    assert meta.step.name == "retrieve"
    assert (meta.step.code, meta.step.configuration) == (CODE, load()["retrieve"].digest)
    assert (meta.attempt, meta.trace) == (1, "00-trace")


async def test_what_a_step_asks_is_answered_by_the_connectors(runs):
    [trivial] = AskingSteps().steps("retrieve")
    [outcome] = await ran(runs(FakeTriton(), FakeWeaviate()), trivial, QUERY)
    assert [effect.kind for effect in outcome.meta.effects] == ["Begin", "Embed", "Search"]


async def test_what_nobody_answers_is_an_error_of_the_run(runs):
    [trivial] = AskingSteps().steps("retrieve")
    with pytest.raises(Permanent, match="no connector answers Embed"):
        await ran(runs(), trivial, QUERY)


async def test_what_a_step_raises_is_not_kept_back(runs):
    def spoil(name, what):
        raise Permanent(f"{name} is spoilt by {what}")

    [spoilt] = AskingSteps(spoil).steps("generate")
    [found] = await ran(runs(), noop()[2], QUERY)
    with pytest.raises(Permanent, match="generate is spoilt by u"):
        await ran(runs(), spoilt, found)


async def test_a_real_step_finds_the_values_of_its_configuration(runs, keyring, tmp_path):
    meta = a_meta(tenant="bench", request="r-1")
    sealed = keyring.seal("bench", "user/u", meta.id, "text", b"Who founded the mill?")
    question = QuestionAsked(meta=meta, subject="u", text=sealed, ask=Ask())
    connectors = (keyring, Documents(Settings(run=tmp_path)), CannedModels(), MemoryTables())
    outcomes = await ran(runs(*connectors), step("redact"), question)
    assert isinstance(outcomes[-1], QuestionRedacted)
    assert outcomes[-1].text == "Who founded the mill?"


@pytest.mark.parametrize("connector", [FakeTriton, FakeWeaviate])
async def test_connectors_are_closed_with_the_runs(runs, connector):
    class Closing(connector):
        closed = False

        async def close(self):
            self.closed = True

    one = Closing()
    over = runs(one)
    assert not one.closed
    await over.close()
    assert one.closed
