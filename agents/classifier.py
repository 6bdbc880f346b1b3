"""Classifier: ask moderation's model, and say what follows from its scores.

What is asked, and what a score leads to, is a step's configuration: `classifier` in redact.json and
moderate.json. Configurations of 0.1.0 have none, and then nothing is asked.

    action       refuse, log (the verdict is on the record, nothing else follows) or off
    tenants      another action for some tenants
    heads        from which score on a head speaks against a text
    patience_ms  how long the step waits for a model that is away,
    urgent_ms    unless no more time than this is left

Why it is so: a reader waits for the verdict, so a model that stays away costs no answer. The rules
have judged before it, and the record says that nothing else did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.patience import patient
from schemas import Classified, Classify, HeadScore, QuestionAsked, TokensGenerated

AWAY = "classifier"
"""What stands in `degraded` where the model was away."""
ACTIONS = ("refuse", "log", "off")


@dataclass(frozen=True)
class ClassifierVerdict:
    """What the model found."""

    scores: tuple[HeadScore, ...] = ()
    """Of each head, the highest."""
    categories: tuple[str, ...] = ()
    """Heads that speak against the text."""
    model: str = ""
    degraded: tuple[str, ...] = ()
    refuses: bool = False
    """Whether the text must not stand."""


NOTHING = ClassifierVerdict()


def action_for(tenant: str, configured: Mapping[str, Any]) -> str:
    """Say what a tenant wants done; raises Permanent for what nobody can do."""
    policy = configured.get("classifier")
    if policy is None:
        return "off"
    action: str = policy.get("tenants", {}).get(tenant, policy["action"])
    if action not in ACTIONS:
        raise Permanent(f"configuration: classifier: action {action}: use {', '.join(ACTIONS)}")
    return action


async def judged(
    event: QuestionAsked | TokensGenerated,
    texts: Sequence[tuple[str, Mapping[str, float]]],
    fx: Effects,
) -> ClassifierVerdict:
    """Ask for the scores of some texts, each with its own bounds.

    Raises Transient while the model is waited for.
    """
    action = action_for(event.meta.tenant, fx.configuration)
    asked = [(text, bounds) for text, bounds in texts if text.strip()]
    if action == "off" or not asked:
        return NOTHING
    heads = tuple(fx.configuration["classifier"]["heads"])
    request = Classify(texts=tuple(text for text, _ in asked), heads=heads)
    try:
        answer = await fx(request)
    except Transient:
        if await patient(event, fx, fx.configuration["classifier"]):
            raise
        return ClassifierVerdict(degraded=(AWAY,))
    except Permanent:
        return ClassifierVerdict(degraded=(AWAY,))
    return _finding(heads, [bounds for _, bounds in asked], answer, refuses=action == "refuse")


def _finding(
    heads: Sequence[str],
    bounds: Sequence[Mapping[str, float]],
    answer: Classified,
    *,
    refuses: bool,
) -> ClassifierVerdict:
    """Weigh the scores against the bounds."""
    highest = dict.fromkeys(heads, 0.0)
    against: dict[str, None] = {}
    for scores, limits in zip(answer.texts, bounds, strict=True):
        for scored in scores.scores:
            highest[scored.head] = max(highest.get(scored.head, 0.0), scored.score)
            if scored.score >= limits.get(scored.head, 2.0):
                against[scored.head] = None
    categories = tuple(head for head in heads if head in against)
    return ClassifierVerdict(
        scores=tuple(HeadScore(head=head, score=score) for head, score in highest.items()),
        categories=categories,
        model=answer.model,
        refuses=refuses and bool(categories),
    )
