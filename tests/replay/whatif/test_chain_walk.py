"""A question goes through the steps again: from the record while it answers, and nothing is written."""

from itertools import pairwise

import pytest

from replay.archive import ArchiveLog
from replay.configurations import Configurations
from replay.local_effects import local_handlers
from replay.selection import Selection
from replay.whatif.chain_walk import AsRecorded, ChainWalker
from replay.whatif.outside import (
    ASKED,
    AT_REST,
    EXECUTED,
    KEPT_HERE,
    OF_TABLES,
    REFUSED,
    Lacking,
    Outside,
    SubjectErased,
    WouldAsk,
)
from replay.whatif.recorded_chains import CHAIN, recorded_chains
from schemas import (
    Generate,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
)
from streams.log.codec import Codec
from streams.settings import Settings
from streams.topics import STEPS
from tests.golden.packing import unpacked
from tests.golden.test_golden import HERE, RELEASES
from tests.replay.whatif.mill_talk import KEY, OPENS, SHUTTLE, MillTalk


def every_byte(log):
    return {
        place: [(stored.value, stored.key) for stored in log.records(*place)]
        for place in log.extents()
    }


@pytest.mark.parametrize("release", RELEASES)
async def test_with_nothing_changed_every_step_comes_to_its_record_and_asks_nobody(
    release, tmp_path
):
    folder = unpacked(HERE / release, tmp_path / release)
    log = ArchiveLog(folder / "log")
    codec = Codec(log.ids)
    local, keyring = local_handlers(Settings(run=folder / "run"))
    walker = ChainWalker(
        codec,
        keyring.digest_key,
        Outside(local, None),
        AsRecorded(Configurations(log, codec).values),
        thorough=True,
    )
    chains = recorded_chains(log, codec, Selection(), sample=60)
    walks = [await walker.walk(chain) for chain in chains]
    run = [walked for walked in walks if walked.not_run is None]
    assert len(run) > 50
    assert {type(walked.not_run) for walked in walks} <= {type(None), SubjectErased, Lacking}
    assert [walked.first_difference for walked in run] == [None] * len(run)
    assert not any(step.strayed for walked in run for step in walked.steps)
    assert sum(walked.calls for walked in walks) == 0


def test_whatever_a_step_asks_is_of_one_kind():
    of_tables = {ReadTurns, ReadPlaceholders, ReadRelease, ReadDocument}
    written = {WriteDocument, WritePlaceholders, WriteRelease}
    asked = {request for step in STEPS for request in step.asks} | of_tables | written
    kinds = [ASKED, KEPT_HERE, OF_TABLES, EXECUTED, AT_REST, frozenset(REFUSED)]
    for request in asked:
        assert sum(request in kind for kind in kinds) == 1, request


async def test_a_change_in_generate_leaves_the_steps_before_it_to_the_record(mill, changed_prompt):
    questions = mill.questions()
    chain = next(c for c in questions.chains if c.asked.meta.request == mill.requests[OPENS])
    before = every_byte(mill.log)
    walker = mill.walker(questions, changed_prompt, world=mill.world)
    walked = await walker.walk(chain)
    ran = {step.step: step.ran for step in walked.steps}
    assert ran == {
        "redact": False,
        "rewrite": False,
        "retrieve": False,
        "generate": True,
        "moderate": True,
    }
    assert "Generate" in walked.steps[3].strayed
    assert walked.calls == 1
    assert every_byte(mill.log) == before


async def test_what_would_be_asked_is_told_where_nobody_may_be(mill, changed_prompt):
    questions = mill.questions()
    chain = next(c for c in questions.chains if c.asked.meta.request == mill.requests[OPENS])
    walked = await mill.walker(questions, changed_prompt).walk(chain)
    assert isinstance(walked.not_run, WouldAsk)
    assert isinstance(walked.not_run.request, Generate)
    assert walked.calls == 0


async def test_a_step_whose_outcome_is_the_records_gives_the_rest_back_to_the_record(mill):
    questions = mill.questions()
    walker = mill.walker(questions, "rewrite.turns=5")
    for chain in questions.chains:
        walked = await walker.walk(chain)
        assert walked.first_difference is None
        assert [step.ran for step in walked.steps].count(True) <= 2


async def test_a_step_asks_nothing_twice_that_the_record_answers(mill):
    """More passages: what was searched for stands in the record, other texts are fetched."""
    questions = mill.questions()
    outside = mill.outside(questions)
    walker = mill.walker(questions, "retrieve.gap=5", outside=outside)
    walks = [await walker.walk(chain) for chain in questions.chains]
    assert [walked.not_run for walked in walks] == [None] * 4
    assert outside.caps.calls["Fetch"] > 0
    assert not set(outside.caps.calls) & {"Embed", "Search", "Rerank"}


async def test_an_erased_persons_question_is_not_run(tmp_path, changed_prompt):
    talk = await MillTalk(tmp_path).hold(OPENS)
    talk.erase()
    questions = talk.questions()
    walked = await talk.walker(questions, changed_prompt, world=talk.world).walk(
        questions.chains[0]
    )
    assert isinstance(walked.not_run, SubjectErased)
    assert walked.calls == 0


async def test_without_a_key_store_what_needs_no_key_is_done_and_the_rest_is_told(
    mill, changed_prompt, tmp_path
):
    questions = mill.questions(settings=Settings(run=tmp_path / "elsewhere"))
    chain = next(c for c in questions.chains if c.asked.meta.request == mill.requests[SHUTTLE])
    walked = await mill.walker(questions, changed_prompt, world=mill.world).walk(chain)
    assert walked.not_run is None
    assert walked.calls == 1
    redacting = mill.walker(questions, "redact.kinds=PERSON,LOCATION", world=mill.world)
    walked = await redacting.walk(chain)
    assert isinstance(walked.not_run, Lacking)
    assert "no key store" in str(walked.not_run)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_text_with_a_value_that_the_record_replaced_goes_no_further(mill):
    questions = mill.questions()
    chain = next(c for c in questions.chains if c.asked.meta.request == mill.requests[KEY])
    walked = await mill.walker(questions, "redact.kinds=EMAIL_ADDRESS", world=mill.world).walk(
        chain
    )
    assert walked.leaked == ("<PERSON_1>",)
    assert [step.step for step in walked.steps] == ["redact"]


async def test_new_values_are_sealed_under_no_key(mill):
    keys = sorted(mill.drive.keyring.keys("mill"))
    questions = mill.questions()
    walker = mill.walker(questions, "redact.kinds=PERSON,LOCATION", world=mill.world)
    found = [await walker.walk(chain) for chain in questions.chains]
    assert any(walked.first_difference for walked in found)
    assert sorted(mill.drive.keyring.keys("mill")) == keys


async def test_a_question_in_progress_is_not_run(tmp_path, changed_prompt):
    talk = await MillTalk(tmp_path).hold(OPENS)
    whole = talk.questions().chains[0]
    del talk.log._records[whole.runs["moderate"][0].stored.topic, whole.stored.partition][:]
    questions = talk.questions()
    walked = await talk.walker(questions, changed_prompt).walk(questions.chains[0])
    assert not questions.chains[0].complete
    assert "still in progress" in str(walked.not_run)


def test_the_chain_is_the_way_of_a_question():
    for one, after in pairwise(CHAIN):
        assert set(one.writes) & set(after.reads)
