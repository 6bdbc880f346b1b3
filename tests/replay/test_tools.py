"""Tools on the log: what a tool gave is replayed from the record, and nobody is asked again."""

import pytest
from msgspec.structs import replace

from connectors.tools.calculator import calculated
from replay.verify import Verifier
from schemas import Calculate, Calculated, Instant
from streams.log.configuration import configuration, load
from streams.topics import step, topic_of
from tests.agents.test_generate import NORMANS, a_world, an_event
from tests.agents.tools.tooling import OSLO, a_route, call, named, tools, turn
from tests.agents.tools.tooling import a_world as a_tool_world
from tests.fakes import DIGEST_KEY, FakeEffects, a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.replay.little_log import changed, configuration_set, put

CONFIGURED = load()["generate"]


class ClockedEffects(FakeEffects):
    """Effects whose clock tells the time that they were asked at, as the live one does."""

    def _effect(self, number, part, request, response):
        effect = super()._effect(number, part, request, response)
        if isinstance(response, Instant):
            return replace(effect, started=response.at, took_us=0)
        return effect


async def left_by(event, world, configured=CONFIGURED):
    """A log of one input of generate and its outcomes."""
    log = MemoryLog()
    put(log, configuration_set(configured), key=configured.digest.encode())
    put(log, event)
    fx = ClockedEffects("generate", event, world, configured.values)
    fx.configuration_digest = configured.digest
    await fx.execute()
    for outcome in fx.outcomes:
        put(log, outcome)
    return log, fx.outcomes


async def verified(log):
    verifier = Verifier(log, {}, lambda _: DIGEST_KEY, None, steps=(step("generate"),))
    return await verifier.verify()


def asked(question, **fields):
    return an_event(NORMANS, question=question, meta=a_meta(id="id-of-r-1"), **fields)


WORLD = {**a_world(), Calculate: lambda request: calculated(request.expression)}


async def test_a_calculation_is_replayed_without_a_calculator():
    log, [record] = await left_by(asked("What is 17.5 % of 2,340?"), WORLD)
    assert record.text == "17.5 % of 2,340 is 409.5."
    report = await verified(log)
    assert (report.records, report.equal) == (1, 1)


async def test_a_value_that_was_changed_on_the_log_is_noticed():
    log, [record] = await left_by(asked("What is 17.5 % of 2,340?"), WORLD)

    def forged(told):
        effects = [
            replace(one, response=a_codec().encode(Calculated(value="509.5")))
            if one.kind == "Calculate"
            else one
            for one in told.meta.effects
        ]
        return replace(told, meta=replace(told.meta, effects=tuple(effects)))

    changed(log, 0, forged, topic=topic_of(record))
    report = await verified(log)
    assert len(report.diverged) == 1


async def test_a_log_of_before_there_were_tools_is_run_by_its_own_configuration():
    values = {name: value for name, value in CONFIGURED.values.items() if name != "tools"}
    event = asked("What is 17.5 % of 2,340?")
    log, [record] = await left_by(event, WORLD, configuration("generate", values))
    assert record.answer.finish_reason != "calculated"
    assert (await verified(log)).equal == 1


def configured_with(asking):
    values = {**CONFIGURED.values, "tools": tools(), "routes": a_route(asking, "none")}
    return configuration("generate", values)


@pytest.mark.parametrize(
    ("asking", "turns"),
    [
        ("native", (turn(call("weather", **OSLO)), turn(text="degrees: 4"))),
        ("grammar", (named("weather", **OSLO), named("none"))),
        ("native", (turn(call("weather", **OSLO)),)),
    ],
    ids=["native", "json", "a loop that is ended"],
)
async def test_what_a_host_answered_is_replayed_and_no_host_asked(asking, turns):
    event = asked("What is the weather in Oslo?")
    world = {**a_tool_world(*turns), Calculate: WORLD[Calculate]}
    log, records = await left_by(event, world, configured_with(asking))
    assert [use.name for use in records[-1].answer.tools] == ["weather"]
    assert any(one.kind == "CallTool" for record in records for one in record.meta.effects)
    report = await verified(log)
    assert (report.equal, report.records) == (len(records), len(records))


async def test_another_call_than_the_recorded_one_is_a_difference():
    event = asked("What is the weather in Oslo?")
    world = a_tool_world(turn(call("weather", **OSLO)), turn(text="degrees: 4"))
    log, [record] = await left_by(event, world, configured_with("native"))

    def elsewhere(told):
        asked_for = turn(call("weather", city="Bergen"))[-1]
        effects = list(told.meta.effects)
        at = next(n for n, one in enumerate(effects) if one.kind == "Generate")
        effects[at] = replace(effects[at], response=a_codec().encode(asked_for))
        return replace(told, meta=replace(told.meta, effects=tuple(effects)))

    changed(log, 0, elsewhere, topic=topic_of(record))
    [difference] = (await verified(log)).diverged
    assert "CallTool" in difference.reason
