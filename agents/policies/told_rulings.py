"""What a record tells of decisions: how many went how, and by which rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agents.policies.deciding import Ruling
from schemas import AppliedRule, PolicyDecision

RULES_TOLD_MAX = 20  # by name, the most frequent: a record has room for those that matter


def told_rulings(
    digest: str, action: str, rulings: Iterable[Ruling], resource: str = ""
) -> PolicyDecision:
    """Sum up decisions about several things, or about the one that is named."""
    made = list(rulings)
    applied = Counter((rule, one.effect) for one in made for rule in one.rules)
    most = sorted(applied.items(), key=lambda entry: (-entry[1], entry[0]))[:RULES_TOLD_MAX]
    allowed = sum(one.allowed for one in made)
    return PolicyDecision(
        policy=digest,
        action=action,
        resource=resource,
        allowed=allowed,
        denied=len(made) - allowed,
        rules=tuple(
            AppliedRule(rule=rule, effect=effect, count=count)
            for (rule, effect), count in sorted(most)
        ),
    )


def by_rule(ruling: Ruling) -> str:
    """Name the rules of a refusal for people."""
    if ruling.rules == ("default",):
        return "since no rule of the policy in force permits it"
    return f"by {' and '.join(map(repr, ruling.rules))} of the policy in force"
