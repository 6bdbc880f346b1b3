"""A hedged answer on the log: who won is read from the record, and nobody races again."""

import pytest
from msgspec.structs import replace

from replay.routes_cli import explained, print_answer
from schemas import Generated
from streams.log.configuration import configuration
from streams.topics import topic_of
from tests.agents.answering.test_distilling import BY_SMALL, FERRY, keeping, world
from tests.agents.test_generate import NORMANS, an_event
from tests.agents.test_routed_answers import HEDGED, raced
from tests.fakes import a_codec, a_meta
from tests.replay.little_log import changed
from tests.replay.test_tools import CONFIGURED, left_by, verified

EVENT = an_event(NORMANS, meta=a_meta(id="id-of-r-1"))


async def left(outcome="won"):
    configured = configuration("generate", {**CONFIGURED.values, **HEDGED})
    return await left_by(EVENT, raced(outcome, cost=39), configured)


async def test_what_was_decided_is_replayed_from_the_record():
    log, records = await left()
    report = await verified(log)
    assert (report.records, report.equal) == (len(records), len(records))


async def test_another_winner_in_the_effect_is_a_difference():
    log, records = await left()
    codec = a_codec()
    place = next(
        at
        for at, one in enumerate(records)
        if any(effect.kind == "Generate" for effect in one.meta.effects)
    )

    def forged(told):
        effects = list(told.meta.effects)
        at = next(at for at, one in enumerate(effects) if one.kind == "Generate")
        part = codec.decode(effects[at].response, Generated)
        lost = replace(part, hedged=replace(part.hedged, outcome="lost"))
        effects[at] = replace(effects[at], response=codec.encode(lost))
        return replace(told, meta=replace(told.meta, effects=tuple(effects)))

    changed(log, place, forged, topic=topic_of(records[0]))
    assert (await verified(log)).diverged


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        ("won", "was asked too after 500 ms and won, for 0.000039"),
        ("lost", "was asked too after 500 ms and lost, for 0.000039"),
        ("too_many", "slow after 500 ms"),
    ],
)
async def test_the_auditor_is_told_who_won_and_what_both_cost(capsys, outcome, line):
    _, records = await left(outcome)
    [answer] = explained(records)
    assert answer.cost_micros == 39
    assert answer.as_json()["hedged"]["outcome"] == outcome
    print_answer(answer)
    assert line in " ".join(capsys.readouterr().out.split())


async def test_a_prompt_that_a_model_distilled_is_replayed_from_the_record():
    configured = configuration("generate", {**CONFIGURED.values, **BY_SMALL})
    event = replace(FERRY, meta=EVENT.meta)
    log, records = await left_by(event, world(keeping(1)), configured)
    assert records[-1].answer.distilled
    report = await verified(log)
    assert (report.records, report.equal) == (len(records), len(records))
