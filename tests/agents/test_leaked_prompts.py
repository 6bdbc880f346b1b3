"""A model that repeats its prompt: the canary in it keeps the answer from its reader, and the log replays."""

import json

import pytest
from msgspec.structs import replace

from agents.prompt_canary import canary
from agents.prompting import SLOTS
from replay.recorded import RecordedRun
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    Ask,
    Classified,
    Classify,
    Generate,
    Generated,
    GeneratedToken,
    HeadScore,
    HeadScores,
    Instant,
    Now,
)
from streams.log.configuration import load
from streams.running.run import Input
from streams.topics import step, topic_of
from tests.agents.test_generate import NORMANS, NOW_US, PHRASE, an_event, routes
from tests.agents.test_moderate import a_table
from tests.fakes import DIGEST_KEY, FakeEffects, a_codec

CONFIGURED = {name: one.values for name, one in load().items()}
CONFIGURED["generate"]["routes"] = routes(PHRASE)
SCHEMA = json.dumps({"type": "object", "properties": {"answer": {"type": "string"}}})


class ParrotModel:
    """A model that says what it was asked, or that without its canary."""

    def __init__(self, ask, faithful=True):
        self.ask, self.faithful, self.prompts = ask, faithful, []

    def __call__(self, request):
        self.prompts.append(request.prompt)
        said = request.prompt if self.faithful else "The Normans come from Normandy."
        text = json.dumps({"answer": said}) if self.ask.response_schema else said
        half = len(text) // 2
        return [
            Generated(tokens=(GeneratedToken(text=text[:half], at_us=1),), model="m@1"),
            Generated(tokens=(GeneratedToken(text=text[half:], at_us=2),), model="m@1"),
            Generated(tokens=(), last=True, finish_reason="stop", model="m@1"),
        ]


class FakeLive(FakeEffects):
    """Effects that began when their clock says so, as those that are recorded live do."""

    def _effect(self, number, part, request, response):
        effect = super()._effect(number, part, request, response)
        return replace(effect, started=response.at) if isinstance(response, Instant) else effect


def unharmed(request):
    scores = tuple(HeadScores(scores=(HeadScore(head="harm", score=0.0),)) for _ in request.texts)
    return Classified(texts=scores, model="tiny@1")


async def outcomes(name, event, answers):
    """Run a step; its record must give the same outcomes again without any model."""
    fx = FakeLive(name, event, answers, CONFIGURED[name])
    await fx.execute()
    again = []
    effects = [effect for outcome in fx.outcomes for effect in outcome.meta.effects]
    recorded = RecordedRun(
        step(name), Input(event, topic_of(event), 0, 0), again.append, effects=effects, closed=True,
        codec=a_codec(), local={}, digest_key=lambda: DIGEST_KEY, configuration=lambda _: CONFIGURED[name],
    )  # fmt: skip
    await recorded.execute()
    assert again == fx.outcomes
    return fx.outcomes


async def conversed(ask, parrot):
    """Let generate and moderate work in turn; return what was generated and what a reader gets."""
    answers = {Now: lambda _: Instant(at=NOW_US), Generate: parrot}
    generated = await outcomes("generate", an_event(NORMANS, ask=ask), answers)
    table, shown = a_table(), []
    for event in generated:
        judging = {**table.answers(), Classify: unharmed}
        shown += await outcomes("moderate", event, judging)
    return generated, shown


async def test_json_that_repeats_the_prompt_is_retracted_before_it_is_shown():
    ask = Ask(response_schema=SCHEMA)
    parrot = ParrotModel(ask)
    generated, shown = await conversed(ask, parrot)
    mark = canary(generated[0].meta.request)
    assert mark in parrot.prompts[0]
    assert mark in generated[-1].answer.text
    assert isinstance(shown[-1], AnswerRetracted)
    assert shown[-1].verdict.categories == ("leak",)
    assert not any(mark in record.text for record in shown[:-1])


async def test_prose_that_repeats_the_prompt_is_quoted_instead():
    generated, shown = await conversed(Ask(), ParrotModel(Ask()))
    assert isinstance(shown[-1], AnswerReleased)
    said = [record.text for record in (*generated, *shown)]
    assert not any(canary(generated[0].meta.request) in text for text in said)


async def test_an_answer_of_the_same_prompt_without_its_mark_is_released():
    ask = Ask(response_schema=SCHEMA)
    _, shown = await conversed(ask, ParrotModel(ask, faithful=False))
    assert isinstance(shown[-1], AnswerReleased)


def test_the_mark_stands_behind_what_servers_keep_in_their_prompt_cache():
    template = CONFIGURED["generate"]["prompt"]
    assert template.index("{{canary}}") < SLOTS.search(template).start()
    assert len(template[: template.index("{{canary}}")]) > 0.75 * len(template)


@pytest.mark.parametrize("text", ["What is {{canary}}?", "{{passages}} {{canary}}"])
async def test_a_question_can_not_have_the_mark_put_into_itself(text):
    ask = Ask(response_schema=SCHEMA)
    parrot = ParrotModel(ask)
    answers = {Now: lambda _: Instant(at=NOW_US), Generate: parrot}
    await outcomes("generate", an_event(NORMANS, ask=ask, question=text), answers)
    assert parrot.prompts[0].count(canary("r-1")) <= 1
