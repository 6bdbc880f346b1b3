"""Arms of steps beside generate: drawn by the request, told by the record, and the same at a replay."""

import pytest

from agents.answering.generation_policy import policy_of
from agents.arms import COMPARED, SHARES, drawn, laid_over
from agents.configured.usability import Unusable, hold_usable, known_fields
from agents.errors import Permanent
from replay.verify import Verifier
from schemas import Ask, QuestionRedacted, ReadTurns, Turns
from streams.log.configuration import configuration, load
from streams.operations.configuring.changes_planned import promoted
from streams.topics import step
from tests.fakes import DIGEST_KEY, FakeEffects, a_meta
from tests.memory_log import MemoryLog
from tests.replay.little_log import configuration_set, put

REQUESTS = [f"r-{number}" for number in range(400)]
HALF = [{"name": "few", "share": 0.5, "turns": 0}]
EXPERIMENT = {"experiment": "turns-1", "arms": HALF}
SHIPPED = {name: load()[name].values for name in ("generate", *COMPARED)}


def test_each_request_gets_its_arm_always_and_shares_are_kept():
    got = [drawn(HALF, "turns-1", request) for request in REQUESTS]
    assert got == [drawn(HALF, "turns-1", request) for request in REQUESTS]
    assert 160 < sum(one is not None for one in got) < 240
    other = [drawn(HALF, "turns-2", request) for request in REQUESTS]
    assert got != other
    assert all(drawn([{**HALF[0], "share": 1 / SHARES}], "", one) is None for one in REQUESTS[:9])


def test_generate_and_the_others_draw_alike():
    arms = [{"name": "a", "share": 0.3}, {"name": "b", "share": 0.3}]
    policy = policy_of({**SHIPPED["generate"], "experiment": "e", "arms": arms})
    for request in REQUESTS[:100]:
        arm = drawn(arms, "e", request)
        assert policy.for_request(request).arm == ("" if arm is None else arm["name"])


def test_values_without_arms_are_left_as_they_are():
    values = SHIPPED["retrieve"]
    assert laid_over(values, "r-1") is values


async def rewritten(request, values, digest="c"):
    """The record of rewrite over a question, and how many turns it asked for."""
    event = QuestionRedacted(
        meta=a_meta(id=f"id-of-{request}", request=request),
        outcome="redacted",
        subject="s",
        text="What does it cost?",
        ask=Ask(),
    )
    fx = FakeEffects("rewrite", event, {ReadTurns: lambda _: Turns(turns=())}, values)
    fx.configuration_digest = digest
    await fx.execute()
    asked = [one.limit for one in fx.asked if isinstance(one, ReadTurns)]
    return event, fx.outcomes[0], asked


async def test_an_arm_of_rewrite_changes_what_it_does_and_is_told():
    values = {**SHIPPED["rewrite"], **EXPERIMENT}
    arms = {}
    for request in REQUESTS[:20]:
        _, record, asked = await rewritten(request, values)
        assert record.experiment == "turns-1"
        arms.setdefault(record.arm, set()).update(asked)
    assert arms == {"few": {0}, "": {SHIPPED["rewrite"]["turns"]}}
    _, record, _ = await rewritten("r-1", SHIPPED["rewrite"])
    assert (record.arm, record.experiment) == ("", "")


async def test_a_replay_draws_the_arm_that_the_run_had():
    configured = configuration("rewrite", {**SHIPPED["rewrite"], **EXPERIMENT})
    arms = set()
    for request in REQUESTS[:6]:
        event, record, _ = await rewritten(request, configured.values, configured.digest)
        log = MemoryLog()
        put(log, configuration_set(configured), key=configured.digest.encode())
        put(log, event)
        put(log, record)
        verifier = Verifier(log, {}, lambda _: DIGEST_KEY, None, steps=(step("rewrite"),))
        report = await verifier.verify()
        assert (report.records, report.equal) == (1, 1)
        arms.add(record.arm)
    assert arms == {"few", ""}


@pytest.mark.parametrize("name", COMPARED)
def test_arms_of_each_step_are_held_to_its_configuration(name):
    good = {"rewrite": {"turns": 3}, "retrieve": {"gap": 0.2}}[name]
    values = {**SHIPPED[name], "experiment": "e", "arms": [{"name": "a", "share": 0.5, **good}]}
    hold_usable(name, values)
    assert {"arms", "experiment"} <= set(known_fields(name))
    wrong = {**values, "arms": [{"name": "a", "share": 0.5, "temperature": 1}]}
    with pytest.raises(Unusable, match=r"arms\[0\].*temperature"):
        hold_usable(name, wrong)
    with pytest.raises(Unusable, match="experiment"):
        hold_usable(name, {**values, "experiment": ""})
    everybody, experiment = promoted(configuration(name, values), "a")
    assert (everybody.values, experiment) == ({**SHIPPED[name], **good}, "e")


async def test_an_arm_that_is_none_is_an_error_in_words():
    with pytest.raises(Permanent, match="configuration of rewrite: its arms"):
        await rewritten("r-1", {**SHIPPED["rewrite"], "arms": [{"name": "a"}]})
