"""The rule book: a policy's rules by action, as the engine takes them, read once for each text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from agents.policies.deciding import RESERVED, CannotDecide, Ruling, engine
from agents.policies.policy_schema import ACTIONS
from agents.policies.policy_text import PolicyFault, policy_text
from agents.policies.rule_mentions import RuleMention, mentions

BOOKS_MAX = 8  # texts that are kept read: one is in force, experiments and replays meet a few
NAME_MAX = 100  # characters of a rule's name: it stands in records
CedarRule = Mapping[str, Any]
"""A rule in Cedar's JSON, `id` added."""


@dataclass(frozen=True, eq=False)
class ActionRules:
    """The rules that speak of one action."""

    action: str
    rules: Sequence[CedarRule]
    policies: Any
    """The engine's handle of them."""
    of_principal: tuple[RuleMention, ...]
    """What of a principal they mention."""
    of_resource: tuple[RuleMention, ...]
    known: dict[Any, Ruling] = field(default_factory=dict)
    """What was decided, by all that it depends on: a function's results, kept."""


@dataclass(frozen=True, eq=False)
class RuleBook:
    """A policy that can be decided by."""

    by_action: Mapping[str, ActionRules]
    """Actions that no rule speaks of are missing."""

    def of(self, action: str) -> ActionRules | None:
        """Return the rules that speak of an action; None where it is as without a policy."""
        return self.by_action.get(action)


@lru_cache(maxsize=BOOKS_MAX)
def rule_book(text: str) -> RuleBook:
    """Read a policy; raises CannotDecide for one that can't be used, BeyondMeans for no engine."""
    try:
        rules = rules_of(text)
    except PolicyFault as error:
        raise CannotDecide(f"the policy in force can't be used: {error}") from None
    by_action = {}
    for action in ACTIONS:
        chosen = [rule for rule in rules if action in actions_of(rule)]
        if chosen:
            by_action[action] = _of_action(action, chosen)
    return RuleBook(by_action)


def rules_of(text: str) -> list[CedarRule]:
    """Read the rules of a policy, each with its name as `id`; raises PolicyFault, BeyondMeans."""
    policy_text(text)  # bounds first: the engine's parser has none
    try:
        read = json.loads(engine().policies_to_json_str(text))
    except (ValueError, UnicodeEncodeError) as error:
        raise PolicyFault(str(error)) from None
    if read["templates"]:
        raise PolicyFault("`?principal` and `?resource` stand for nothing here: name what is meant")
    by_place = sorted(read["staticPolicies"].items(), key=lambda entry: int(entry[0][6:]))
    rules: list[CedarRule] = [
        {**rule, "id": (rule.get("annotations") or {}).get("id") or name} for name, rule in by_place
    ]
    _hold_names([rule["id"] for rule in rules])
    return rules


def _hold_names(names: Sequence[str]) -> None:
    """Raise PolicyFault for names by which records could not tell the rules apart."""
    for name, count in Counter(names).items():
        if count > 1:
            raise PolicyFault(f"{count} rules are called {name!r} by their @id: give each its own")
        if name in RESERVED:
            raise PolicyFault(f"@id({name!r}) stands for no rule in records: call it otherwise")
        if len(name) > NAME_MAX or not name.isprintable():
            raise PolicyFault(
                f"@id({name[:NAME_MAX]!r}) is no name: write at most {NAME_MAX} characters, in one "
                "line"
            )


def actions_of(rule: CedarRule) -> tuple[str, ...]:
    """List the actions that a rule speaks of; all where it names none."""
    scope = rule["action"]
    if scope["op"] == "All":
        return tuple(ACTIONS)
    named = scope.get("entities") or [scope["entity"]]
    return tuple(entity["id"] for entity in named)


def loadable(rule: CedarRule) -> bool:
    """Tell whether the engine takes a rule as it is kept here.

    Its reader of JSON takes fewer levels than its parser: each further `||` or `+` in a row is two.
    """
    try:
        _loaded([rule])
    except ValueError:
        return False
    return True


def _loaded(rules: Sequence[CedarRule]) -> Any:
    static = {rule["id"]: {key: rule[key] for key in rule if key != "id"} for rule in rules}
    document = {"templates": {}, "staticPolicies": static, "templateLinks": []}
    return engine().PolicySet.from_json_str(json.dumps(document))


def _of_action(action: str, rules: Sequence[CedarRule]) -> ActionRules:
    handle = _loaded(rules)
    whose, what = ACTIONS[action]
    of_principal = mentions(rules, "principal", whose)
    of_resource = mentions(rules, "resource", what)
    return ActionRules(action, tuple(rules), handle, of_principal, of_resource)
