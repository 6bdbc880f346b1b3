"""Asking the rules of one action: alike things once, and what was decided before not again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agents.policies.deciding import Entity, Ruling, decide
from agents.policies.rule_book import ActionRules
from agents.policies.rule_mentions import RuleMention, fits

Decide = Callable[[Any, str, Entity, Sequence[Entity], Mapping[str, Any]], list[Ruling]]
KNOWN_MAX = 20_000  # decisions kept of an action, some 300 bytes each
RULES_AT_ONCE = 5_000  # rules times things between two pauses: five milliseconds


def rulings(
    rules: ActionRules,
    principal: Entity,
    things: Sequence[Entity],
    context: Mapping[str, Any],
    decide: Decide = decide,
) -> Iterator[Ruling | None]:
    """Decide about things, in their order; yields None between slices of the work."""
    told = _frozen(context)
    whom = (told, _likeness(principal, rules.of_principal))
    keys = [(whom, _likeness(thing, rules.of_resource)) for thing in things]
    if len(rules.known) > KNOWN_MAX:
        rules.known.clear()
    kept = ((key, rules.known.get(key)) for key in keys)  # another thread may clear them
    known = {key: made for key, made in kept if made is not None}
    unknown = {key: thing for key, thing in zip(keys, things, strict=True) if key not in known}
    waiting = list(unknown.items())
    size = max(1, RULES_AT_ONCE // len(rules.rules))
    for begin in range(0, len(waiting), size):
        some = waiting[begin : begin + size]
        answers = decide(
            rules.policies, rules.action, principal, [thing for _, thing in some], context
        )
        found = dict(zip([key for key, _ in some], answers, strict=True))
        known |= found
        rules.known.update(found)
        yield None
    for key in keys:
        yield known[key]


def ruling(
    rules: ActionRules, principal: Entity, thing: Entity, context: Mapping[str, Any]
) -> Ruling:
    """Decide about one thing."""
    return next(one for one in rulings(rules, principal, [thing], context) if one is not None)


def _likeness(thing: Entity, mentioned: Sequence[RuleMention]) -> Any:
    """Return what of a thing the rules decide by: things of one likeness are decided alike."""
    return thing["uid"]["type"], tuple([_part(thing, one) for one in mentioned])


def _part(thing: Entity, mention: RuleMention) -> Any:
    match mention.kind:
        case "whole":
            return _frozen(thing)
        case "parents":
            return _frozen(thing["parents"])
        case "named":
            return thing["uid"]["id"] == mention.name
        case "tag":
            return thing.get("tags", {}).get(mention.name)
        case "like":
            value = thing["attrs"].get(mention.name)
            return fits(value, mention.pattern) if isinstance(value, str) else None
        case _:
            return _frozen(thing["attrs"].get(mention.name))


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple((key, _frozen(value[key])) for key in sorted(value))
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return value
