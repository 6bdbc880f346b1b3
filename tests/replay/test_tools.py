"""Tools on the log: what a tool gave is replayed from the record, and nobody is asked again."""

from msgspec.structs import replace

from connectors.tools.calculator import calculated
from replay.verify import Verifier
from schemas import Calculate, Calculated
from streams.log.configuration import configuration, load
from streams.topics import step, topic_of
from tests.agents.test_generate import NORMANS, a_world, an_event
from tests.fakes import DIGEST_KEY, FakeEffects, a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.replay.little_log import changed, configuration_set, put

CONFIGURED = load()["generate"]


async def left_by(event, world, configured=CONFIGURED):
    """A log of one input of generate and its outcomes."""
    log = MemoryLog()
    put(log, configuration_set(configured), key=configured.digest.encode())
    put(log, event)
    fx = FakeEffects("generate", event, world, configured.values)
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
