"""The baseline of an answer: the real steps over canned answers, without a log."""

from itertools import pairwise

import pytest

from agents.errors import Permanent
from bench.direct import ANSWERING, Direct
from bench.facts import facts
from bench.synthetic.answers import CannedModels
from bench.synthetic.request_maker import SECTIONS, TENANTS
from connectors.documents import Documents
from connectors.keyring import Keyring
from schemas import Detect, Embed, Fetch, Generate
from streams.settings import Settings
from streams.topics import step
from tests.fakes import a_codec


@pytest.fixture
def direct(tmp_path):
    settings = Settings(run=tmp_path)
    keyring = Keyring(settings)

    def made(models):
        connectors = (keyring, Documents(settings), models)
        return Direct(settings, connectors, keyring, a_codec()._ids)

    return made


async def test_a_question_is_answered_by_the_steps_themselves(direct):
    models = CannedModels()
    models.index_guide(0)
    program = direct(models)
    _, question = facts(SECTIONS)[3]
    answered = await program.ask(TENANTS[0], question)
    assert 0 < answered.first_ms <= answered.whole_ms
    await program.close()


async def test_every_question_is_of_a_session_of_its_own(direct):
    models = CannedModels()
    models.index_guide(0)
    program = direct(models)
    for _, question in facts(3):
        assert (await program.ask(TENANTS[0], question)).first_ms > 0
    await program.close()


def test_the_answering_steps_follow_each_other():
    for before, after in pairwise(ANSWERING):
        assert set(step(before).writes) & set(step(after).reads)


class Talking(CannedModels):
    """Canned models that keep what they are asked, and may be told to break."""

    def __init__(self, broken=()):
        super().__init__()
        self.asked, self.closed = [], False
        self._broken = broken

    def handlers(self):
        return {kind: self._listened(kind, h) for kind, h in super().handlers().items()}

    def stream_handlers(self):
        [(kind, generate)] = super().stream_handlers().items()

        async def listened(request, call):
            self.asked.append((kind, call))
            async for part in generate(request, call):
                yield part

        return {kind: listened}

    async def close(self):
        self.closed = True

    def _listened(self, kind, handler):
        async def listened(request, call):
            self.asked.append((kind, call))
            if kind in self._broken:
                raise Permanent(f"{kind.__name__} is refused")
            return await handler(request, call)

        return listened


@pytest.fixture
def ask(direct):
    """Ask a question about a guide that the models know."""

    async def asked(models, number=3):
        models.index_guide(0)
        program = direct(models)
        try:
            return await program.ask(TENANTS[0], facts(SECTIONS)[number][1])
        finally:
            await program.close()

    return asked


async def test_models_and_index_are_asked_in_the_order_of_the_steps(ask):
    models = Talking()
    await ask(models)
    kinds = [kind for kind, _ in models.asked]
    assert kinds[0] is Detect
    assert kinds.index(Detect) < kinds.index(Embed) < kinds.index(Fetch) < kinds.index(Generate)
    assert models.closed


async def test_all_steps_work_for_one_request_of_one_tenant(ask):
    models = Talking()
    await ask(models)
    assert {(call.tenant, call.session) for _, call in models.asked} == {
        (TENANTS[0], models.asked[0][1].session)
    }
    assert len({call.request for _, call in models.asked}) == 1


async def test_sessions_have_nothing_in_common(direct):
    models = Talking()
    models.index_guide(0)
    program = direct(models)
    for _, question in facts(3):
        await program.ask(TENANTS[0], question)
    await program.close()
    assert len({call.session for _, call in models.asked}) == 3


@pytest.mark.parametrize("kind", [Detect, Fetch])
async def test_a_step_that_breaks_breaks_the_measurement(ask, kind):
    with pytest.raises(Permanent, match=f"{kind.__name__} is refused"):
        await ask(Talking(broken={kind}))
