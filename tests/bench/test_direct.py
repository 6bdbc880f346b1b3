"""The baseline of an answer: the real steps over canned answers, without a log."""

from itertools import pairwise

import pytest

from bench.direct import ANSWERING, Direct, MemoryTables
from bench.facts import facts
from bench.synthetic.answers import CannedModels
from bench.synthetic.requests import SECTIONS, TENANTS
from connectors.documents import Documents
from connectors.keyring import Keyring
from schemas import (
    Placeholders,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    ReleaseState,
    WritePlaceholders,
    WriteRelease,
)
from streams.running.world import Call
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


def call(request="r"):
    return Call("acme", 0, request, "s", "e", "t", 0)


async def test_tables_remember_by_scope_and_by_request():
    tables = MemoryTables().handlers()

    async def ask(asked, **where):
        return await tables[type(asked)](asked, call(**where))

    written = Placeholders(entries=())
    assert await ask(ReadPlaceholders(scope="a")) == Placeholders()
    await ask(WritePlaceholders(scope="a", state=written))
    assert await ask(ReadPlaceholders(scope="a")) is written
    assert await ask(ReadPlaceholders(scope="b")) is not written
    released = ReleaseState(batch=1, released="t")
    await ask(WriteRelease(state=released), request="r-1")
    assert await ask(ReadRelease(batch=0), request="r-1") is released
    assert await ask(ReadRelease(batch=0), request="r-2") == ReleaseState()
    assert (await ask(ReadTurns(limit=9))).turns == ()
