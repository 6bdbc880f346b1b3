"""Deciding: the engine, asked about several things at once.

The engine is a library in Rust, imported where a policy is in force and not before: a platform for
which there is no wheel can do without it as long as it does without policies. A process that lacks
it decides nothing, and nothing is let through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.errors import BeyondMeans, Permanent

Entity = Mapping[str, Any]
"""An entity in Cedar's JSON: uid, attrs, parents, tags."""

NO_RULE = "default"
"""Stands for the rule where none permits."""
UNKNOWN = "unknown"
"""Stands for the rule where nothing is known of what is decided about."""
BROKEN = "error"
"""Stands for the rule where one could not be evaluated: Cedar would go on without it."""
RESERVED = frozenset({NO_RULE, UNKNOWN, BROKEN})


class CannotDecide(Permanent):
    """A policy by which nothing can be decided."""


class Ruling(NamedTuple):
    """What a policy says of one thing."""

    allowed: bool
    rules: tuple[str, ...]
    """Names of those that decided, in order."""

    @property
    def effect(self) -> str:
        """What those rules do."""
        return "permit" if self.allowed else "forbid"


def engine() -> Any:
    """Import the engine; raises BeyondMeans where it is not installed."""
    try:
        import cedarpy
    except ImportError:
        raise BeyondMeans(
            "a policy is in force and the package cedarpy, which decides by it, is not installed "
            "here: install it, or roll the policy back"
        ) from None
    return cedarpy


def uid(kind: str, name: str) -> dict[str, str]:
    """Name an entity."""
    return {"type": kind, "id": name}


def decide(
    policies: Any,
    action: str,
    principal: Entity,
    resources: Sequence[Entity],
    context: Mapping[str, Any],
) -> list[Ruling]:
    """Decide about each resource; `policies` is the engine's own handle of the action's rules.

    A rule that breaks denies. Raises CannotDecide where the engine takes no part of the question.
    """
    asked = {
        "principal": principal["uid"],
        "action": uid("Action", action),
        "context": json.dumps(context),
    }
    requests = [{**asked, "resource": resource["uid"]} for resource in resources]
    entities = json.dumps([principal, *resources])
    answers = engine().is_authorized_batch(requests, policies, entities)
    return [_ruling(answer, action) for answer in answers]


def _ruling(answer: Any, action: str) -> Ruling:
    told, decision = answer.diagnostics, answer.decision.value
    if decision == "NoDecision":
        # what the engine says of it quotes all that it was told of reader and documents
        raise CannotDecide(
            f"the policy's engine can't decide about {action}: it takes no part of it"
        )
    if told.errors:
        return Ruling(False, (BROKEN,))
    return Ruling(decision == "Allow", tuple(sorted(told.reasons)) or (NO_RULE,))
