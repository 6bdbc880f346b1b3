"""Contradictions: rules of a policy that can never decide, said before it comes into force.

Each is something that Cedar allows, and nobody is likely to want: a `permit` that a `forbid` always
wins over, an action of which something is forbidden and nothing permitted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.policies.policy_schema import ACTIONS
from agents.policies.rule_book import CedarRule, actions_of, rules_of

ALL = '{"op": "All"}'
_Shape = tuple[str, str, frozenset[str]]
"""Constraint on the principal, that on the resource, and the conditions."""


def contradictions(text: str) -> list[str]:
    """List what a valid policy can't have been meant to say; raises as `rules_of`."""
    rules = rules_of(text)
    return [said for action in ACTIONS for said in _of_action(action, rules)]


def _of_action(action: str, rules: Sequence[CedarRule]) -> Iterator[str]:
    spoken = [rule for rule in rules if action in actions_of(rule)]
    permits = [rule for rule in spoken if rule["effect"] == "permit"]
    if spoken and not permits:
        yield (
            f"{action}: no rule permits it, so all of it is denied: add a permit, such as "
            f'permit(principal, action == Action::"{action}", resource);'
        )
    forbids: dict[_Shape, str] = {}
    for rule in spoken:
        if rule["effect"] == "forbid":
            forbids.setdefault(_shape(rule), rule["id"])
    for rule in permits:
        winner = next((forbids[one] for one in _wider(_shape(rule)) if one in forbids), None)
        if winner is not None:
            yield (
                f"{action}: {rule['id']!r} never permits anything, since {winner!r} forbids all of "
                "it: remove one of them, or narrow what is forbidden"
            )


def _shape(rule: CedarRule) -> _Shape:
    conditions = frozenset(map(_spelt, rule["conditions"]))
    return _spelt(rule["principal"]), _spelt(rule["resource"]), conditions


def _spelt(part: Mapping[str, Any]) -> str:
    return json.dumps(part, sort_keys=True)


def _wider(shape: _Shape) -> Iterator[_Shape]:
    """List shapes that hold for all that a shape holds for: fewer constraints or conditions."""
    principal, resource, conditions = shape
    subsets = {frozenset[str](), conditions, *(frozenset({one}) for one in conditions)}
    for one in (principal, ALL):
        for other in (resource, ALL):
            for some in sorted(subsets, key=sorted):
                yield one, other, some
