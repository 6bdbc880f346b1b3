"""Questions that are answered by routes over real HTTP: a canary that rolls itself back, and replays that agree."""

import json

import pytest
from msgspec.structs import replace

from connectors.providers import Providers
from replay.recorded import RecordedRun
from schemas import Ask, Begun
from streams.log.configuration import load
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import World
from streams.settings import Settings
from streams.topics import step, topic_of
from tests.agents.test_generate import NORMANS, an_event
from tests.connectors.providers.fake_providers import openai_says, serving
from tests.connectors.providers.providing import SECRET
from tests.fakes import DIGEST_KEY, NOW_US, a_codec, a_meta

QUESTIONS = 80
CODEC = a_codec()
BEGUN = Begun(at=NOW_US, attempt=1, code="0.2.0", configuration="c", trace="")


def configured(trial):
    control = {
        "name": "control",
        "model": "good",
        "provider": "p",
        "input_price": 1_000,
        "output_price": 2_000,
    }
    # how long a fake takes on a busy machine is not what is judged here
    canary = {"of": "control", "share": 0.5, "calls_min": 4, "slower": 100.0}
    routes = [control, {**control, "name": "trial", "model": trial, "canary": canary}]
    return {**load()["generate"].values, "routes": {"routes": routes}}


def live(world, values, number, ask):
    event = replace(an_event(NORMANS, ask=ask), meta=a_meta(request=f"r-{number}"))
    outcomes = []
    run = LiveRun(
        step("generate"), Input(event, topic_of(event), 0, number), outcomes.append, world=world, codec=CODEC,
        digest_key=DIGEST_KEY, begun=BEGUN, configuration={"c": values},
    )  # fmt: skip
    return run, outcomes


async def replayed(run, outcomes, values):
    """Run the step again on the record of its effects; return what it yields."""
    again = []
    effects = [effect for outcome in outcomes for effect in outcome.meta.effects]
    recorded = RecordedRun(
        step("generate"), run.input, again.append, effects=effects, closed=True, codec=CODEC, local={},
        digest_key=lambda: DIGEST_KEY, configuration=lambda _: values,
    )  # fmt: skip
    await recorded.execute()
    return again


async def serve(answer):
    model = answer.request[2]["model"]
    if model == "breaks":
        await answer.head(500)
    elif model == "wanders":
        await openai_says(answer, "In 1492", " Zanzibar sailed.")
    else:
        await openai_says(answer, "The Normans", " come from Normandy.")


@pytest.mark.parametrize(("trial", "why"), [("breaks", "calls failed"), ("wanders", "ungrounded")])
async def test_a_canary_that_is_worse_rolls_itself_back_and_every_replay_agrees(
    tmp_path, monkeypatch, trial, why
):
    monkeypatch.setenv("A_PLANTED_KEY", SECRET)
    values, arms, last = configured(trial), [], {}
    async with serving(serve) as (fake, url):
        entry = {"kind": "openai", "url": url, "auth": "env:A_PLANTED_KEY", "tries_max": 1}
        (tmp_path / "providers.json").write_text(json.dumps({"p": entry}))
        world = World((Providers(Settings(run=tmp_path)),), timeout_s=30)
        try:
            for number in range(QUESTIONS):
                run, outcomes = live(world, values, number, Ask())
                await run.execute()
                answer = outcomes[-1].answer
                assert answer.finish_reason in {"stop", "extractive"}
                arms.append(answer.route.arm)
                last = {one.route.partition("@")[0]: one.reason for one in answer.route.considered}
                assert await replayed(run, outcomes, values) == outcomes
                assert SECRET not in repr(outcomes)
                costs = [
                    effect.cost_micros for outcome in outcomes for effect in outcome.meta.effects
                ]
                assert sum(costs) == (11 * 1_000 + 3 * 2_000) // 1_000
        finally:
            await world.close()
    assert 4 <= arms.count("canary") <= 20
    assert set(arms[QUESTIONS // 2 :]) == {"control"}
    assert last["trial"].startswith("canary, rolled back: ")
    assert why in last["trial"]
    asked = [body["model"] for _, _, body in fake.requests]
    assert asked.count(trial) <= 20
    assert asked.count("good") >= QUESTIONS // 2
