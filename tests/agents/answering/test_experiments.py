"""Experiments: which arm a request gets follows from its id and the experiment's name alone."""

from collections import Counter

import pytest

from agents.answering.generation_policy import policy_of
from schemas import Generate
from streams.log.configuration import load
from tests.agents.test_generate import CONFIGURATION, NORMANS, SAID, TAXES, a_world, an_event, run
from tests.fakes import a_meta

ARMS = [{"name": "a", "share": 0.5, "passage_tokens": 40}, {"name": "b", "share": 0.25}]
PINNED, PINNED_BEFORE = "b-aa-abbab--", "aa-b-aababaa"
"""Arms of twelve requests, within an experiment and as they were drawn before there were any."""
REQUESTS = [f"request-{number}" for number in range(2_000)]


def drawn(experiment, arms=ARMS):
    policy = policy_of({**CONFIGURATION, "arms": arms, "experiment": experiment})
    return [policy.for_request(request).arm for request in REQUESTS]


def test_a_request_gets_the_same_arm_again_and_shares_are_kept():
    counts = Counter(drawn("prompts-1"))
    assert drawn("prompts-1") == drawn("prompts-1")
    assert 900 <= counts["a"] <= 1_100
    assert 430 <= counts["b"] <= 570


def test_an_arm_of_one_experiment_says_nothing_of_the_next():
    pairs = Counter(zip(drawn("prompts-1"), drawn("prompts-2"), strict=True))
    assert 400 <= pairs["a", "a"] <= 600
    assert 60 <= pairs["b", "b"] <= 190


def test_the_draw_never_changes():
    # answers of an experiment are compared with those of its other days, and replayed
    policy = policy_of({**CONFIGURATION, "arms": ARMS, "experiment": "prompts-1"})
    before = policy_of({**CONFIGURATION, "arms": ARMS})
    ids = [f"r-{number}" for number in range(12)]
    assert "".join(policy.for_request(one).arm or "-" for one in ids) == PINNED
    assert "".join(before.for_request(one).arm or "-" for one in ids) == PINNED_BEFORE


async def test_arm_and_experiment_are_recorded_control_and_abstentions_included():
    arms = [{"name": "a", "share": 0.5, "not_found": "Nothing."}]
    told = set()
    for request in REQUESTS[:40]:
        for event in (
            an_event(NORMANS, meta=a_meta(request=request)),
            an_event(outcome="empty", meta=a_meta(request=request)),
            an_event(outcome="small_talk", reason="thanks", meta=a_meta(request=request)),
        ):
            records, _ = await run(event, a_world(*SAID[:1]), arms=arms, experiment="tone-1")
            answer = records[-1].answer
            told.add((answer.experiment, answer.arm, answer.finish_reason))
    assert {one[:2] for one in told} == {("tone-1", "a"), ("tone-1", "")}
    assert len(told) == 6


async def test_without_an_experiment_nothing_is_recorded_of_one():
    records, _ = await run(an_event(NORMANS), a_world(*SAID[:1]))
    assert (records[-1].answer.experiment, records[-1].answer.arm) == ("", "")


# ---------------------------------------------------------------------- the stages of a prompt


async def prompt_of(*texts, **configured):
    _, fx = await run(an_event(*texts), a_world(*SAID[:1]), **configured)
    [request] = [request for request in fx.asked if isinstance(request, Generate)]
    return request.prompt


async def test_each_stage_of_a_prompt_can_be_configured():
    alike = NORMANS.replace("Rollo", "He")
    assert "He led them" not in await prompt_of(NORMANS, alike, passage_tokens=900, same_min=0.7)
    assert "He led them" in await prompt_of(NORMANS, alike, passage_tokens=900, same_min=1.0)
    assert "VAT" in await prompt_of(NORMANS, TAXES, passage_tokens=900)
    assert "VAT" not in await prompt_of(NORMANS, TAXES, passage_tokens=900, passages_max=1)
    assert "Rollo" not in await prompt_of(NORMANS, TAXES, passage_tokens=1)
    assert await prompt_of(NORMANS, prompt="{{question}}|{{passages}}", passage_tokens=1) == (
        "Where do the Normans come from?|The Normans were people from Normandy, a region in France."
    )


@pytest.mark.parametrize(
    ("order", "last"), [("retrieved", "holds for books"), ("nearest", "Rollo led them")]
)
async def test_the_best_passage_stands_beside_the_question(order, last):
    prompt = await prompt_of(TAXES, NORMANS, passage_tokens=900, order=order)
    passages = prompt[: prompt.rindex("Question:")].strip().splitlines()
    assert last in passages[-1]


def test_what_is_shipped_has_the_stages_of_before():
    policy = policy_of(load()["generate"].values)
    assert (policy.passages_max, policy.same_min, policy.order) == (8, 0.9, "retrieved")
