"""Models whose host may not get what a prompt holds are not asked, by the rule that says so."""

import pytest
from msgspec.structs import replace

from agents.errors import Permanent
from schemas import Ask, Generate
from tests.agents.policies.policies import SENDING, governed
from tests.agents.routing.routing import BIG, SMALL
from tests.agents.test_generate import CONFIGURATION, NORMANS, an_event
from tests.agents.test_routed_answers import SCHEMA, a_routed, asked, models, told
from tests.fakes import FakeEffects

SAID = " The Normans come from Normandy."
ABROAD = {**BIG, "provider": "abroad", "fallbacks": []}
HERE = {**SMALL, "provider": "", "distilled": False, "quality": 9}


def asking(content_class, text=NORMANS, **fields):
    """A question with one passage, whose document is of a class."""
    event = an_event(text, **fields)
    passages = tuple(replace(one, content_class=content_class) for one in event.passages)
    return replace(event, passages=passages)


async def run(event, text, said, *routes):
    configured = {**CONFIGURATION, **a_routed(*routes)}
    fx = governed(FakeEffects("generate", event, models(**said), configured), text)
    await fx.execute()
    return fx.outcomes, fx


async def test_a_host_that_may_not_get_secret_documents_is_left_out_and_the_record_says_why():
    records, fx = await run(asking("secret"), SENDING, {"chat": SAID}, ABROAD, HERE)
    answer = records[-1].answer
    assert {request.model for request in asked(fx, Generate)} == {HERE["model"]}
    assert told(answer)[ABROAD["name"]] == (
        "may get no internal content, out of secret documents, by 'secrets stay' of the policy in "
        "force"
    )
    decided = {one.resource.partition("@")[0]: (one.allowed, one.denied) for one in answer.policies}
    assert decided == {ABROAD["name"]: (0, 1), HERE["name"]: (1, 0)}
    assert {one.policy for one in answer.policies} == {"p" * 64}


async def test_other_content_goes_to_whom_it_went():
    records, fx = await run(asking("internal"), SENDING, {"big_1": SAID}, ABROAD, HERE)
    assert {request.model for request in asked(fx, Generate)} == {ABROAD["model"]}
    assert [one.denied for one in records[-1].answer.policies] == [0, 0]


async def test_a_prompt_with_a_persons_data_is_personal_content():
    event = asking(
        "internal", "Rollo leads <PERSON_1> of Normandy.", question="Who leads <PERSON_1>?"
    )
    records, fx = await run(event, SENDING, {"chat": SAID}, ABROAD, HERE)
    assert ABROAD["model"] not in {request.model for request in asked(fx, Generate)}
    assert records[-1].answer.finish_reason == "extractive"


async def test_where_no_host_is_left_the_documents_are_quoted_and_the_record_says_so():
    records, fx = await run(asking("secret"), SENDING, {}, ABROAD)
    answer = records[-1].answer
    assert not asked(fx, Generate)
    assert answer.finish_reason == "extractive"
    assert "policy" in answer.degraded
    assert "secrets stay" in told(answer)[ABROAD["name"]]


async def test_where_a_model_is_needed_and_none_is_left_the_error_names_the_rule():
    event = asking("secret", ask=Ask(response_schema=SCHEMA))
    with pytest.raises(Permanent, match=r"no answer in JSON.*may get no internal.*'secrets stay'"):
        await run(event, SENDING, {}, ABROAD)


async def test_without_rules_on_sending_nobody_is_left_out():
    read = 'permit(principal, action == Action::"read", resource);'
    records, fx = await run(asking("secret"), read, {"big_1": SAID}, ABROAD, HERE)
    assert {request.model for request in asked(fx, Generate)} == {ABROAD["model"]}
    assert records[-1].answer.policies == ()


async def test_a_configuration_without_routes_is_held_to_the_policy_too():
    event = asking("secret")
    configured = {**CONFIGURATION, "routes": None, "models": ["chat"]}
    for text, models_asked in ((SENDING, ["chat"]), (SENDING.replace("triton", "abroad"), [])):
        world = models(chat=SAID)
        fx = governed(FakeEffects("generate", event, world, configured), text)
        await fx.execute()
        answer = fx.outcomes[-1].answer
        assert [request.model for request in asked(fx, Generate)] == models_asked
        assert ("policy" in answer.degraded) is (not models_asked)
        assert [one.allowed for one in answer.policies] == [len(models_asked)]


@pytest.mark.parametrize("content_class", ["unknown", ""])  # not told, or not asked for at the time
@pytest.mark.parametrize(
    ("text", "denied"),
    [
        (SENDING, ("unknown",)),
        (SENDING.replace("context.documents", 'context["documents"]'), ("unknown",)),
        ('@id("all") permit(principal, action == Action::"send", resource);', ("all",)),
    ],
)
async def test_documents_of_an_unknown_class_go_nowhere_where_rules_go_by_class(
    content_class, text, denied
):
    records, fx = await run(asking(content_class), text, {"big_1": SAID}, ABROAD)
    [told] = records[-1].answer.policies
    assert tuple(one.rule for one in told.rules) == denied
    assert [request.model for request in asked(fx, Generate)] == (
        [ABROAD["model"]] if told.allowed else []
    )
    assert told.allowed == (denied == ("all",))
