"""The classifier's policy: who is asked, what follows, what happens without it."""

import pytest

from agents.classifier import NOTHING, ClassifierVerdict, action_for, judged
from agents.errors import Permanent, Transient
from schemas import (
    Ask,
    Classified,
    Classify,
    HeadScore,
    HeadScores,
    Instant,
    Now,
    QuestionAsked,
    Sealed,
)
from tests.fakes import NOW_US, FakeEffects, a_meta

POLICY = {
    "action": "refuse",
    "tenants": {"quiet": "log", "free": "off"},
    "heads": {"injection": 0.5, "harm": 0.7},
    "patience_ms": 2_000,
    "urgent_ms": 1_500,
}
SEALED = Sealed(key="k", event="e", field="text", ciphertext=b"x")


def scored(*texts):
    return Classified(
        texts=tuple(
            HeadScores(
                scores=(
                    HeadScore(head="injection", score=injection),
                    HeadScore(head="harm", score=harm),
                )
            )
            for injection, harm in texts
        ),
        model="tiny@1",
    )


class Judging:
    """Runs `judged` for a question of some tenant, with a model that answers or does not."""

    def __init__(self, answer, tenant="acme", deadline=0, waited_ms=0, policy=POLICY):
        meta = a_meta(tenant=tenant)
        event = QuestionAsked(meta=meta, subject="s", text=SEALED, ask=Ask(deadline=deadline))
        self.requests = []
        self.answer = answer
        now = NOW_US + waited_ms * 1_000
        answers = {Classify: self._classify, Now: lambda _: Instant(at=now)}
        configuration = {} if policy is None else {"classifier": policy}
        self.event = event
        self.fx = FakeEffects("redact", event, answers, configuration)

    def _classify(self, request):
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def find(self, *texts):
        await self.fx.begin()
        return await judged(self.event, [(text, POLICY["heads"]) for text in texts], self.fx)


async def test_a_score_at_its_bound_speaks_against_a_text():
    judging = Judging(scored((0.5, 0.6999)))
    found = await judging.find("words")
    assert found == ClassifierVerdict(
        scores=(HeadScore(head="injection", score=0.5), HeadScore(head="harm", score=0.6999)),
        categories=("injection",),
        model="tiny@1",
        refuses=True,
    )
    assert judging.requests == [Classify(texts=("words",), heads=("injection", "harm"))]


async def test_of_several_texts_the_highest_scores_are_told():
    found = await Judging(scored((0.1, 0.2), (0.0, 0.9))).find("a", "b")
    assert [score.score for score in found.scores] == [0.1, 0.9]
    assert found.categories == ("harm",)


async def test_harmless_texts_are_let_through():
    found = await Judging(scored((0.1, 0.1))).find("words")
    assert (found.refuses, found.categories) == (False, ())


@pytest.mark.parametrize(
    ("tenant", "asked", "categories"), [("quiet", 1, ("harm",)), ("free", 0, ())]
)
async def test_a_tenant_may_only_log_or_ask_nothing(tenant, asked, categories):
    judging = Judging(scored((0.0, 1.0)), tenant=tenant)
    found = await judging.find("words")
    assert (len(judging.requests), found.categories, found.refuses) == (asked, categories, False)


async def test_without_a_policy_or_text_nothing_is_asked():
    for judging, text in ((Judging(scored(), policy=None), "words"), (Judging(scored()), " \n")):
        assert await judging.find(text) == NOTHING
        assert judging.requests == []


async def test_a_model_that_is_away_is_waited_for_and_then_done_without():
    with pytest.raises(Transient):
        await Judging(Transient("away"), waited_ms=1_999).find("words")
    found = await Judging(Transient("away"), waited_ms=2_000).find("words")
    assert found == ClassifierVerdict(degraded=("classifier",))


async def test_who_is_in_a_hurry_is_not_made_to_wait():
    soon = NOW_US + 1_499_000
    assert (await Judging(Transient("away"), deadline=soon).find("words")).degraded


async def test_a_model_that_refuses_is_done_without_at_once():
    found = await Judging(Permanent("no such head")).find("words")
    assert (found.degraded, found.refuses) == (("classifier",), False)


def test_an_action_that_is_none_is_named():
    with pytest.raises(Permanent, match="action warn: use refuse, log, off"):
        action_for("acme", {"classifier": {"action": "warn"}})
